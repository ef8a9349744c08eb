import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from .models import Entry
from .timeline import rows_of


@admin.register(Entry)
class EntryAdmin(admin.ModelAdmin):
    """The ledger, to look things up. Nobody adds, changes or deletes an entry by hand."""

    list_display = ["at", "act", "kind", "object_id", "system_uid", "actor_uid"]
    # No filter beside the list: its values would be read from the whole ledger.
    search_fields = ["^act", "=kind", "=object_id", "=system_uid", "=actor_uid", "=eid"]
    search_help_text = "Start of an act (user.), kind of object, or the identifier of an object, system or person."
    ordering = ["-pk"]
    list_per_page = 50
    # Counting millions of rows costs more than the page.
    show_full_result_count = False
    fields = ["eid", "at", "in_words", "act", "kind", "object_id", "system_uid", "actor_uid", "canonical"]
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="in words")
    def in_words(self, entry: Entry) -> str:
        (row,) = rows_of([entry], user=None)
        changes = "; ".join(f"{c.label}: {c.old or 'empty'} → {c.new or 'empty'}" for c in row.changes)
        return " · ".join(part for part in (row.title, str(row.who or "nobody"), row.reason, changes) if part)

    @admin.display(description="as it is kept")
    def canonical(self, entry: Entry) -> str:
        return json.dumps(json.loads(bytes(entry.body)), indent=2)
