"""The portfolio as rows: which systems a person sees, filtered and sorted, with the gate's answer beside each."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Exists, F, FilteredRelation, OuterRef, Q, QuerySet, Value, When

from apps.registry.models import PHASE_ORDER, AISystem, BusinessFunction, Phase, SourceRow
from apps.registry.querysets import system_ids_of
from apps.registry.roles import Role

PAGE_SIZE = 50
COUNTED_UP_TO = 1000

PHASE_LABELS = dict(Phase.choices)
FUNCTION_LABELS = dict(BusinessFunction.choices)

# One word per state of a system in the portfolio, shared by the funnel, the filters and the export.
BLOCKED = Q(status__next_granted=False) & ~Q(status__next_phase="")
READY = Q(status__next_granted=True)
AT_RISK = Q(status__at_risk_since__isnull=False)
SUSPENDED = Q(status__suspended=True)
# Somebody who left does not own anything any more, as the gate sees it.
UNOWNED = Q(owned=None) | Q(owned__user__is_active=False)
STATES = {"blocked": BLOCKED, "ready": READY, "at_risk": AT_RISK, "suspended": SUSPENDED}

# What a row shows, and where it comes from.
COLUMNS = {
    "slug": "slug",
    "name": "name",
    "unit": "unit",
    "business_function": "business_function",
    "phase": "phase",
    "tier": "tier",
    "updated_at": "updated_at",
    "owner": "owned__user__full_name",
    "owner_is_active": "owned__user__is_active",
    "sentence": "status__sentence",
    "next_phase": "status__next_phase",
    "granted": "status__next_granted",
    "missing": "status__missing",
    "met": "status__met",
    "required": "status__required",
    "at_risk_since": "status__at_risk_since",
    "suspended": "status__suspended",
}

phase_position = Case(*[When(phase=phase, then=Value(n)) for n, phase in enumerate(PHASE_ORDER)])

# Every order ends in the primary key, so that no row is shown twice or left out between two pages.
SORTS: dict[str, list[Any]] = {
    "name": ["name", "pk"],
    "-name": ["-name", "-pk"],
    "phase": [phase_position.asc(), "name", "pk"],
    "-phase": [phase_position.desc(), "name", "pk"],
    "missing": [F("status__missing").asc(nulls_last=True), "name", "pk"],
    "-missing": [F("status__missing").desc(nulls_last=True), "name", "pk"],
    "updated": ["updated_at", "pk"],
    "-updated": ["-updated_at", "-pk"],
}
DEFAULT_SORT = "name"


def listed(user: Any) -> QuerySet[AISystem, Any]:
    """The systems ``user`` may see, with ``owned``: the assignment of the owner, if there is one."""
    return with_owner(AISystem.objects.visible_to(user))


def with_owner(systems: Any) -> QuerySet[AISystem, Any]:
    return systems.annotate(owned=FilteredRelation("assignments", condition=Q(assignments__role=Role.OWNER)))


@dataclass(frozen=True)
class Choice:
    """What a person asked the list for; empty means everything."""

    q: str = ""
    phase: str = ""
    tier: str = ""
    function: str = ""
    unit: str = ""
    owner: str = ""
    state: str = ""
    source: str = ""
    sort: str = DEFAULT_SORT

    def as_json(self) -> dict[str, str]:
        """Only what was chosen."""
        return {name: value for name, value in vars(self).items() if value and (name, value) != ("sort", DEFAULT_SORT)}


def chosen(user: Any, choice: Choice) -> QuerySet[AISystem]:
    """The visible systems that fit ``choice``, sorted by it. Values outside the lists are the form's to refuse."""
    rows: Any = listed(user)
    if choice.q:
        rows = rows.matching(choice.q)
    if choice.phase:
        rows = rows.filter(phase=choice.phase)
    if choice.tier:
        rows = rows.filter(tier=None if choice.tier == "none" else int(choice.tier))
    if choice.function:
        rows = rows.filter(business_function="" if choice.function == "none" else choice.function)
    if choice.unit:
        rows = rows.filter(unit__icontains=choice.unit)
    if choice.owner:
        rows = rows.filter(_owner(user, choice.owner))
    if choice.state:
        rows = rows.filter(STATES[choice.state])
    if choice.source:
        imported = Exists(SourceRow.objects.filter(system=OuterRef("pk"), is_current=True))
        rows = rows.filter(imported if choice.source == "imported" else ~imported)
    return rows.order_by(*SORTS[choice.sort])


