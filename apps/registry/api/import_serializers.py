from typing import Any

from django.conf import settings
from rest_framework import serializers

from ..import_actions import too_large
from ..models import ImportRow, ImportRun, SourceRow


class ImportUploadSerializer(serializers.Serializer):
    file = serializers.FileField(help_text="CSV or .xlsx, one row per AI system.")
    profile = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="Key of a profile; without it the headings decide."
    )
    start = serializers.BooleanField(
        required=False, default=True, help_text="False leaves the run in preview, to be started on its page."
    )

    def validate_file(self, file: Any) -> Any:
        if file.size > settings.IMPORT_MAX_BYTES:
            raise serializers.ValidationError(str(too_large(file.size)))
        return file


class ImportRunSerializer(serializers.ModelSerializer):
    url = serializers.SerializerMethodField(help_text="The page of the run.")
    started_by = serializers.CharField(source="started_by.username", read_only=True)
    profile = serializers.CharField(source="profile_key", read_only=True)
    notes = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = ImportRun
        fields = (
            "uid", "url", "filename", "sha256", "format", "encoding", "profile", "profile_version", "status", "message",
            "notes", "rows_total", "rows_done", "created", "updated", "unchanged", "conflicts", "refused", "started_by",
            "created_at", "started_at", "advanced_at", "finished_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_url(self, run: ImportRun) -> str:
        return f"{settings.SITE_URL}/imports/{run.uid}/"


class ImportRowSerializer(serializers.ModelSerializer):
    system = serializers.CharField(source="system.slug", read_only=True, allow_null=True, default=None)
    warnings = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = ImportRow
        fields = ("number", "outcome", "name", "system", "reason", "warnings")
        read_only_fields = fields


class CellSerializer(serializers.Serializer):
    heading = serializers.CharField()
    text = serializers.CharField()


class SourceRowSerializer(serializers.ModelSerializer):
    """Heading and text of every cell, exactly as they stood in the file."""

    import_uid = serializers.UUIDField(source="run.uid", read_only=True)
    filename = serializers.CharField(source="run.filename", read_only=True)
    sha256 = serializers.CharField(source="raw_sha256", read_only=True)
    cells = serializers.SerializerMethodField()

    class Meta:
        model = SourceRow
        fields = ("import_uid", "filename", "number", "is_current", "sha256", "created_at", "cells")
        read_only_fields = fields

    def get_cells(self, row: SourceRow) -> CellSerializer(many=True):  # type: ignore[valid-type]
        return [{"heading": heading, "text": text} for heading, text in row.cells]
