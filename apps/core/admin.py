from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from . import outbox
from .models import OutboxMessage


@admin.register(OutboxMessage)
class OutboxMessageAdmin(admin.ModelAdmin):
    """What waits to be done after a change, and what failed; a failed message can be tried again."""

    list_display = ["kind", "created_at", "due_at", "attempts", "done_at", "last_error"]
    list_filter = ["kind", ("done_at", admin.EmptyFieldListFilter)]
    search_fields = ["kind", "last_error"]
    # Mail bodies and addresses are nobody's business here.
    fields = ["kind", "created_at", "due_at", "attempts", "done_at", "last_error"]
    actions = ["try_again"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.action(description="Try the chosen messages again", permissions=["view"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> None:
        waiting = queryset.filter(done_at=None)
        for message in waiting:
            outbox.retry(message)
        messages.success(request, f"{len(waiting)} queued again.")