def _owner(user: Any, owner: str) -> Q:
    if owner == "none":
        return UNOWNED
    return Q(owned__user=user) if owner == "me" else Q(pk__in=system_ids_of(user))


@dataclass
class Page:
    """One page of the list. ``total`` is exact, or None where there are more than were counted."""

    rows: list[dict[str, Any]]
    number: int
    has_next: bool
    total: int | None

    @property
    def previous(self) -> int:
        return self.number - 1

    @property
    def next(self) -> int:
        return self.number + 1

    @property
    def first(self) -> int:
        return (self.number - 1) * PAGE_SIZE + 1

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1

    @property
    def summary(self) -> str:
        """Such as "51 to 100 of 2,145", or "of more than 1,000" where nobody asked for the exact number."""
        if not self.rows:
            return "No more systems"
        total = f"more than {COUNTED_UP_TO:,}" if self.total is None else f"{self.total:,}"
        return f"{self.first:,} to {self.last:,} of {total}"


def page_of(systems: QuerySet[AISystem], number: int, *, count_all: bool = False) -> Page:
    """
    Page ``number`` of ``systems`` as plain dictionaries.

    One query finds keys, in order and through the permission filter: those of the first thousand, which counts them as
    well, or further back those of the page alone. A second one reads the columns of one page by their keys. Counting
    all costs more than the page itself, so it is done only when asked (``count_all``).
    """
    start, end = (number - 1) * PAGE_SIZE, number * PAGE_SIZE
    keys = systems.values_list("pk", flat=True)
    total: int | None
    if end <= COUNTED_UP_TO:
        found = list(keys[: COUNTED_UP_TO + 1])
        total = len(found) if len(found) <= COUNTED_UP_TO else None
        found = found[start : end + 1]
    else:
        found = list(keys[start : end + 1])
        total = start + len(found) if 0 < len(found) <= PAGE_SIZE else None
    if total is None and count_all:
        total = systems.order_by().count()
    return Page(rows_of(found[:PAGE_SIZE]), number, len(found) > PAGE_SIZE, total)


def rows_of(keys: list[int]) -> list[dict[str, Any]]:
    """The rows of one page, in the order of ``keys``, which a filter of permissions has let through."""
    if not keys:
        return []
    rows = with_owner(AISystem.objects.filter(pk__in=keys)).order_by().values_list("pk", *COLUMNS.values())
    by_key = {key: as_row(tuple(values)) for key, *values in rows}
    return [by_key[key] for key in keys if key in by_key]


def as_row(values: tuple[Any, ...]) -> dict[str, Any]:
    """The values of ``COLUMNS`` by name, with their codes in words."""
    row: dict[str, Any] = dict(zip(COLUMNS, values, strict=True))
    row["phase_label"] = PHASE_LABELS[row["phase"]]
    row["function_label"] = FUNCTION_LABELS.get(row["business_function"], "")
    row["short_name"] = _short(row["name"], 120)
    row["place"] = " · ".join(filter(None, [row["function_label"], _short(row["unit"], 60)]))
    row["url"] = f"/systems/{row['slug']}/"
    row["is_blocked"] = bool(row["next_phase"]) and not row["granted"]
    if row["owner"] and not row["owner_is_active"]:
        row["owner_note"] = "no longer active"
    return row


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def counted(rows: QuerySet[AISystem], *, up_to: int | None = COUNTED_UP_TO) -> int | None:
    """How many there are; None for more than ``up_to``."""
    ids = rows.order_by().values("pk")
    if up_to is None:
        return ids.count()
    found = ids[: up_to + 1].count()
    return None if found > up_to else found
