"""
Reviews as people look at them: sections with items, how far they are, who has signed, what waits for whom.

One reading serves the page, its print, its "as of" view and the API. Nothing here decides anything.
"""

from collections import Counter, defaultdict
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

from .content import Material, read_material
from .effective import CLOSED, SectionState, lapse_reason, section_states
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
    links: list[EvidenceLink] = field(default_factory=list)
    comments: int = 0
    waiver: Waiver | None = None

    @property
    def key(self) -> str:
        return self.item.key

    @property
    def evidence(self) -> int:
        """How many pieces are attached."""
        return len(self.links)

    @property
    def assigned_to(self) -> User | None:
        return self.review_item.assigned_to

    @property
    def answered_by(self) -> User | None:
        return self.review_item.answered_by

    @property
    def verified_by(self) -> User | None:
        return self.review_item.verified_by

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
    material = past_material(review, reader) if at else read_material(review)
    system, moment = material.review.system, at or timezone.now()
    ids = [row.pk for row in material.items]
    said = Comment.objects.filter(review_item_id__in=ids, at__lte=moment)
    comments = Counter(said.values_list("review_item_id", flat=True))
    needs = NeedsTable.load().of(review.phase, system.effective_tier)
    waivers = live_waivers(system, review.phase, timezone.localdate(moment))
    sections = {row.item.section.key: row.item.section for row in material.items}
    if at:
        states = past_states(material.review, sections.values(), moment)
    else:
        states = section_states(review, material=material)
    parts = {key: SectionBoard(section, [], states[key]) for key, section in sections.items()}
    for row in material.items:
        item, status = row.item, row.status_at(moment)
        waiver = waivers.get(item.key) if needs.may_be_waived(item) and status not in PASSED else None
        parts[item.section.key].rows.append(
            ItemRow(
                item=item,
                review_item=row,
                status="waived" if waiver else status,
                required=needs.asks_for(item),
                links=material.links.get(row.pk, []),
                comments=comments[row.pk],
                waiver=waiver,
            )
        )
    return Board(material.review, system, at, list(parts.values()), material.versions)


def past_material(review: Review, reader: Reader) -> Material:
    """The rows of a review as they were; its system too, because the tier decides which items are required."""
    then = next(iter(read(reader, Review, id=review.pk)), review)
    then.template, then.opened_by = review.template, review.opened_by
    then.system = next(iter(read(reader, AISystem, id=review.system_id)), review.system)
    rows = read(reader, ReviewItem, review_id=review.pk)
    items = Item.objects.filter(section__template_id=review.template_id).select_related("section").defer("spec")
    known = {item.pk: item for item in items}
    people = User.objects.in_bulk(
        {pk for row in rows for pk in (row.assigned_to_id, row.answered_by_id, row.verified_by_id) if pk}
    )
    for row in rows:
        row.review, row.item = then, known[row.item_id]
        row.assigned_to, row.answered_by = people.get(row.assigned_to_id), people.get(row.answered_by_id)
        row.verified_by = people.get(row.verified_by_id)
    links = read(reader, EvidenceLink, review_item_id__in=[row.pk for row in rows])
    pieces = {piece.pk: piece for piece in read(reader, Evidence, id__in={link.evidence_id for link in links})}
    by_item: dict[int, list[EvidenceLink]] = defaultdict(list)
    for link in sorted(links, key=lambda link: (link.attached_at, link.pk)):
        if link.evidence_id in pieces:
            link.evidence = pieces[link.evidence_id]
            by_item[link.review_item_id].append(link)
    ids = [row.model_version_id for row in read(reader, ReviewedVersion, review_id=review.pk)]
    versions = ModelVersion.objects.filter(pk__in=ids).select_related("model").order_by("model__name", "number")
    rows.sort(key=lambda row: (row.item.section.position, row.item.position))
    return Material(then, rows, by_item, list(versions))


def past_states(review: Review, sections: Iterable[Section], at: datetime) -> dict[str, SectionState]:
    """How the signatures stood at a past instant: signed by then, and neither ended nor run out by then."""
    signed = SignOff.objects.filter(review=review, signed_at__lte=at).select_related("void__voided_by", "snapshot")
    last = {row.section_id: row for row in signed.defer("snapshot__body").order_by("signed_at", "pk")}
    closed = review.state == Review.State.CLOSED
    return {section.key: _past_state(section, last.get(section.pk), at, closed) for section in sections}


def _past_state(section: Section, sign_off: SignOff | None, at: datetime, closed: bool) -> SectionState:
    if sign_off is None:
        return SectionState(section, "unsigned")
    void = getattr(sign_off, "void", None)
    if void is not None and void.voided_at <= at:
        return SectionState(section, "void", sign_off, void.voided_at, void.reason)
    if closed:
        return SectionState(section, "closed", sign_off, sign_off.signed_at, CLOSED)
    if sign_off.valid_until <= at:
        return SectionState(section, "lapsed", sign_off, sign_off.valid_until, lapse_reason(sign_off))
    if sign_off.meaning == SignOff.Meaning.REJECTION:
        return SectionState(section, "rejected", sign_off, sign_off.signed_at, sign_off.comment)
    return SectionState(section, "signed", sign_off, sign_off.signed_at)


# --- Around one item --------------------------------------------------------------------------------------------------


def attached(row: ItemRow, at: datetime | None = None) -> list[dict[str, Any]]:
    """The evidence of an item in the order it was attached: link, evidence, state."""
    people = User.objects.in_bulk({link.evidence.supplied_by_id for link in row.links})
    day = timezone.localdate(at)
    for link in row.links:
        link.evidence.supplied_by = people[link.evidence.supplied_by_id]
        link.evidence.system = row.review_item.review.system
    return [{"link": link, "evidence": link.evidence, "state": link.evidence.state_on(day)} for link in row.links]


def verdicts(row: ReviewItem, at: datetime | None = None) -> Any:
    """What second persons said about an item, newest first."""
    said = Verification.objects.filter(review_item_id=row.pk, verified_at__lte=at or timezone.now())
    return said.select_related("verified_by")


def discussion(row: ReviewItem, at: datetime | None = None) -> Any:
    """What was written about an item, oldest first."""
    return Comment.objects.filter(review_item_id=row.pk, at__lte=at or timezone.now()).select_related("author")
