"""
Reviews as people look at them: sections with items, how far they are, who has signed, what waits for whom.

One reading serves the page, its print, its "as of" view and the API. Nothing here decides anything.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils import timezone

from apps.accounts.models import User
from apps.core.querysets import Reader
from apps.gates.models import Waiver
from apps.registry.models import AISystem, ModelVersion, Phase
from apps.registry.roles import Role

from .effective import SectionState, lapse_reason, section_states
from .models import (
    Comment,
    Evidence,
    EvidenceLink,
    Item,
    ItemStatus,
    Review,
    ReviewedVersion,
    ReviewItem,
    Section,
    SignOff,
    Verification,
)
from .needs import NeedsTable, live_waivers

PASSED = {ItemStatus.VERIFIED, ItemStatus.NOT_APPLICABLE, "waived"}
STATUS_LABELS = {**dict(ItemStatus.choices), "expired": "Expired", "waived": "Waived"}
# What somebody may still hand in, before anybody can judge it.
UNANSWERED = {ItemStatus.OPEN, ItemStatus.IN_PROGRESS, ItemStatus.REJECTED, "expired"}


@dataclass
class ItemRow:
    """One item of a review with what a list shows of it."""

    item: Item
    review_item: ReviewItem
    status: str
    required: bool
    evidence: int = 0
    comments: int = 0
    assigned_to: User | None = None
    answered_by: User | None = None
    verified_by: User | None = None
    waiver: Waiver | None = None

    @property
    def key(self) -> str:
        return self.item.key

    @property
    def status_label(self) -> str:
        return str(STATUS_LABELS[self.status])

    @property
    def passed(self) -> bool:
        return self.status in PASSED

    @property
    def blocks(self) -> bool:
        """The phase asks for it and it has not passed."""
        return self.required and not self.passed


@dataclass
class Tally:
    """How many items passed. What does not apply is counted apart, so that it never lowers the bar unseen."""

    passed: int
    total: int
    not_applicable: int

    @property
    def complete(self) -> bool:
        return self.passed == self.total

    @property
    def words(self) -> str:
        apart = f", {self.not_applicable} not applicable" if self.not_applicable else ""
        return f"{self.passed} of {self.total} passed{apart}"


def tally(rows: Iterable[ItemRow]) -> Tally:
    """Count ``rows``: passed of those that apply, and those that do not."""
    statuses = Counter(row.status for row in rows)
    apart = statuses.pop(ItemStatus.NOT_APPLICABLE, 0)
    return Tally(sum(statuses[s] for s in statuses if s in PASSED), statuses.total(), apart)


@dataclass
class SectionBoard:
    section: Section
    rows: list[ItemRow]
    state: SectionState

    @property
    def role(self) -> str:
        return str(Role(self.section.signing_role).label)

    @property
    def all_items(self) -> Tally:
        return tally(self.rows)

    @property
    def required(self) -> Tally:
        return tally(row for row in self.rows if row.required)

    @property
    def blocking(self) -> list[ItemRow]:
        return [row for row in self.rows if row.blocks]


@dataclass
class Board:
    """A review as it is, or as it was at ``at``."""

    review: Review
    system: AISystem
    at: datetime | None
    sections: list[SectionBoard]
    versions: list[ModelVersion] = field(default_factory=list)

    @property
    def rows(self) -> list[ItemRow]:
        return [row for section in self.sections for row in section.rows]

    @property
    def all_items(self) -> Tally:
        return tally(self.rows)

    @property
    def required(self) -> Tally:
        return tally(row for row in self.rows if row.required)

    @property
    def signed(self) -> int:
        return sum(section.state.effective for section in self.sections)

    @property
    def phase_label(self) -> str:
        return str(Phase(self.review.phase).label)

    def section(self, key: str) -> SectionBoard:
        return next(section for section in self.sections if section.section.key == key)


def newest(rows: Iterable[Any]) -> list[Any]:
    """One row per object: two changes within one instant of the clock both look like the last before it."""
    return list({row.pk: row for row in rows}.values())


def read(reader: Reader, model: Any, **where: Any) -> list[Any]:
    """Rows of ``model``, live or as of the reader's instant."""
    rows = reader(model).filter(**where)
    return newest(rows.order_by("history_id")) if reader.at else list(rows.order_by())


