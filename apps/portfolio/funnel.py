"""The portfolio in numbers: how many systems stand where, what holds them up, and how many pilots reach production."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Exists, F, OuterRef, Subquery
from django.db.models.functions import Coalesce

from apps.gates.models import Decision
from apps.registry.models import PHASE_ORDER, AISystem, BusinessFunction, Phase

from .systems import AT_RISK, BLOCKED, READY, SUSPENDED, UNOWNED, listed

# From here on people work with it, at first as a trial.
STARTED = [Phase.PILOT, Phase.LIMITED_BETA, Phase.EXPANDED_PILOT, Phase.GRADUAL_ROLLOUT, Phase.FULL_PRODUCTION]
UNDER_WAY = STARTED[:-1]
MEASURES = ("total", "blocked", "ready", "at_risk", "suspended", "unowned")
STUCK_SHOWN = 8


@dataclass(frozen=True)
class ScaleRate:
    """
    How many pilots became something: of the systems that ever began a pilot, how many reached full production.

    *Began a pilot*: has been, or is, in any phase from pilot to full production; a system registered in a later phase
    began its pilot before we knew it. *Reached*: has been, or is, in full production, also if it was retired since or
    stepped back. Ideas do not count, nor do systems retired without a pilot on record. ``under_way`` are those that
    may still get there, so the rate of a young portfolio is low by nature.
    """

    began: int
    reached: int
    under_way: int

    @property
    def percent(self) -> int | None:
        """Whole per cent, rounded down: 99.6 is not everything. None where no pilot ever began."""
        return self.reached * 100 // self.began if self.began else None

    def as_json(self) -> dict[str, Any]:
        return {"began": self.began, "reached": self.reached, "under_way": self.under_way, "percent": self.percent}


@dataclass(frozen=True)
class Line:
    """The numbers of one phase, function or tier; ``filters`` narrows the list of systems to it."""

    key: str
    label: str
    filters: dict[str, str]
    total: int = 0
    blocked: int = 0
    ready: int = 0
    at_risk: int = 0
    suspended: int = 0
    unowned: int = 0

    def url(self, **more: str) -> str:
        query = urlencode({**self.filters, **more})
        return f"/systems/?{query}" if query else "/systems/"

    @property
    def cells(self) -> list[tuple[str, int, str]]:
        """Each number with its column and the list behind it."""
        states = ("blocked", "ready", "at_risk", "suspended")
        return [
            ("Systems", self.total, self.url()),
            *((LABELS[name], getattr(self, name), self.url(state=name)) for name in states),
            (LABELS["unowned"], self.unowned, self.url(owner="none")),
        ]

    def as_json(self) -> dict[str, Any]:
        return {"key": self.key, "label": self.label, **{name: getattr(self, name) for name in MEASURES}}


LABELS = {
    "total": "Systems",
    "blocked": "Cannot move on",
    "ready": "May move on",
    "at_risk": "At risk",
    "suspended": "Suspended",
    "unowned": "No owner",
}


@dataclass(frozen=True)
class Funnel:
    """All numbers of the portfolio as one person sees it."""

    all: Line
    phases: list[Line]
    functions: list[Line]
    tiers: list[Line]
    scale: ScaleRate

    def as_json(self) -> dict[str, Any]:
        return {
            "all": self.all.as_json(),
            "phases": [line.as_json() for line in self.phases],
            "functions": [line.as_json() for line in self.functions],
            "tiers": [line.as_json() for line in self.tiers],
            "scale_rate": self.scale.as_json(),
        }


def funnel_for(user: Any) -> Funnel:
    """The numbers over the systems ``user`` sees, in three queries whatever their number."""
    groups = list(
        listed(user)
        .order_by()
        .values("phase", "business_function", "tier")
        .annotate(
            total=Count("pk"),
            blocked=Count("pk", filter=BLOCKED),
            ready=Count("pk", filter=READY),
            at_risk=Count("pk", filter=AT_RISK),
            suspended=Count("pk", filter=SUSPENDED),
            unowned=Count("pk", filter=UNOWNED),
        )
    )
    functions = [
        _line(groups, key, label, "business_function", key, {"function": key or "none"})
        for key, label in [*BusinessFunction.choices, ("", "Not stated")]
    ]
    tiers: list[tuple[int | None, str]] = [(1, "Tier 1"), (2, "Tier 2"), (3, "Tier 3"), (None, "Not set")]
    return Funnel(
        all=_sum(groups, "all", "All systems", {}),
        phases=[_line(groups, p, str(Phase(p).label), "phase", p, {"phase": p}) for p in PHASE_ORDER],
        functions=[line for line in functions if line.total],
        tiers=[_line(groups, str(t or ""), label, "tier", t, {"tier": str(t or "none")}) for t, label in tiers],
        scale=_scale_rate(user, groups),
    )


def _line(
    groups: Sequence[Mapping[str, Any]], key: str, label: str, column: str, value: Any, filters: dict[str, str]
) -> Line:
    return _sum((g for g in groups if g[column] == value), key, label, filters)


def _sum(groups: Iterable[Mapping[str, Any]], key: str, label: str, filters: dict[str, str]) -> Line:
    rows = list(groups)
    return Line(key, label, filters, **{name: sum(row[name] for row in rows) for name in MEASURES})


def _scale_rate(user: Any, groups: Sequence[Mapping[str, Any]]) -> ScaleRate:
    now = {phase: sum(g["total"] for g in groups if g["phase"] == phase) for phase in PHASE_ORDER}
    under_way = sum(now[phase] for phase in UNDER_WAY)
    past = AISystem.history.filter(id=OuterRef("pk"))
    # Only where the phase of today does not tell: it was retired, or may have stepped back. As conditions, which a
    # planner joins; counted by a filter they would be looked up system by system.
    seen = AISystem.objects.visible_to(user).order_by()
    began = seen.filter(Exists(past.filter(phase__in=STARTED)), phase=Phase.RETIRED).count()
    reached = seen.filter(
        Exists(past.filter(phase=Phase.FULL_PRODUCTION)), phase__in=[*UNDER_WAY, Phase.RETIRED]
    ).count()
    full = now[Phase.FULL_PRODUCTION]
    return ScaleRate(began=full + under_way + began, reached=full + reached, under_way=under_way)


def longest_stuck(user: Any) -> list[dict[str, Any]]:
    """The systems that have tried to leave their phase for longest: past the idea, not there yet, gate closed."""
    entered = Decision.objects.filter(
        system=OuterRef("pk"), phase=OuterRef("phase"), granted=True, occasion=Decision.Occasion.ENTER_PHASE
    ).order_by("-decided_at")
    rows = (
        listed(user)
        .filter(BLOCKED, phase__in=UNDER_WAY)
        .annotate(since=Coalesce(Subquery(entered.values("decided_at")[:1]), F("created_at")))
        .order_by("since", "pk")
        .values("slug", "name", "phase", "since", "status__missing", "status__sentence", "owned__user__full_name")
    )
    return [
        {
            "name": row["name"],
            "url": f"/systems/{row['slug']}/",
            "phase": row["phase"],
            "phase_label": str(Phase(row["phase"]).label),
            "since": row["since"],
            "missing": row["status__missing"],
            "sentence": row["status__sentence"],
            "owner": row["owned__user__full_name"],
        }
        for row in rows[:STUCK_SHOWN]
    ]
