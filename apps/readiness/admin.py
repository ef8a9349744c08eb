"""
Look-up for administrators: everything in the readiness room can be found and read, nothing changed.

Whoever wants to change something uses the pages or the API, where the rules are.
"""

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from simple_history.admin import SimpleHistoryAdmin

from .models import (
    ChecklistTemplate,
    Comment,
    Condition,
    Contribution,
    Evidence,
    EvidenceLink,
    Item,
    Reminder,
    Review,
    ReviewedVersion,
    ReviewItem,
    Seat,
    Section,
    SignOff,
    SignOffVoid,
    Snapshot,
    Verification,
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
    """A table whose rows are never changed and so need no history."""


class GovernedLookUp(ReadOnly, SimpleHistoryAdmin):
    """A governed table: each row has its history behind a button."""


def readable(stored: bytes | memoryview) -> str:
    """Canonical JSON laid out for reading. What counts are the stored bytes."""
    text = json.dumps(json.loads(bytes(stored)), indent=2, ensure_ascii=False)
    return format_html("<pre>{}</pre>", text)


@admin.register(ChecklistTemplate)
class ChecklistTemplateAdmin(LookUp):
    list_display = ["title", "version", "in_force", "loaded_at", "sha256"]
    search_fields = ["title", "version", "key", "sha256"]


@admin.register(Section)
class SectionAdmin(LookUp):
    list_display = ["title", "template", "signing_role", "position"]
    list_filter = ["template"]
    list_select_related = ["template"]
    search_fields = ["key", "title", "statement"]


@admin.register(Item)
class ItemAdmin(LookUp):
    list_display = ["key", "title", "section", "blocker", "never_not_applicable", "validity_days"]
    list_filter = ["section__template", "section__key", "blocker"]
    list_select_related = ["section"]
    search_fields = ["key", "title", "summary"]


@admin.register(Review)
class ReviewAdmin(GovernedLookUp):
    list_display = ["system", "phase", "state", "opened_by", "opened_at", "closed_at"]
    list_filter = ["state", "phase"]
    list_select_related = ["system", "opened_by"]
    search_fields = ["uid", "system__name", "system__slug", "opened_by__full_name"]
    date_hierarchy = "opened_at"

    def view_on_site(self, obj: Review) -> str:
        return obj.get_absolute_url()


@admin.register(ReviewedVersion)
class ReviewedVersionAdmin(GovernedLookUp):
    list_display = ["model_version", "review"]
    list_select_related = ["model_version__model", "review__system"]
    search_fields = ["model_version__model__name", "review__uid", "review__system__name"]


@admin.register(ReviewItem)
class ReviewItemAdmin(GovernedLookUp):
    list_display = ["item", "system_name", "status", "assigned_to", "answered_by", "verified_by", "valid_until"]
    list_filter = ["status", "item__section__key", "item__blocker"]
    list_select_related = ["item__section", "review__system", "assigned_to", "answered_by", "verified_by"]
    search_fields = ["=item__key", "item__title", "review__system__name", "review__uid", "answer"]

    @admin.display(description="system", ordering="review__system__name")
    def system_name(self, obj: ReviewItem) -> str:
        return obj.review.system.name


@admin.register(Contribution)
class ContributionAdmin(LookUp):
    list_display = ["review_item", "user", "kind", "at"]
    list_filter = ["kind"]
    list_select_related = ["review_item__item", "user"]
    search_fields = ["user__full_name", "review_item__item__key", "review_item__review__system__name"]


@admin.register(Evidence)
class EvidenceAdmin(GovernedLookUp):
    list_display = ["title", "kind", "system", "supplied_by", "effective_on", "valid_until", "withdrawn_at"]
    list_filter = ["kind", "withdrawn_at"]
    list_select_related = ["system", "supplied_by"]
    search_fields = ["uid", "title", "filename", "sha256", "reference", "url", "system__name", "supplied_by__full_name"]
    exclude = ["file"]
    readonly_fields = ["download", "url"]
    date_hierarchy = "supplied_at"

    def view_on_site(self, obj: Evidence) -> str:
        return obj.get_absolute_url()

    @admin.display(description="file")
    def download(self, obj: Evidence) -> str:
        """Files are handed out by the page that checks who may see them, never by their place on the disk."""
        if not obj.file:
            return "-"
        return format_html('<a href="{}">{}</a>', reverse("readiness:evidence-file", args=[obj.uid]), obj.filename)


@admin.register(EvidenceLink)
class EvidenceLinkAdmin(GovernedLookUp):
    list_display = ["evidence", "review_item", "attached_by", "attached_at"]
    list_select_related = ["evidence", "review_item__item", "attached_by"]
    search_fields = ["evidence__title", "evidence__uid", "review_item__item__key", "evidence__system__name"]


@admin.register(Verification)
class VerificationAdmin(LookUp):
    list_display = ["review_item", "outcome", "verified_by", "verified_at", "valid_until"]
    list_filter = ["outcome"]
    list_select_related = ["review_item__item", "verified_by"]
    search_fields = ["review_item__item__key", "review_item__review__system__name", "verified_by__full_name", "note"]


@admin.register(Comment)
class CommentAdmin(LookUp):
    list_display = ["__str__", "review_item", "author", "at"]
    list_select_related = ["review_item__item", "author"]
    search_fields = ["text", "author__full_name", "review_item__review__system__name"]


@admin.register(SignOff)
class SignOffAdmin(LookUp):
    list_display = ["section", "system_name", "meaning", "signer_name", "signed_at", "valid_until", "is_void"]
    list_filter = ["meaning", "section__key"]
    list_select_related = ["section", "review__system", "void"]
    search_fields = ["uid", "signer_name", "review__system__name", "payload_sha256", "snapshot__sha256"]
    readonly_fields = ["signed_payload"]
    date_hierarchy = "signed_at"

    def view_on_site(self, obj: SignOff) -> str:
        return reverse("readiness:sign-off", args=[obj.uid])

    @admin.display(description="system", ordering="review__system__name")
    def system_name(self, obj: SignOff) -> str:
        return obj.review.system.name

    @admin.display(description="void", boolean=True)
    def is_void(self, obj: SignOff) -> bool:
        return hasattr(obj, "void")

    @admin.display(description="payload")
    def signed_payload(self, obj: SignOff) -> str:
        return readable(obj.payload)


@admin.register(SignOffVoid)
class SignOffVoidAdmin(LookUp):
    list_display = ["sign_off", "cause", "voided_by", "voided_at"]
    list_filter = ["cause"]
    list_select_related = ["sign_off__section", "voided_by"]
    search_fields = ["sign_off__uid", "sign_off__signer_name", "reason", "sign_off__review__system__name"]


@admin.register(Snapshot)
class SnapshotAdmin(LookUp):
    list_display = ["sha256", "taken_at"]
    search_fields = ["sha256"]
    readonly_fields = ["content"]

    def get_queryset(self, request: HttpRequest) -> Any:
        # A list of digests does not need the documents behind them.
        queryset = super().get_queryset(request)
        return queryset.defer("body") if request.resolver_match.url_name.endswith("changelist") else queryset

    @admin.display(description="content")
    def content(self, obj: Snapshot) -> str:
        return readable(obj.body)


@admin.register(Seat)
class SeatAdmin(LookUp):
    list_display = ["section", "review", "sign_off"]
    list_select_related = ["section", "review__system", "sign_off__section"]
    search_fields = ["review__uid", "review__system__name", "section__title"]


@admin.register(Reminder)
class ReminderAdmin(LookUp):
    list_display = ["user", "about", "ends_on", "stage", "sent_at"]
    list_select_related = ["user"]
    search_fields = ["user__full_name", "about"]


@admin.register(Condition)
class ConditionAdmin(GovernedLookUp):
    list_display = ["__str__", "system", "owner", "due_on", "done_at"]
    list_filter = ["done_at"]
    list_select_related = ["system", "owner"]
    search_fields = ["text", "system__name", "owner__full_name"]