def board(review: Review, *, at: datetime | None = None) -> Board:
    """
    Everything a page about ``review`` lists, with a fixed number of queries.

    ``review`` should come with its system and template loaded.
    """
    reader = Reader(at)
    system = _system(review, reader)
    items = list(Item.objects.filter(section__template_id=review.template_id).select_related("section").defer("spec"))
    rows = {row.item_id: row for row in read(reader, ReviewItem, review_id=review.pk)}
    ids = [row.pk for row in rows.values()]
    evidence = Counter(reader(EvidenceLink).filter(review_item_id__in=ids).values_list("review_item_id", flat=True))
    said = Comment.objects.filter(review_item_id__in=ids, at__lte=at or timezone.now())
    comments = Counter(said.values_list("review_item_id", flat=True))
    people = _people(rows.values())
    needs = NeedsTable.load().of(review.phase, system.effective_tier)
    waivers = live_waivers(system, review.phase, timezone.localdate(at))
    states = past_states(review, items, at) if at else section_states(review)
    sections: dict[str, SectionBoard] = {}
    for item in sorted(items, key=lambda item: (item.section.position, item.position)):
        section = item.section
        part = sections.setdefault(section.key, SectionBoard(section, [], states[section.key]))
        if (row := rows.get(item.pk)) is None:
            continue
        status = row.status_at(at or timezone.now())
        waiver = waivers.get(item.key) if needs.may_be_waived(item) and status not in PASSED else None
        part.rows.append(
            ItemRow(
                item=item,
                review_item=row,
                status="waived" if waiver else status,
                required=needs.asks_for(item),
                waiver=waiver,
                evidence=evidence[row.pk],
                comments=comments[row.pk],
                assigned_to=people.get(row.assigned_to_id),
                answered_by=people.get(row.answered_by_id),
                verified_by=people.get(row.verified_by_id),
            )
        )
    return Board(review, system, at, list(sections.values()), _versions(review, reader))


def _system(review: Review, reader: Reader) -> AISystem:
    """The system as it was then: its tier decides which items are required."""
    if reader.at is None:
        return review.system
    return next(iter(read(reader, AISystem, id=review.system_id)), review.system)


def _people(rows: Iterable[ReviewItem]) -> dict[int | None, User]:
    ids = {pk for row in rows for pk in (row.assigned_to_id, row.answered_by_id, row.verified_by_id) if pk}
    return {**User.objects.in_bulk(ids)}


def past_states(review: Review, items: Iterable[Item], at: datetime) -> dict[str, SectionState]:
    """How the signatures stood at a past instant: signed by then, and neither ended nor run out by then."""
    sections = {item.section_id: item.section for item in items}
    signed = SignOff.objects.filter(review=review, signed_at__lte=at).select_related("void__voided_by", "snapshot")
    last = {row.section_id: row for row in signed.defer("snapshot__body").order_by("signed_at", "pk")}
    return {section.key: _past_state(section, last.get(pk), at) for pk, section in sections.items()}


def _past_state(section: Section, sign_off: SignOff | None, at: datetime) -> SectionState:
    if sign_off is None:
        return SectionState(section, "unsigned")
    void = getattr(sign_off, "void", None)
    if void is not None and void.voided_at <= at:
        return SectionState(section, "void", sign_off, void.voided_at, void.reason)
    if sign_off.valid_until <= at:
        return SectionState(section, "lapsed", sign_off, sign_off.valid_until, lapse_reason(sign_off))
    if sign_off.meaning == SignOff.Meaning.REJECTION:
        return SectionState(section, "rejected", sign_off, sign_off.signed_at, sign_off.comment)
    return SectionState(section, "signed", sign_off, sign_off.signed_at)


def _versions(review: Review, reader: Reader) -> list[ModelVersion]:
    ids = [row.model_version_id for row in read(reader, ReviewedVersion, review_id=review.pk)]
    return list(ModelVersion.objects.filter(pk__in=ids).select_related("model").order_by("model__name", "number"))


# --- Around one item --------------------------------------------------------------------------------------------------


def attached(row: ReviewItem, at: datetime | None = None) -> list[dict[str, Any]]:
    """The evidence of an item as it is or was, in the order it was attached: link, evidence, supplier, state."""
    reader = Reader(at)
    links = read(reader, EvidenceLink, review_item_id=row.pk)
    pieces = {piece.pk: piece for piece in read(reader, Evidence, id__in=[link.evidence_id for link in links])}
    people = User.objects.in_bulk({piece.supplied_by_id for piece in pieces.values()})
    day = timezone.localdate(at)
    found = []
    for link in sorted(links, key=lambda link: (link.attached_at, link.pk)):
        if (piece := pieces.get(link.evidence_id)) is not None:
            piece.system, piece.supplied_by = row.review.system, people[piece.supplied_by_id]
            found.append({"link": link, "evidence": piece, "state": piece.state_on(day)})
    return found


def verdicts(row: ReviewItem, at: datetime | None = None) -> Any:
    """What second persons said about an item, newest first."""
    said = Verification.objects.filter(review_item_id=row.pk, verified_at__lte=at or timezone.now())
    return said.select_related("verified_by")


def discussion(row: ReviewItem, at: datetime | None = None) -> Any:
    """What was written about an item, oldest first."""
    return Comment.objects.filter(review_item_id=row.pk, at__lte=at or timezone.now()).select_related("author")
