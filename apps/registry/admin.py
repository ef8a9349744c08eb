"""
Look-up for administrators: systems, people, models and imports can be found and read, nothing is changed here.

Each change has its page and its action; rows carry a link to the page where that is.
"""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from simple_history.admin import SimpleHistoryAdmin

from .models import (
    AISystem,
    AISystemGroupPermission,
    AISystemUserPermission,
    Deputyship,
    ImportRow,
    ImportRun,
    ModelVersion,
    RegisteredModel,
    RoleAssignment,
    SourceRow,
    VersionUse,
)


class ReadOnly:
    """Search and read; adding, changing and deleting go through actions only."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LookUp(ReadOnly, admin.ModelAdmin):
    """A table without a history of its own."""


class GovernedLookUp(ReadOnly, SimpleHistoryAdmin):
    """A governed table: each row has its history behind a button."""


class AssignmentsInline(ReadOnly, admin.TabularInline):
    model = RoleAssignment
    fields = ["role", "user", "team", "granted_by", "granted_at", "reason"]
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[RoleAssignment]:
        return super().get_queryset(request).select_related("user", "team", "granted_by")


@admin.register(AISystem)
class AISystemAdmin(GovernedLookUp):
    list_display = ["name", "slug", "phase", "tier", "business_function", "unit", "updated_at"]
    list_filter = ["phase", "tier", "business_function"]
    search_fields = ["name", "slug", "purpose", "unit", "=uid", "assignments__user__full_name"]
    date_hierarchy = "created_at"
    readonly_fields = ["uid", "version", "created_at", "updated_at"]
    inlines = [AssignmentsInline]


@admin.register(RoleAssignment)
class RoleAssignmentAdmin(GovernedLookUp):
    list_display = ["system", "role", "user", "team", "granted_by", "granted_at"]
    list_filter = ["role"]
    list_select_related = ["system", "user", "team", "granted_by"]
    search_fields = ["system__name", "system__slug", "user__full_name", "user__username", "team__name", "reason"]


@admin.register(Deputyship)
class DeputyshipAdmin(GovernedLookUp):
    list_display = ["system", "role", "principal", "deputy", "starts_at", "ends_at", "ended_at"]
    list_filter = ["role"]
    list_select_related = ["system", "principal", "deputy"]
    search_fields = ["system__name", "system__slug", "principal__full_name", "deputy__full_name", "reason"]


@admin.register(RegisteredModel)
class RegisteredModelAdmin(GovernedLookUp):
    list_display = ["name", "system", "created_at"]
    list_select_related = ["system"]
    search_fields = ["name", "description", "system__name", "system__slug"]


@admin.register(ModelVersion)
class ModelVersionAdmin(GovernedLookUp):
    list_display = ["__str__", "artefact_digest", "source", "registered_by", "registered_at"]
    list_select_related = ["model", "registered_by"]
    search_fields = ["model__name", "artefact_digest", "source", "description"]


@admin.register(VersionUse)
class VersionUseAdmin(GovernedLookUp):
    list_display = ["system", "model_version", "purpose", "created_at"]
    list_select_related = ["system", "model_version__model"]
    search_fields = ["system__name", "system__slug", "model_version__model__name", "purpose"]


@admin.register(AISystemUserPermission)
class UserPermissionAdmin(LookUp):
    """What follows from roles; rewritten with each of them."""

    list_display = ["user", "permission", "content_object"]
    list_select_related = ["user", "permission__content_type", "content_object"]
    search_fields = ["user__full_name", "user__username", "content_object__name", "permission__codename"]


@admin.register(AISystemGroupPermission)
class GroupPermissionAdmin(LookUp):
    list_display = ["group", "permission", "content_object"]
    list_select_related = ["group", "permission__content_type", "content_object"]
    search_fields = ["group__name", "content_object__name", "permission__codename"]


@admin.register(ImportRun)
class ImportRunAdmin(LookUp):
    list_display = [
        "filename",
        "profile_key",
        "status",
        "rows_done",
        "rows_total",
        "refused",
        "started_by",
        "created_at",
    ]
    list_filter = ["status", "profile_key"]
    list_select_related = ["started_by"]
    search_fields = ["filename", "sha256", "started_by__full_name", "=uid"]
    exclude = ["file"]
    date_hierarchy = "created_at"


@admin.register(ImportRow)
class ImportRowAdmin(LookUp):
    list_display = ["number", "run", "outcome", "name", "reason"]
    list_filter = ["outcome"]
    list_select_related = ["run"]
    search_fields = ["name", "reason", "run__filename"]


@admin.register(SourceRow)
class SourceRowAdmin(LookUp):
    list_display = ["system", "run", "number", "is_current", "raw_sha256"]
    list_filter = ["is_current", "namespace"]
    list_select_related = ["system", "run"]
    search_fields = ["system__name", "system__slug", "raw_sha256", "run__filename"]
