"""What the gate policy in force asks of a review, and what waivers stand in for."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from apps.gates.evaluation import end_of_day, policy_in_force, policy_lines
from apps.gates.models import GatePolicy, GateRequirement, Waiver
from apps.registry.models import AISystem

from .models import PASSED, Item, ReviewItem

ITEM_KEY, SECTION_KEY = "readiness.item:", "readiness.section_signed:"


@dataclass(frozen=True)
class Needs:
    """What one gate asks on one tier: item keys with whether they may be waived, and sections to be signed."""

    listed: dict[str, bool]
    sections: frozenset[str]
    all_items: bool = False
    all_waivable: bool = False

    def asks_for(self, item: Item) -> bool:
        return self.all_items or item.key in self.listed

    def may_be_waived(self, item: Item) -> bool:
        return self.listed.get(item.key, self.all_waivable)


@dataclass
class NeedsTable:
    """The policy in force, asked for many phases and tiers."""

    policy: GatePolicy
    lines: list[GateRequirement]

    @classmethod
    def load(cls) -> "NeedsTable":
        """:raises NotReady: no policy is loaded."""
        policy = policy_in_force()
        blocking = [line for line in policy_lines(policy) if line.severity == GateRequirement.Severity.BLOCKING]
        return cls(policy, [line for line in blocking if line.name.startswith("readiness.")])

    def of(self, phase: str, tier: int) -> Needs:
        lines = [line for line in self.lines if line.phase == phase and tier in line.tiers]
        everything = [line for line in lines if line.name == "readiness.all_items"]
        return Needs(
            listed={line.params["item"]: line.waivable for line in lines if line.name == "readiness.item"},
            sections=frozenset(line.params["section"] for line in lines if line.name == "readiness.section_signed"),
            all_items=bool(everything),
            all_waivable=any(line.waivable for line in everything),
        )

    def phases(self) -> set[str]:
        """The phases whose gate looks at a review at all."""
        return {line.phase for line in self.lines}

    @property
    def sign_off(self) -> dict[str, Any]:
        """The part of the policy about signatures."""
        return self.policy.body["sign_off"]


def live_waivers(system: AISystem, phase: str, on: date) -> dict[str, Waiver]:
    """Waivers of items that run on ``on``, by item key."""
    waivers = Waiver.objects.filter(system=system, phase=phase, requirement__startswith=ITEM_KEY).live(on)
    return {waiver.requirement.removeprefix(ITEM_KEY): waiver for waiver in waivers}


@dataclass(frozen=True)
class Standing:
    """How one required item stands: passed or waived until ``until``, or not (``until`` None)."""

    review_item: ReviewItem
    until: datetime | None
    waiver: Waiver | None = None

    @property
    def passes(self) -> bool:
        return self.until is not None

    @property
    def end_words(self) -> str:
        """Why a signature over it cannot last beyond ``until``."""
        if self.waiver is not None:
            return f"the waiver of {self.review_item.item} ends then"
        return f"{self.review_item.item} has to be verified again by then"


def standing(review_item: ReviewItem, needs: Needs, waivers: dict[str, Waiver], at: datetime) -> Standing:
    """Whether a required item passes at ``at``, by itself or by a waiver."""
    if review_item.status_at(at) in PASSED:
        return Standing(review_item, review_item.valid_until)
    waiver = waivers.get(review_item.item.key)
    if waiver is not None and needs.may_be_waived(review_item.item):
        return Standing(review_item, end_of_day(waiver.expires_on), waiver)
    return Standing(review_item, None)
