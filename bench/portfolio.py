"""
What the generated portfolio is made of: who is there, who has which role where, and how far each review is.

Everything follows from the number of a system, so two runs of one size give the same portfolio.
"""

from dataclasses import dataclass, field
from functools import cache

from apps.registry.models import Phase
from apps.registry.roles import Role

from .people import FEW, ORDINARY, SIGNER

PEOPLE, TEAMS = 200, 20

FEW_SEES = 5

ROLES_OF_ONE_PERSON = [
    Role.OWNER,
    Role.TECHNICAL_APPROVER,
    Role.OPERATIONAL_APPROVER,
    Role.BUSINESS_APPROVER,
    Role.GOVERNANCE_APPROVER,
    Role.RISK_OWNER,
    Role.KPI_OWNER,
    Role.VIEWER,
]
# What "ordinary" is on the systems they see by a role of their own, in turn.
ORDINARY_IS = [Role.OWNER, Role.CONTRIBUTOR, Role.VIEWER, Role.BUSINESS_APPROVER, Role.CONTRIBUTOR]

SECTIONS = ["technical", "operational", "business", "governance"]
ITEMS = 32


@dataclass(frozen=True)
class Progress:
    """How many of the 32 items are in which state, which sections are signed, and whether something ran out."""

    name: str
    verified: int = 0
    not_applicable: int = 0
    submitted: int = 0
    rejected: int = 0
    in_progress: int = 0
    signed: tuple[str, ...] = ()
    expired: bool = False

    def states(self) -> list[str]:
        """A state for each item, in the order in which teams answer them."""
        found = (
            ["verified"] * self.verified
            + ["submitted"] * self.submitted
            + ["rejected"] * self.rejected
            + ["in_progress"] * self.in_progress
        )
        return found + ["open"] * (ITEMS - self.not_applicable - len(found))


NEW = Progress("new", in_progress=3)
STARTED = Progress("started", verified=6, submitted=4, rejected=1, in_progress=2)
HALF = Progress("half", verified=17, not_applicable=1, submitted=5, rejected=2, in_progress=2)
COMPLETE = Progress("complete", verified=30, not_applicable=2)
PART_SIGNED = Progress("part signed", verified=30, not_applicable=2, signed=("technical", "operational"))
SIGNED = Progress("signed", verified=31, not_applicable=1, signed=tuple(SECTIONS))
EXPIRED = Progress("expired", verified=31, not_applicable=1, signed=tuple(SECTIONS), expired=True)

# Of a hundred systems: how many are in which phase, with a review towards which phase, how far.
MIX: list[tuple[int, str, str, Progress]] = [
    (16, Phase.IDEA, Phase.PILOT, NEW),
    (2, Phase.IDEA, Phase.PILOT, COMPLETE),
    (8, Phase.IDEA, Phase.PILOT, STARTED),
    (4, Phase.IDEA, Phase.PILOT, HALF),
    (10, Phase.PILOT, Phase.LIMITED_BETA, STARTED),
    (12, Phase.PILOT, Phase.LIMITED_BETA, HALF),
    (8, Phase.PILOT, Phase.LIMITED_BETA, COMPLETE),
    (2, Phase.PILOT, Phase.LIMITED_BETA, PART_SIGNED),
    (2, Phase.PILOT, Phase.LIMITED_BETA, SIGNED),
    (6, Phase.LIMITED_BETA, Phase.LIMITED_BETA, SIGNED),
    (6, Phase.LIMITED_BETA, Phase.EXPANDED_PILOT, HALF),
    (2, Phase.LIMITED_BETA, Phase.LIMITED_BETA, EXPIRED),
    (4, Phase.EXPANDED_PILOT, Phase.EXPANDED_PILOT, SIGNED),
    (4, Phase.EXPANDED_PILOT, Phase.GRADUAL_ROLLOUT, HALF),
    (3, Phase.GRADUAL_ROLLOUT, Phase.GRADUAL_ROLLOUT, SIGNED),
    (3, Phase.GRADUAL_ROLLOUT, Phase.FULL_PRODUCTION, HALF),
    (5, Phase.FULL_PRODUCTION, Phase.FULL_PRODUCTION, SIGNED),
    (1, Phase.FULL_PRODUCTION, Phase.FULL_PRODUCTION, EXPIRED),
    (2, Phase.RETIRED, Phase.FULL_PRODUCTION, HALF),
]


