from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from simple_history.admin import SimpleHistoryAdmin

from .models import Decision, GatePolicy, GateRequirement, Resumption, Suspension, SystemStatus, Waiver


class LookUpOnly(admin.ModelAdmin):
    """Everything can be found and read; changes go through the portal, where the rules are."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RequirementInline(admin.TabularInline):
    model = GateRequirement
    extra = 0
    can_delete = False
    readonly_fields = ["phase", "position", "name", "params", "tiers", "severity", "waivable"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(GatePolicy)
class GatePolicyAdmin(LookUpOnly):
    list_display = ["title", "key", "version", "in_force", "loaded_at"]
    search_fields = ["key", "version", "title", "sha256"]
    inlines = [RequirementInline]


@admin.register(Decision)
class DecisionAdmin(LookUpOnly):
    list_display = ["system", "phase", "granted", "occasion", "decided_by", "decided_at"]
    list_filter = ["granted", "phase", "occasion"]
    list_select_related = ["system", "decided_by"]
    search_fields = ["system__name", "system__slug", "uid", "sha256"]
    exclude = ["body"]
    date_hierarchy = "decided_at"


@admin.register(Waiver)
class WaiverAdmin(LookUpOnly, SimpleHistoryAdmin):
    list_display = ["title", "system", "phase", "status", "expires_on", "requested_by", "decided_by"]
    list_filter = ["status", "phase"]
    list_select_related = ["system", "requested_by", "decided_by"]
    search_fields = ["title", "system__name", "system__slug", "reason"]


@admin.register(Suspension)
class SuspensionAdmin(LookUpOnly):
    list_display = ["system", "suspended_by", "suspended_at"]
    list_select_related = ["system", "suspended_by"]
    search_fields = ["system__name", "system__slug", "reason"]


@admin.register(Resumption)
class ResumptionAdmin(LookUpOnly):
    list_display = ["suspension", "signer_name", "signed_at"]
    search_fields = ["suspension__system__name", "signer_name", "sha256"]


@admin.register(SystemStatus)
class SystemStatusAdmin(LookUpOnly):
    list_display = ["system", "next_phase", "next_granted", "missing", "holds", "at_risk_since", "evaluated_at"]
    list_filter = ["next_granted", "holds", "suspended"]
    list_select_related = ["system"]
    search_fields = ["system__name", "system__slug"]
