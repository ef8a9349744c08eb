"""
The one answer: may this system enter that phase, and if not, what is missing and who owes it?

Pages, API, command line, registry protocol and background work all call :func:`evaluate`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from django.utils import timezone

from apps.core.exceptions import NotReady, RuleViolation
from apps.registry.models import AISystem, ModelVersion, Phase
from apps.registry.people import People

from .models import GatePolicy, GateRequirement, Waiver
from .requirements import Finding, Question, Requirement, Result, known_requirements


@dataclass(frozen=True)
class Evaluation:
    """All results of one gate at one instant, and the sentence that sums them up."""

    system: AISystem
    phase: str
    at: datetime
    version: ModelVersion | None
    policy: GatePolicy
    results: tuple[Result, ...]

    @property
    def phase_label(self) -> str:
        return str(Phase(self.phase).label)

    @property
    def missing(self) -> list[Result]:
        """What keeps the gate closed."""
        return [result for result in self.results if result.is_blocking]

    @property
    def warnings(self) -> list[Result]:
        return [r for r in self.results if r.status == "not_met" and not r.is_blocking]

    @property
    def required(self) -> list[Result]:
        """The results that count: blocking ones that apply."""
        return [r for r in self.results if r.severity == "blocking" and r.status != "not_applicable"]

    @property
    def granted(self) -> bool:
        return not self.missing

    @property
    def sentence(self) -> str:
        """The answer in one sentence, the same through every door."""
        stays = self.phase == self.system.phase
        if self.granted:
            return f"Meets everything {self.phase_label} asks for." if stays else f"May enter {self.phase_label}."
        count = len(self.missing)
        things = "1 thing is missing" if count == 1 else f"{count} things are missing"
        return f"Is in {self.phase_label}, but {things}." if stays else f"Cannot enter {self.phase_label}: {things}."

    @property
    def next_change_at(self) -> datetime | None:
        """The first instant after ``at`` when time alone changes a result."""
        moments = [r.expires_at for r in self.results if r.expires_at is not None and r.expires_at > self.at]
        return min(moments, default=None)

    def as_json(self) -> dict[str, Any]:
        return {
            "system": self.system.slug,
            "phase": self.phase,
            "granted": self.granted,
            "sentence": self.sentence,
            "evaluated_for": self.at,
            "tier": self.system.effective_tier,
            "model_version": version_json(self.version),
            "policy": {"key": self.policy.key, "version": self.policy.version, "sha256": self.policy.sha256},
            "missing": len(self.missing),
            "results": [result.as_json() for result in self.results],
        }


def version_json(version: ModelVersion | None) -> dict[str, Any] | None:
    """A model version as answers name it."""
    if version is None:
        return None
    return {"model": version.model.name, "version": version.number, "digest": version.artefact_digest or None}


def policy_in_force() -> GatePolicy:
    """
    The policy every gate is judged by now.

    :raises NotReady: none is loaded. Then no gate can be answered, and none is granted.
    """
    found = GatePolicy.objects.filter(in_force=True).values_list("pk", "sha256").first()
    if found is None:
        raise NotReady("No gate policy is loaded. An administrator runs: manage.py load_catalogues")
    return _policy(*found)


# Which policy is in force is asked each time. What it says is kept for the process: a loaded version is never
# rewritten, and its digest tells it from one with the same key in another database.
@lru_cache(maxsize=8)
def _policy(pk: int, sha256: str) -> GatePolicy:
    return GatePolicy.objects.get(pk=pk)


@lru_cache(maxsize=8)
def _lines(pk: int, sha256: str) -> tuple[GateRequirement, ...]:
    return tuple(GateRequirement.objects.filter(policy_id=pk))


def policy_lines(policy: GatePolicy) -> tuple[GateRequirement, ...]:
    """All lines of a policy, in the order of their gates."""
    return _lines(policy.pk, policy.sha256)


def forget_policies() -> None:
    """Read them again when asked next. For tests, which write policies of their own."""
    _policy.cache_clear()
    _lines.cache_clear()


def evaluate(
    system: AISystem,
    phase: str,
    *,
    at: datetime | None = None,
    version: ModelVersion | None = None,
    policy: GatePolicy | None = None,
    people: People | None = None,
    cache: dict[str, Any] | None = None,
) -> Evaluation:
    """
    Judge ``system`` at the gate of ``phase``, from live facts as they will stand at ``at`` (default: now).

    A later ``at`` answers "what will have run out by then"; it foresees no changes by people.

    :raises RuleViolation: there is no gate into that phase.
    :raises NotReady: no policy, or a requirement could not be computed. Never read as a yes.
    """
    policy = policy or policy_in_force()
    lines = [line for line in policy_lines(policy) if line.phase == phase and system.effective_tier in line.tiers]
    if not lines:
        raise RuleViolation(
            f"There is no gate into {Phase(phase).label if phase in Phase.values else phase}.",
            code="no_such_gate",
            help="Gates lead into: " + ", ".join(str(Phase(p).label) for p in policy.body["gates"]),
        )
    question = Question(
        system=system,
        phase=phase,
        at=at or timezone.now(),
        version=version,
        policy=policy.body,
        people=people or People(system),
        lines=tuple(lines),
        cache=cache if cache is not None else {},
    )
    waivers = {waiver.requirement: waiver for waiver in _live_waivers(question) if waiver.phase == phase}
    results = [result for line in lines for result in _judge(line, question, waivers)]
    return Evaluation(system, phase, question.at, version, policy, tuple(results))


def _live_waivers(ask: Question) -> list[Waiver]:
    """The waivers of the system that run, for all its gates, because two of them are often asked together."""
    key = f"gates:waivers:{ask.at.date()}"
    if key not in ask.cache:
        ask.cache[key] = list(Waiver.objects.filter(system=ask.system).live(ask.at.date()))
    return ask.cache[key]


def _judge(line: GateRequirement, ask: Question, waivers: dict[str, Waiver]) -> list[Result]:
    known = known_requirements().get(line.name)
    if known is None:
        raise NotReady(f"The policy asks for {line.name}, which this installation does not know.")
    try:
        found = known.check(ask, **line.params)
    except Exception as error:
        raise NotReady(f"{known.title}: could not be checked ({type(error).__name__}).") from error
    findings = [found] if isinstance(found, Finding) else list(found)
    return [_dress(finding, line, known, ask, waivers) for finding in findings]


def _dress(
    finding: Finding, line: GateRequirement, known: Requirement, ask: Question, waivers: dict[str, Waiver]
) -> Result:
    result = Result(
        key=finding.key or line.name,
        title=finding.title or known.title,
        status=finding.status,
        severity=line.severity,
        reason=finding.reason,
        owner=ask.people.who_owes(finding.owner or known.owner),
        link=finding.link or ask.system.get_absolute_url(),
        waivable=line.waivable,
        expires_at=finding.expires_at,
    )
    waiver = waivers.get(result.key)
    if result.status == "not_met" and line.waivable and waiver is not None:
        until = end_of_day(waiver.expires_on)
        words = f"Waived until {waiver.expires_on:%-d %B %Y}: {waiver.reason} Instead: {waiver.compensating_control}"
        return result.waived(words, until)
    return result


def end_of_day(day: Any) -> datetime:
    """The first instant after ``day`` in UTC: what is valid until a day is valid on that day."""
    return datetime.combine(day, time.min, tzinfo=UTC) + timedelta(days=1)
