"""What awaits a person in the readiness room."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Concat
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
from apps.registry.querysets import system_ids_of
from apps.registry.roles import BUNDLES, DELIVERY_ROLES, SIGN_PERM, Perm, Role

from .models import PASSED, Condition, Contribution, Evidence, ItemStatus, Review, ReviewItem, Seat
from .needs import ITEM_KEY, Needs, NeedsTable

EXPIRES_SOON = timedelta(days=30)
# More of one kind than anybody works through in a day; the next come up as these are done.
AT_MOST = 200
TIERS = (1, 2, 3)
SIGNING = [role for role, bundle in BUNDLES.items() if bundle & set(SIGN_PERM.values())]


@dataclass(frozen=True)
class _Desk:
    """One person at one moment. Roles are asked for in the database: a desk never grows with the portfolio."""

    user: Any
    now: datetime

    @property
    def today(self) -> date:
        return self.now.astimezone(UTC).date()

    def systems(self, roles: Iterable[str]) -> Any:
        """Ids of the systems on which I hold one of ``roles``, by myself, by a team or as a deputy; a subquery."""
        return system_ids_of(self.user, roles, at=self.now)

    def systems_with(self, perm: str) -> Any:
        """As :meth:`systems`, for the roles whose bundle holds ``perm``."""
        return self.systems([role for role, bundle in BUNDLES.items() if perm in bundle])

    def signs(self, system: str, section: str) -> Q:
        """Rows whose section I have the signing role for; the arguments are the paths to system and section."""
        found = Q(pk=None)
        for role in SIGNING:
            found |= Q(**{f"{section}__signing_role": role, f"{system}__in": self.systems([role])})
        return found


def work_for(user: Any) -> list[WorkItem]:
    """What ``user`` can do now in reviews, most blocking first, at most 200 of a kind; a fixed number of queries."""
    if not user.is_authenticated or not user.is_active:
        return []
    desk = _Desk(user, timezone.now())
    found = [
        *_sections_to_sign(desk),
        *_items_to_verify(desk),
        *_items_to_answer(desk),
        *_conditions(desk),
        *_expiring_evidence(desk),
    ]
    return sorted(found, key=lambda item: (item.rank, item.due or date.max, item.system.name, item.title))


def _open_items(systems: Any) -> QuerySet[ReviewItem]:
    rows = ReviewItem.objects.filter(review__state=Review.State.OPEN, review__system__in=systems)
    return rows.select_related("item__section", "review__system").defer("answer", "item__spec").order_by("pk")


def _items_to_answer(desk: _Desk) -> Iterable[WorkItem]:
    """Assigned to me and not passed, or mine and sent back or run out."""
    expired = Q(status__in=PASSED, valid_until__lte=desk.now)
    unfinished = Q(status__in=[ItemStatus.OPEN, ItemStatus.IN_PROGRESS, ItemStatus.REJECTED])
    mine = Q(assigned_to=desk.user) & (unfinished | expired)
    came_back = Q(answered_by=desk.user, assigned_to=None) & (Q(status=ItemStatus.REJECTED) | expired)
    for row in _open_items(desk.systems_with(Perm.CONTRIBUTE)).filter(mine | came_back)[:AT_MOST]:
        status = row.status_at(desk.now)
        if status == "rejected":
            kind, rank, why = "rejected", RANK_REJECTED, f"Sent back: {row.verification_note}"
        elif status == "expired":
            kind, rank, why = "answer", RANK_ANSWER, "Its verification ran out: renew the evidence"
        else:
            kind, rank, why = "answer", RANK_ANSWER, "Assigned to you"
        yield WorkItem(kind, str(row.item), why, row.system, row.get_absolute_url(), rank, row.due_on)


def _items_to_verify(desk: _Desk) -> Iterable[WorkItem]:
    """
    Waiting for a verdict that I may give: I took no part, and on tier 1 I am outside the delivery team.

    Those of sections I sign come first, and high; what any colleague may verify comes further down.
    """
    part = Contribution.objects.filter(review_item=OuterRef("pk"), user=desk.user)
    strictest = Q(review__system__tier=1) | Q(review__system__tier=None)
    rows = _open_items(desk.systems_with(Perm.VERIFY)).filter(~Exists(part), status=ItemStatus.SUBMITTED)
    rows = rows.exclude(strictest & Q(review__system__in=desk.systems(DELIVERY_ROLES)))
    rows = rows.annotate(is_mine=desk.signs("review__system", "item__section"))
    for row in rows.order_by("-is_mine", "pk")[:AT_MOST]:
        why = "Waiting for your verification" if row.is_mine else "Waiting for somebody to verify it"
        rank = RANK_VERIFY if row.is_mine else RANK_CONDITION + 5
        yield WorkItem("verify", str(row.item), why, row.system, row.get_absolute_url(), rank)


def _sections_to_sign(desk: _Desk) -> Iterable[WorkItem]:
    """Sections I have the role for, everything the gate asks for passed, unsigned, and no duty against me."""
    table = NeedsTable.load()
    standing = Q(sign_off__valid_until__gt=desk.now)
    part = Contribution.objects.filter(
        user=desk.user, review_item__review=OuterRef("review"), review_item__item__section=OuterRef("section")
    )
    another = Seat.objects.filter(standing, review=OuterRef("review"), sign_off__signer=desk.user)
    strict = [tier for tier in TIERS if tier in table.sign_off["one_section_per_person_tiers"]]
    owned = desk.systems([Role.OWNER])
    rows = (
        # First down to the systems I sign anything on; which section it is then matters for those seats only.
        Seat.objects.filter(review__system__in=desk.systems(SIGNING), review__state=Review.State.OPEN)
        .filter(desk.signs("review__system", "section"))
        .filter(_asked_for(table), ~Exists(part), ~Exists(_missing_items(desk, table)))
        .exclude(standing)
        .exclude(_on_tiers(strict, "review__system") & Exists(another))
        .exclude(section__signing_role=Role.GOVERNANCE_APPROVER, review__system__in=owned)
        .select_related("section", "review__system")
    )
    for seat in rows.order_by("pk")[:AT_MOST]:
        review, section = seat.review, seat.section
        why = f"Everything {review.get_phase_display()} asks for is verified"
        url = f"/reviews/{review.uid}/sections/{section.key}/sign/"
        yield WorkItem("sign", f"Sign {section}", why, review.system, url, RANK_SIGN)


def _on_tiers(tiers: Iterable[int], system: str) -> Q:
    """Systems on one of ``tiers``; an unknown tier counts as 1."""
    found = Q(**{f"{system}__tier__in": list(tiers)})
    return found | Q(**{f"{system}__tier": None}) if 1 in tiers else found


def _cases(table: NeedsTable) -> Iterable[tuple[str, list[int], Needs]]:
    """What the policy asks, by phase and by the tiers on which it asks the same."""
    for phase in sorted(table.phases()):
        by_tier = {tier: table.of(phase, tier) for tier in TIERS}
        while by_tier:
            needs = next(iter(by_tier.values()))
            tiers = [tier for tier, asked in by_tier.items() if asked == needs]
            yield phase, tiers, needs
            for tier in tiers:
                del by_tier[tier]


def _asked_for(table: NeedsTable) -> Q:
    """Seats whose signature the gate of the review's phase asks for."""
    found = Q(pk=None)
    for phase, tiers, needs in _cases(table):
        here = Q(review__phase=phase, section__key__in=needs.sections)
        found |= here & _on_tiers(tiers, "review__system")
    return found


