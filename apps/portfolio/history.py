"""The history of one system in pages: by key, not by number, so that page one thousand costs what page one does."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from django.utils import timezone

from apps.audit.models import Entry
from apps.audit.timeline import Row, rows_of
from apps.registry.models import AISystem

PAGE_SIZE = 30

# What a reader can narrow the history to: a word, what it is called, and the kinds of object it covers.
KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "facts": ("Facts, phase and tier", ("registry.aisystem", "registry.sourcerow")),
    "people": ("People and deputies", ("registry.roleassignment", "registry.deputyship")),
    "models": ("Models", ("registry.registeredmodel", "registry.modelversion", "registry.versionuse")),
    "reviews": (
        "Reviews and evidence",
        (
            "readiness.review",
            "readiness.reviewedversion",
            "readiness.reviewitem",
            "readiness.evidence",
            "readiness.evidencelink",
            "readiness.verification",
            "readiness.comment",
        ),
    ),
    "signatures": ("Signatures", ("readiness.signoff", "readiness.signoffvoid", "readiness.condition")),
    "gates": ("Gates", ("gates.decision", "gates.waiver", "gates.suspension", "gates.resumption")),
}


@dataclass(frozen=True)
class HistoryPage:
    """One page, newest first; ``older`` and ``newer`` are the keys to go on with, None at an end."""

    rows: list[dict[str, Any]]
    older: int | None
    newer: int | None

    @property
    def last(self) -> dict[str, Any]:
        return self.rows[-1]

    @property
    def spans_days(self) -> bool:
        return bool(self.rows) and self.rows[0]["day"] != self.rows[-1]["day"]


def entries_of(system: AISystem, kind: str = "") -> Any:
    """The ledger entries of ``system``, newest first, with the words behind them."""
    entries = Entry.objects.filter(system_uid=system.uid).select_related("private").order_by("-pk")
    return entries.filter(kind__in=KINDS[kind][1]) if kind in KINDS else entries


def history_page(
    system: AISystem, *, user: Any, kind: str = "", before: int | None = None, after: int | None = None
) -> HistoryPage:
    """The page that ends just below the entry ``before``, or begins just above ``after``; the newest without either."""
    entries = entries_of(system, kind)
    if after is not None:
        found = list(entries.filter(pk__gt=after).order_by("pk")[: PAGE_SIZE + 1])
        more_above, found = len(found) > PAGE_SIZE, found[:PAGE_SIZE][::-1]
        older = found[-1].pk if found else after + 1
        return HistoryPage(_lines(found, user), older, found[0].pk if more_above else None)
    if before is not None:
        entries = entries.filter(pk__lt=before)
    found = list(entries[: PAGE_SIZE + 1])
    older = found[PAGE_SIZE - 1].pk if len(found) > PAGE_SIZE else None
    found = found[:PAGE_SIZE]
    newer = None
    if before is not None:
        newer = found[0].pk if found else before - 1
    return HistoryPage(_lines(found, user), older, newer)


def latest(system: AISystem, *, user: Any, until: Any = None, limit: int = 6) -> list[dict[str, Any]]:
    """The last few entries, or the last before an instant; what changed in each is in the history."""
    entries = entries_of(system)
    return _lines((entries.filter(at__lte=until) if until else entries)[:limit], user, with_changes=False)


def _lines(entries: Iterable[Entry], user: Any, *, with_changes: bool = True) -> list[dict[str, Any]]:
    return [_line(row) for row in rows_of(entries, user=user, with_changes=with_changes)]


def _line(row: Row) -> dict[str, Any]:
    """A row with what the page adds: its day for the reader, the instant for "as of", whether something was made."""
    return {
        **vars(row),
        "day": timezone.localdate(row.at),
        "instant": row.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "is_new": bool(row.changes) and not any(change.old for change in row.changes),
    }
