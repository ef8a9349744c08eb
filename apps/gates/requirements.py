"""
How rooms tell the gate what it can ask: small named functions over facts, found like Django finds ``admin.py``.

A room has a module ``gate_requirements`` with functions such as::

    @requirement("registry.owner_named", title="An owner is named", owner=Role.OWNER)
    def owner_named(ask: Question) -> Finding: ...

A policy names them with parameters; the evaluation calls them and dresses their findings as results.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any

from django.utils.module_loading import autodiscover_modules

from apps.registry.models import AISystem, ModelVersion, VersionUse
from apps.registry.people import Owed, People

from .models import GateRequirement, Suspension

MET, NOT_MET, WAIVED, NOT_APPLICABLE = "met", "not_met", "waived", "not_applicable"
STATUS_LABELS = {MET: "Met", NOT_MET: "Not met", WAIVED: "Waived", NOT_APPLICABLE: "Not applicable"}


@dataclass
class Question:
    """
    What is asked: may ``system`` enter ``phase`` at instant ``at``, with this model version (None: those in use)?

    ``lines`` are those of the policy that this gate asks on this tier. ``cache`` is shared by all requirements of one
    evaluation, so that a room reads its facts once.
    """

    system: AISystem
    phase: str
    at: datetime
    version: ModelVersion | None
    policy: dict[str, Any]
    people: People
    lines: tuple[GateRequirement, ...] = ()
    cache: dict[str, Any] = field(default_factory=dict)

    @property
    def tier(self) -> int:
        return self.system.effective_tier


@dataclass(frozen=True)
class Finding:
    """What a requirement found. Unmet ones say what is missing, who owes it (a role) and where to click."""

    status: str
    reason: str
    link: str = ""
    owner: str = ""
    title: str = ""
    key: str = ""
    expires_at: datetime | None = None


def version_uses(system: AISystem, cache: dict[str, Any]) -> list[VersionUse]:
    """Which model versions ``system`` uses, with their models; read once for all who share ``cache``."""
    if "gates:version_uses" not in cache:
        rows = VersionUse.objects.filter(system=system).select_related("model_version__model").order_by("pk")
        cache["gates:version_uses"] = list(rows)
    return cache["gates:version_uses"]


def versions_in_use(ask: Question) -> list[ModelVersion]:
    """The model versions that the system uses."""
    return [use.model_version for use in version_uses(ask.system, ask.cache)]


def open_suspension(system: AISystem, cache: dict[str, Any]) -> Suspension | None:
    """The suspension of ``system`` that nobody has lifted; read once for all who share ``cache``."""
    if "gates:suspension" not in cache:
        rows = Suspension.objects.filter(system=system, resumption=None).select_related("suspended_by")
        cache["gates:suspension"] = rows.first()
    return cache["gates:suspension"]


def met(reason: str, **kwargs: Any) -> Finding:
    return Finding(MET, reason, **kwargs)


def unmet(reason: str, **kwargs: Any) -> Finding:
    return Finding(NOT_MET, reason, **kwargs)


def not_applicable(reason: str, **kwargs: Any) -> Finding:
    return Finding(NOT_APPLICABLE, reason, **kwargs)


@dataclass(frozen=True)
class Result:
    """One requirement of a gate as people and machines see it: same words on the page, in the API and in CI."""

    key: str
    title: str
    status: str
    severity: str
    reason: str
    owner: Owed
    link: str
    waivable: bool
    expires_at: datetime | None = None

    @property
    def is_blocking(self) -> bool:
        """Keeps the gate closed."""
        return self.status == NOT_MET and self.severity == "blocking"

    @property
    def status_label(self) -> str:
        return STATUS_LABELS[self.status]

    def waived(self, reason: str, until: datetime) -> "Result":
        return replace(self, status=WAIVED, reason=reason, expires_at=until)

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "title": self.title,
            "status": self.status,
            "severity": self.severity,
            "reason": self.reason,
            "owner": self.owner.as_json(),
            "link": self.link,
            "waivable": self.waivable,
            "expires_at": self.expires_at,
        }


Check = Callable[..., Finding | Iterable[Finding]]


@dataclass(frozen=True)
class Requirement:
    name: str
    title: str
    owner: str
    check: Check


_REGISTRY: dict[str, Requirement] = {}


def requirement(name: str, *, title: str, owner: str) -> Callable[[Check], Check]:
    """
    Register a check under ``name``. ``owner`` is the role that owes it where a finding names no other.

    :raises ValueError: the name is taken.
    """

    def register(check: Check) -> Check:
        if name in _REGISTRY and _REGISTRY[name].check is not check:
            raise ValueError(f"Two requirements are named {name}.")
        _REGISTRY[name] = Requirement(name, title, owner, check)
        return check

    return register


@cache
def _find_rooms() -> None:
    # Once a process: looking for a module in every app costs more than an evaluation does.
    autodiscover_modules("gate_requirements")


def known_requirements() -> dict[str, Requirement]:
    """All requirements that the installed rooms bring, by name."""
    _find_rooms()
    return _REGISTRY


_BLOCKER_TESTS: list[Callable[[str], bool]] = []


def blocker_test(test: Callable[[str], bool]) -> Callable[[str], bool]:
    """Register a room's answer to "is the requirement with this key a blocker?": its waivers are the shorter ones."""
    _BLOCKER_TESTS.append(test)
    return test


def blocker_tests() -> list[Callable[[str], bool]]:
    known_requirements()
    return _BLOCKER_TESTS