@cache
def _hundred() -> list[int]:
    """Which line of the mix the systems 0 to 99 follow, well shuffled: 37 and 100 have no common divisor."""
    lines = [number for number, (count, *_) in enumerate(MIX) for _ in range(count)]
    return [lines[position * 37 % 100] for position in range(100)]


@dataclass
class Plan:
    """One system: where it stands and who is what on it. People are numbers from 0, or names of the measured ones."""

    number: int
    slug: str
    line: int
    phase: str
    review_phase: str
    progress: Progress
    tier: int | None
    people: dict[str, list[int | str]] = field(default_factory=dict)
    teams: dict[str, list[int]] = field(default_factory=dict)

    @property
    def is_suspended(self) -> bool:
        return self.number % 200 == 60

    @property
    def asks_for_waiver(self) -> bool:
        return self.number % 25 == 11

    @property
    def is_special(self) -> bool:
        """The gate's answer depends on more than the pattern."""
        return self.is_suspended or self.asks_for_waiver

    @property
    def pattern(self) -> tuple[int, int | None]:
        """Systems of one pattern get the same answer from the gate."""
        return self.line, self.tier


def plan(number: int) -> Plan:
    # A step after each hundred, so that what a person sees (every twentieth system) is of every kind.
    line = _hundred()[(number + number // 100 * 7) % 100]
    _, phase, review_phase, progress = MIX[line]
    made = Plan(
        number=number,
        slug=f"system-{number:05d}",
        line=line,
        phase=phase,
        review_phase=review_phase,
        progress=progress,
        tier=(None, 1, 2, 3, 2, 3)[(number // 3) % 6] if phase == Phase.IDEA else (1, 2, 3, 3)[(number // 3) % 4],
    )
    for position, role in enumerate(ROLES_OF_ONE_PERSON):
        made.people[role] = [(number * 7 + position * 23) % PEOPLE]
    made.teams[Role.CONTRIBUTOR] = [number % TEAMS]
    if progress is COMPLETE:
        made.people[Role.TECHNICAL_APPROVER] = [SIGNER]
    if number % TEAMS == 1:
        role = ORDINARY_IS[number // TEAMS % len(ORDINARY_IS)]
        single = role == Role.OWNER
        made.people[role] = [ORDINARY] if single else [*made.people.get(role, []), ORDINARY]
    if number % 150 == 7 and number // 150 < FEW_SEES:
        made.people[Role.VIEWER] = [*made.people[Role.VIEWER], FEW]
    return made


THINGS = [
    "Invoice matching", "Claims triage", "Demand forecast", "Contract reading", "Ticket routing", "Fraud scoring",
    "Shift planning", "Document search", "Quality inspection", "Churn warning", "Translation desk", "Meter reading",
    "Permit checking", "Route planning", "Call summaries", "Spare parts forecast", "Image sorting", "Credit review",
    "Visit scheduling", "Complaint answering",
]  # fmt: skip
PLACES = [
    "Accounts", "Field service", "Head office", "Region North", "Region South", "Plant 2", "Plant 5", "Customer centre",
    "Legal", "Procurement", "Laboratory", "Warehouse", "Inspection", "Treasury", "Personnel",
]  # fmt: skip
SENTENCES = (
    "The design was reviewed by the platform team and its open points are closed.",
    "Alarms go to the team on duty and are tried out every month.",
    "Results were compared with a sample of five hundred cases that experts had judged.",
    "Access follows the roles of the directory; nobody has standing rights in production.",
    "The baseline was measured over eight weeks before the start, with the same method.",
    "Whoever is affected is told in the letter and can ask a person to decide again.",
    "The contract names the place of processing and the time after which data is deleted.",
    "Load tests ran at three times the expected peak without errors.",
    "Changes go through the pipeline, which keeps the digest of what was built.",
    "The owner of the process and the works council agreed to the measure.",
)
