"""What awaits a person in the readiness room."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from apps.core.work import (
    RANK_ANSWER,
    RANK_CONDITION,
    RANK_EXPIRING,
    RANK_REJECTED,
    RANK_SIGN,
    RANK_VERIFY,
    WorkItem,
)
from apps.gates.models import Waiver
from apps.registry.models import Deputyship, RoleAssignment
from apps.registry.roles import BUNDLES, DELIVERY_ROLES, Perm, Role

from .models import PASSED, Condition, Contribution, Evidence, ItemStatus, Review, ReviewItem, Seat
from .needs import ITEM_KEY, NeedsTable, standing

EXPIRES_SOON = timedelta(days=30)


@dataclass
class _Desk:
    """One person, their roles on each system, and the moment."""

    user: Any
    roles: dict[int, set[str]]
    now: datetime

    @classmethod
    def of(cls, user: Any) -> "_Desk":
        roles: dict[int, set[str]] = defaultdict(set)
        held = RoleAssignment.objects.held_by(user).values_list("system_id", "role")
        standing_in = Deputyship.objects.running().filter(deputy=user).values_list("system_id", "role")
        for system_id, role in [*held, *standing_in]:
            roles[system_id].add(role)
        return cls(user, roles, timezone.now())

    @property
    def today(self) -> date:
        return self.now.astimezone(UTC).date()

    def systems_with(self, perm: str) -> list[int]:
        return [pk for pk, roles in self.roles.items() if any(perm in BUNDLES[role] for role in roles)]

    def is_in_delivery(self, system_id: int) -> bool:
        return bool(self.roles[system_id] & DELIVERY_ROLES)


def work_for(user: Any) -> list[WorkItem]:
    """Everything ``user`` can do now in reviews, most blocking first, with a fixed number of queries."""
    if not user.is_authenticated or not user.is_active:
        return []
    desk = _Desk.of(user)
    found = [
        *_sections_to_sign(desk),
        *_items_to_verify(desk),
        *_items_to_answer(desk),
        *_conditions(desk),
        *_expiring_evidence(desk),
    ]
    return sorted(found, key=lambda item: (item.rank, item.due or date.max, item.system.name, item.title))


def _open_items(desk: _Desk) -> QuerySet[ReviewItem]:
    rows = ReviewItem.objects.filter(review__state=Review.State.OPEN, review__system__in=desk.roles.keys())
    return rows.select_related("item__section", "review__system")


def _items_to_answer(desk: _Desk) -> Iterable[WorkItem]:
    """Assigned to me and not passed, or mine and sent back or run out."""
    expired = Q(status__in=PASSED, valid_until__lte=desk.now)
    unfinished = Q(status__in=[ItemStatus.OPEN, ItemStatus.IN_PROGRESS, ItemStatus.REJECTED])
    mine = Q(assigned_to=desk.user) & (unfinished | expired)
    came_back = Q(answered_by=desk.user, assigned_to=None) & (Q(status=ItemStatus.REJECTED) | expired)
    can = desk.systems_with(Perm.CONTRIBUTE)
    for row in _open_items(desk).filter(mine | came_back, review__system__in=can):
        status = row.status_at(desk.now)
        if status == "rejected":
            kind, rank, why = "rejected", RANK_REJECTED, f"Sent back: {row.verification_note}"
        elif status == "expired":
            kind, rank, why = "answer", RANK_ANSWER, "Its verification ran out: renew the evidence"
        else:
            kind, rank, why = "answer", RANK_ANSWER, "Assigned to you"
        yield WorkItem(kind, str(row.item), why, row.system, row.get_absolute_url(), rank, row.due_on)


def _items_to_verify(desk: _Desk) -> Iterable[WorkItem]:
    """Waiting for a verdict that I may give: I took no part, and on tier 1 I am outside the delivery team."""
    part = Contribution.objects.filter(review_item=OuterRef("pk"), user=desk.user)
    rows = _open_items(desk).filter(
        ~Exists(part), status=ItemStatus.SUBMITTED, review__system__in=desk.systems_with(Perm.VERIFY)
    )
    for row in rows:
        system = row.system
        if system.effective_tier == 1 and desk.is_in_delivery(system.pk):
            continue
        is_theirs = row.item.section.signing_role in desk.roles[system.pk]
        why = "Waiting for your verification" if is_theirs else "Waiting for somebody to verify it"
        rank = RANK_VERIFY if is_theirs else RANK_CONDITION + 5
        yield WorkItem("verify", str(row.item), why, system, row.get_absolute_url(), rank)


def _sections_to_sign(desk: _Desk) -> Iterable[WorkItem]:
    """Sections I have the role for, everything the gate asks for passed, unsigned, and no duty against me."""
    systems = [pk for pk, roles in desk.roles.items() if roles & _SIGNING]
    seats = list(
        Seat.objects.filter(review__state=Review.State.OPEN, review__system__in=systems).select_related(
            "section", "sign_off", "review__system"
        )
    )
    table = NeedsTable.load()
    reviews = {seat.review_id for seat in seats}
    items = _items_by_section(reviews)
    waivers = _waivers(systems, desk.today)
    part = set(
        Contribution.objects.filter(user=desk.user, review_item__review__in=reviews).values_list(
            "review_item__review_id", "review_item__item__section_id"
        )
    )
    strict = table.sign_off["one_section_per_person_tiers"]
    for seat in seats:
        review, section, system = seat.review, seat.section, seat.review.system
        needs = table.of(review.phase, system.effective_tier)
        if section.signing_role not in desk.roles[system.pk] or section.key not in needs.sections:
            continue
        if _stands(seat, desk.now) or (review.pk, section.pk) in part:
            continue
        if section.signing_role == Role.GOVERNANCE_APPROVER and Role.OWNER in desk.roles[system.pk]:
            continue
        if system.effective_tier in strict and _signed_another(seats, seat, desk):
            continue
        asked = [row for row in items[(review.pk, section.pk)] if needs.asks_for(row.item)]
        here = waivers[(system.pk, review.phase)]
        if all(standing(row, needs, here, desk.now).passes for row in asked):
            why = f"Everything {review.get_phase_display()} asks for is verified"
            url = f"/reviews/{review.uid}/sections/{section.key}/sign/"
            yield WorkItem("sign", f"Sign {section}", why, system, url, RANK_SIGN)


_SIGNING = {
    Role.TECHNICAL_APPROVER,
    Role.OPERATIONAL_APPROVER,
    Role.BUSINESS_APPROVER,
    Role.GOVERNANCE_APPROVER,
}


def _stands(seat: Seat, now: datetime) -> bool:
    return seat.sign_off is not None and seat.sign_off.valid_until > now


def _signed_another(seats: list[Seat], seat: Seat, desk: _Desk) -> bool:
    return any(
        other.review_id == seat.review_id and _stands(other, desk.now) and other.sign_off.signer_id == desk.user.pk
        for other in seats
        if other.pk != seat.pk and other.sign_off is not None
    )


def _items_by_section(reviews: set[int]) -> dict[tuple[int, int], list[ReviewItem]]:
    found: dict[tuple[int, int], list[ReviewItem]] = defaultdict(list)
    for row in ReviewItem.objects.filter(review__in=reviews).select_related("item").defer("answer"):
        found[(row.review_id, row.item.section_id)].append(row)
    return found


def _waivers(systems: list[int], on: date) -> dict[tuple[int, str], dict[str, Waiver]]:
    found: dict[tuple[int, str], dict[str, Waiver]] = defaultdict(dict)
    for waiver in Waiver.objects.filter(system__in=systems, requirement__startswith=ITEM_KEY).live(on):
        found[(waiver.system_id, waiver.phase)][waiver.requirement.removeprefix(ITEM_KEY)] = waiver
    return found


def _conditions(desk: _Desk) -> Iterable[WorkItem]:
    rows = Condition.objects.filter(owner=desk.user, done_at=None, sign_off__seat__isnull=False)
    for row in rows.filter(system__in=desk.roles.keys()).select_related("system", "sign_off__review", "sign_off"):
        why = f"{row.sign_off.signer_name} signed on this condition"
        url = row.sign_off.review.get_absolute_url()
        yield WorkItem("condition", str(row), why, row.system, url, RANK_CONDITION, row.due_on)


def _expiring_evidence(desk: _Desk) -> Iterable[WorkItem]:
    """Evidence I supplied that open reviews rest on, in its last thirty days."""
    in_use = ReviewItem.objects.filter(evidence_links__evidence=OuterRef("pk"), review__state=Review.State.OPEN)
    rows = Evidence.objects.filter(
        Exists(in_use),
        supplied_by=desk.user,
        withdrawn_at=None,
        valid_until__gte=desk.today,
        valid_until__lte=desk.today + EXPIRES_SOON,
        system__in=desk.systems_with(Perm.CONTRIBUTE),
    )
    for row in rows.select_related("system"):
        yield WorkItem(
            "expiring", row.title, "Evidence about to run out", row.system, row.get_absolute_url(), RANK_EXPIRING,
            row.valid_until,
        )  # fmt: skip
