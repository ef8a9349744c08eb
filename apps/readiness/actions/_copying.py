"""What of an earlier review a new one starts with."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from apps.registry.models import AISystem
from apps.registry.people import People
from apps.registry.roles import DELIVERY_ROLES

from ..models import PASSED, Contribution, EvidenceLink, Item, ItemStatus, Review, ReviewItem
from ._shared import utc_today
from .items import clear_verdict, longest_validity


@dataclass
class Carried:
    """One item of the new review: the row, its evidence links and who had a part in it. Nothing is saved yet."""

    row: ReviewItem
    links: list[EvidenceLink] = field(default_factory=list)
    contributions: list[Contribution] = field(default_factory=list)

    def digest_body(self) -> dict[str, Any]:
        """What the ledger entry of the opening commits to."""
        row = self.row
        return {
            "item": row.item.key,
            "status": row.status,
            "answer": row.answer,
            "answered_by": row.answered_by_id,
            "verified_by": row.verified_by_id,
            "valid_until": row.valid_until,
            "evidence": sorted(str(link.evidence.uid) for link in self.links),
            "contributors": sorted({one.user_id for one in self.contributions}),
        }


def carried_over(review: Review, earlier: Review | None, items: list[Item], at: datetime) -> list[Carried]:
    """The items of ``review`` as they start: empty, or as ``earlier`` left them. A fixed number of queries."""
    if earlier is None:
        return [Carried(ReviewItem(review=review, item=item)) for item in items]
    rows = ReviewItem.objects.filter(review=earlier).select_related("item", "assigned_to")
    before = {row.item.key: row for row in rows}
    links, contributions = defaultdict(list), defaultdict(list)
    for link in EvidenceLink.objects.filter(review_item__review=earlier).select_related("evidence"):
        links[link.review_item_id].append(link)
    for one in Contribution.objects.filter(review_item__review=earlier):
        contributions[one.review_item_id].append(one)
    delivery = delivery_ids(review.system)
    found = []
    for item in items:
        old = before.get(item.key)
        if old is None:
            found.append(Carried(ReviewItem(review=review, item=item)))
        else:
            found.append(_carry(review, item, old, links[old.pk], contributions[old.pk], delivery, at))
    return found


def delivery_ids(system: AISystem) -> set[int]:
    """User ids of everybody who builds or runs ``system``."""
    people = People(system)
    return {pk for role in DELIVERY_ROLES for _, ids in people.holders(role) for pk in ids}


def _carry(
    review: Review,
    item: Item,
    old: ReviewItem,
    links: list[EvidenceLink],
    contributions: list[Contribution],
    delivery: set[int],
    at: datetime,
) -> Carried:
    row = ReviewItem(review=review, item=item)
    for name in ("status", "answer", "proposes_not_applicable", "not_applicable_condition", "verification_note"):
        setattr(row, name, getattr(old, name))
    for name in ("answered_by_id", "answered_at", "verified_by_id", "verified_at", "valid_until"):
        setattr(row, name, getattr(old, name))
    if old.assigned_to is not None and old.assigned_to.is_active:
        row.assigned_to = old.assigned_to
    kept = [link for link in links if _usable(link)]
    if row.status in PASSED:
        _carry_verdict(row, same_evidence=len(kept) == len(links), same_item=item.spec == old.item.spec, at=at)
        _apply_tier(row, delivery)
    elif row.status == ItemStatus.SUBMITTED and len(kept) != len(links):
        row.status = ItemStatus.IN_PROGRESS
    return Carried(
        row,
        [
            EvidenceLink(evidence=link.evidence, attached_by_id=link.attached_by_id, attached_at=link.attached_at)
            for link in kept
        ],
        [Contribution(user_id=one.user_id, kind=one.kind, at=one.at) for one in contributions],
    )


def _usable(link: EvidenceLink) -> bool:
    evidence = link.evidence
    return evidence.withdrawn_at is None and (evidence.valid_until is None or evidence.valid_until >= utc_today())


def _carry_verdict(row: ReviewItem, *, same_evidence: bool, same_item: bool, at: datetime) -> None:
    """A verdict is about an answer and its evidence: it goes over only while both, and the question, are the same."""
    in_date = row.valid_until is not None and row.valid_until > at
    if same_evidence and same_item and in_date:
        return
    row.status = ItemStatus.SUBMITTED if same_evidence else ItemStatus.IN_PROGRESS
    clear_verdict(row)


def _apply_tier(row: ReviewItem, delivery: set[int]) -> None:
    """
    Hold a verdict to the tier that applies now.

    It ends no later than the tier allows, and on tier 1 counts only if given from outside the delivery team.
    """
    if row.status not in PASSED or row.verified_at is None or row.valid_until is None:
        return
    if row.review.system.effective_tier == 1 and row.verified_by_id in delivery:
        row.status = ItemStatus.SUBMITTED
        clear_verdict(row)
        return
    row.valid_until = min(row.valid_until, longest_validity(row, row.verified_at))


def stricter_rows(review: Review) -> list[ReviewItem]:
    """
    Passed items of an open review whose verdict does not hold as it is on the system's tier, with the change made on
    the rows but not saved.
    """
    delivery = delivery_ids(review.system)
    rows = ReviewItem.objects.filter(status__in=PASSED, review=review).select_related("item__section")
    found = []
    for row in rows:
        row.review = review
        before = (row.status, row.valid_until)
        _apply_tier(row, delivery)
        if (row.status, row.valid_until) != before:
            found.append(row)
    return found