def _missing_items(desk: _Desk, table: NeedsTable) -> QuerySet[ReviewItem]:
    """Items of a seat's section that the gate asks for and that neither pass nor are waived; for a subquery."""
    waiver = (
        Waiver.objects.live(desk.today)
        .filter(system=OuterRef("review__system"), phase=OuterRef("review__phase"))
        .annotate(wanted=Concat(Value(ITEM_KEY), OuterRef("item__key")))
        .filter(requirement=F("wanted"))
    )
    asked: Any = Q(pk=None)
    for phase, tiers, needs in _cases(table):
        listed = Q() if needs.all_items else Q(item__key__in=list(needs.listed))
        fixed = [key for key, may_be_waived in needs.listed.items() if not may_be_waived]
        waivable = ~Q(item__key__in=fixed) if needs.all_waivable else Q(item__key__in=set(needs.listed) - set(fixed))
        asked |= Q(review__phase=phase) & _on_tiers(tiers, "review__system") & listed & ~(waivable & Exists(waiver))
    rows = ReviewItem.objects.filter(asked, review=OuterRef("review"), item__section=OuterRef("section"))
    return rows.exclude(status__in=PASSED, valid_until__gt=desk.now)


def _conditions(desk: _Desk) -> Iterable[WorkItem]:
    rows = Condition.objects.visible_to(desk.user).filter(
        owner=desk.user, done_at=None, sign_off__seat__isnull=False, sign_off__review__state=Review.State.OPEN
    )
    for row in rows.select_related("system", "sign_off__review")[:AT_MOST]:
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
    for row in rows.select_related("system").order_by("valid_until", "pk")[:AT_MOST]:
        yield WorkItem(
            "expiring", row.title, "Evidence about to run out", row.system, row.get_absolute_url(), RANK_EXPIRING,
            row.valid_until,
        )  # fmt: skip
