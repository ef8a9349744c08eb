import hashlib
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.models import Scope
from apps.core.api.mixins import IdempotentMixin
from apps.core.api.pagination import CursorPage

from .. import import_actions, policies
from ..import_policies import can_see_imports, check_can_see_imports
from ..models import AISystem, ImportRow, ImportRun, SourceRow
from .import_serializers import (
    ImportRowSerializer,
    ImportRunSerializer,
    ImportUploadSerializer,
    SourceRowSerializer,
)


class NewestFirst(CursorPage):
    ordering = "-pk"


class InFileOrder(CursorPage):
    ordering = "number"


def _scope(request: Request) -> str:
    return Scope.READ if request.method in SAFE_METHODS else Scope.IMPORT


class Imports(IdempotentMixin, generics.ListAPIView):
    """Imports so far, newest first; and a new one."""

    serializer_class = ImportRunSerializer
    pagination_class = NewestFirst
    parser_classes = [MultiPartParser]
    required_scope = staticmethod(_scope)
    queryset = ImportRun.objects.select_related("started_by")

    def get_queryset(self) -> QuerySet[ImportRun]:
        check_can_see_imports(user=self.request.user)
        return super().get_queryset()

    @extend_schema(
        request={"multipart/form-data": ImportUploadSerializer},
        responses={202: ImportRunSerializer},
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
    )
    def post(self, request: Request) -> Response:
        """
        Upload an inventory and, unless ``start`` is false, start importing it.

        The answer comes at once; follow ``GET /imports/{uid}/`` until its status is ``finished`` or ``failed``.
        """
        policies.check_can_import(user=request.user)
        payload = ImportUploadSerializer(data=request.data)
        payload.is_valid(raise_exception=True)
        return self.once(request, lambda: self._import(request, **payload.validated_data))

    def _import(self, request: Request, *, file: Any, profile: str, start: bool) -> Response:
        file.seek(0)
        act = import_actions.upload_and_start if start else import_actions.upload
        run = act(data=file.read(), filename=file.name, by=request.user, profile_key=profile)
        return Response(ImportRunSerializer(run).data, status=202)

    @staticmethod
    def _digest(request: Request) -> str:
        """What makes two uploads the same: the bytes of the file, not its name on somebody's disk."""
        digest = hashlib.sha256()
        data: Any = request.data
        for name in sorted(data):
            value = data[name]
            digest.update(f"{name}\0".encode())
            if hasattr(value, "chunks"):
                for chunk in value.chunks():
                    digest.update(chunk)
            else:
                digest.update(str(value).encode())
            digest.update(b"\0")
        return digest.hexdigest()


def _visible_run(request: Request, uid: Any) -> ImportRun:
    if not can_see_imports(user=request.user):
        raise Http404
    return get_object_or_404(ImportRun.objects.select_related("started_by"), uid=uid)


class ImportDetail(generics.RetrieveAPIView):
    """How far one import is, and how its rows came out so far."""

    serializer_class = ImportRunSerializer
    queryset = ImportRun.objects.none()

    def get_object(self) -> ImportRun:
        return _visible_run(self.request, self.kwargs["uid"])


class RowFilter(django_filters.FilterSet):
    outcome = django_filters.MultipleChoiceFilter(choices=ImportRow.Outcome.choices)

    class Meta:
        model = ImportRow
        fields = ["outcome"]


class ImportRows(generics.ListAPIView):
    """The rows of one import in the order of the file, with reasons and warnings."""

    serializer_class = ImportRowSerializer
    pagination_class = InFileOrder
    filterset_class = RowFilter
    queryset = ImportRow.objects.none()

    def get_queryset(self) -> QuerySet[ImportRow]:
        if getattr(self, "swagger_fake_view", False):
            return ImportRow.objects.none()
        return _visible_run(self.request, self.kwargs["uid"]).rows.select_related("system")


class SourceRows(generics.ListAPIView):
    """The inventory rows a system came from, the current one first; earlier versions stay."""

    serializer_class = SourceRowSerializer
    pagination_class = NewestFirst
    queryset = SourceRow.objects.none()

    def get_queryset(self) -> QuerySet[SourceRow]:
        if getattr(self, "swagger_fake_view", False):
            return SourceRow.objects.none()
        system = get_object_or_404(AISystem.objects.visible_to(self.request.user), slug=self.kwargs["slug"])
        return system.source_rows.select_related("run")
