"""
One system on one page: facts, people, models, review, waivers, conditions, decisions; now, or as they were.

The same queries serve both: rows come through a :class:`Reader`, which reads live tables or history. Insert-only rows
(decisions, signatures, suspensions) carry their own time.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db.models import Q
from django.utils import timezone

from apps.accounts.models import Team, User
from apps.core.querysets import Reader
from apps.gates.evaluation import Evaluation, evaluate, policy_in_force
from apps.gates.models import Decision, Suspension, Waiver
from apps.gates.requirements import version_uses
from apps.gates.status import next_phase
from apps.readiness.effective import SectionState, section_states
from apps.readiness.gate_requirements import Facts
from apps.readiness.models import PASSED, Condition, Review, ReviewItem, Section, SignOff
from apps.registry.models import (
    LIVE_PHASES,
    AISystem,
    Deputyship,
    ModelVersion,
    RegisteredModel,
    RoleAssignment,
    SourceRow,
    VersionUse,
)
from apps.registry.people import People
from apps.registry.roles import SIGNING_ROLES, Role

DECISIONS_SHOWN = 5


@dataclass
class Holders:
    """Who has one role: people and teams, and who stands in for whom."""

    role: str
    label: str
    names: list[Any] = field(default_factory=list)
    deputies: list[tuple[Any, Any, datetime]] = field(default_factory=list)

    @property
    def is_expected(self) -> bool:
        """Shown even when empty: without these nothing gets through a gate."""
        return self.role == Role.OWNER or self.role in SIGNING_ROLES


@dataclass(frozen=True)
class UsedVersion:
    model: str
    number: int
    digest: str
    purpose: str
    source: str
    is_own: bool


@dataclass(frozen=True)
class Signature:
    """Whether one section of the review is signed, in a word for the chip and a sentence for people."""

    section: str
    role: str
    status: str
    words: str
    url: str


@dataclass(frozen=True)
class ReviewSummary:
    """How far the latest review is."""

    review: Review
    passed: int
    total: int
    waiting: int
    signatures: list[Signature]

    @property
    def signed(self) -> int:
        return sum(signature.status == "signed" for signature in self.signatures)

    @property
    def words(self) -> str:
        apart = f", {self.waiting} waiting for verification" if self.waiting else ""
        return f"{self.passed} of {self.total} items passed{apart}"


class Past:
    """Reads rows of one system as they are, or as they were at an instant."""

    def __init__(self, at: datetime | None) -> None:
        self.at = at
        self.reader = Reader(at)
        self.now = at or timezone.now()

    def rows(self, model: Any, *related: str, **where: Any) -> list[Any]:
        """Rows that fit ``where``, in order of their keys; live ones come with what they are ``related`` to."""
        found = self.reader(model).filter(**where)
        if self.at is None:
            return list((found.select_related(*related) if related else found).order_by("pk"))
        # Two changes within one tick of the clock both look like the last: the later row of history is.
        last = {row.pk: row for row in found.order_by("history_id")}
        return [last[pk] for pk in sorted(last)]

    def until(self, rows: Any, column: str) -> Any:
        """Insert-only ``rows`` that were there by then."""
        return rows if self.at is None else rows.filter(**{f"{column}__lte": self.at})


def system_as_of(system: AISystem, at: datetime | None) -> AISystem | None:
    """``system`` with the facts of that instant; None where it was not registered yet."""
    if at is None:
        return system
    return next(iter(Past(at).rows(AISystem, id=system.pk)), None)


def people_of(system: AISystem, past: Past) -> list[Holders]:
    """Every role with who holds it, the empty ones included, in the order of the roles."""
    assignments = past.rows(RoleAssignment, "user", "team", system_id=system.pk)
    standing_in = past.rows(Deputyship, "deputy", "principal", system_id=system.pk)
    running = [row for row in standing_in if _is_running(row, past.now)]
    if past.at is not None:
        _fill(User, assignments, "user")
        _fill(Team, assignments, "team")
        _fill(User, running, "deputy", "principal")
    holders = {role: Holders(role, str(Role(role).label)) for role in Role.values}
    for row in assignments:
        holders[row.role].names.append(row.holder)
    for row in running:
        holders[row.role].deputies.append((row.deputy, row.principal, row.ends_at))
    return list(holders.values())


def _fill(model: Any, rows: list[Any], *names: str) -> None:
    """Read what rows from history point at in one query; people and teams are kept as they are called today."""
    ids = {getattr(row, f"{name}_id") for row in rows for name in names} - {None}
    found = model._default_manager.in_bulk(ids) if ids else {}
    for row in rows:
        for name in names:
            setattr(row, name, found.get(getattr(row, f"{name}_id")))


def _is_running(row: Deputyship, at: datetime) -> bool:
    return row.starts_at <= at < row.ends_at and (row.ended_at is None or row.ended_at > at)


def versions_of(system: AISystem, past: Past, known: dict[str, Any] | None = None) -> list[UsedVersion]:
    """The model versions in use, with the digests they had; ``known`` is what the gates have read of today."""
    if past.at is None:
        uses = version_uses(system, known if known is not None else {})
        versions = {use.model_version_id: use.model_version for use in uses}
        models = {version.model_id: version.model for version in versions.values()}
    else:
        uses = past.rows(VersionUse, system_id=system.pk)
        versions = {v.pk: v for v in past.rows(ModelVersion, id__in=[use.model_version_id for use in uses])}
        models = {m.pk: m for m in past.rows(RegisteredModel, id__in=[v.model_id for v in versions.values()])}
    found = [
        UsedVersion(
            model=models[version.model_id].name,
            number=version.number,
            digest=version.artefact_digest,
            purpose=use.purpose,
            source=version.source,
            is_own=models[version.model_id].system_id == system.pk,
        )
        for use in uses
        if (version := versions.get(use.model_version_id)) is not None and version.model_id in models
    ]
    return sorted(found, key=lambda used: (used.model, used.number))


def review_of(system: AISystem, past: Past, judged: Facts | None = None) -> ReviewSummary | None:
    """
    The review opened last, how many items passed, and which sections are signed.

    ``judged`` is what a gate has just read of the review it goes by: then nothing is read twice.
    """
    if judged is not None and judged.review is not None:
        return _summary(judged.review, judged.items.values(), _signatures_now(judged.review, judged.states), past)
    reviews = past.rows(Review, system_id=system.pk)
    if not reviews:
        return None
    review = max(reviews, key=lambda row: (row.opened_at, row.pk))
    if past.at is None:
        signatures = _signatures_now(review, section_states(review))
    else:
        signatures = _signatures_then(review, past.at)
    return _summary(review, past.rows(ReviewItem, review_id=review.pk), signatures, past)


def _summary(review: Review, items: Iterable[ReviewItem], signatures: list[Signature], past: Past) -> ReviewSummary:
    statuses = Counter(item.status_at(past.now) for item in items)
    passed = sum(statuses[status] for status in PASSED)
    return ReviewSummary(review, passed, statuses.total(), statuses["submitted"], signatures)


def _signatures_now(review: Review, states: dict[str, SectionState]) -> list[Signature]:
    return [
        Signature(
            section=state.section.title,
            role=str(Role(state.section.signing_role).label),
            status=state.status,
            words=state.words,
            url=f"/reviews/{review.uid}/#section-{state.section.key}",
        )
        for state in states.values()
    ]


def _signatures_then(review: Review, at: datetime) -> list[Signature]:
    """Which sections carried a signature that counted at ``at``, by what was recorded."""
    standing = (
        SignOff.objects.filter(review_id=review.pk, signed_at__lte=at, valid_until__gt=at)
        .exclude(void__voided_at__lte=at)
        .order_by("signed_at", "pk")
    )
    last = {sign_off.section_id: sign_off for sign_off in standing}
    signatures = []
    for section in Section.objects.filter(template_id=review.template_id):
        sign_off = last.get(section.pk)
        if sign_off is None:
            status, words = "unsigned", "Not signed then."
        else:
            status = "signed" if sign_off.meaning == SignOff.Meaning.APPROVAL else "rejected"
            verb = "Signed" if status == "signed" else "Rejected"
            words = f"{verb} by {sign_off.signer_name} on {sign_off.signed_at:%-d %B %Y}."
        signatures.append(
            Signature(section.title, str(Role(section.signing_role).label), status, words, f"/reviews/{review.uid}/")
        )
    return signatures


def waivers_of(system: AISystem, past: Past) -> list[Waiver]:
    """Waivers that wait for a decision or stand in for something, those that end first on top."""
    today = timezone.localdate(past.now)
    rows = past.rows(Waiver, system_id=system.pk, status__in=[Waiver.Status.REQUESTED, Waiver.Status.APPROVED])
    return sorted((row for row in rows if row.expires_on >= today), key=lambda row: (row.expires_on, row.pk))


def conditions_of(system: AISystem, past: Past) -> list[Condition]:
    """What signers asked for and nobody has done yet, by date."""
    rows = past.rows(Condition, "owner", system_id=system.pk, done_at=None)
    if past.at is not None:
        _fill(User, rows, "owner")
    return sorted(rows, key=lambda row: (row.due_on, row.pk))


def suspension_of(system: AISystem, past: Past) -> Suspension | None:
    """The suspension that nobody had lifted by then."""
    status = getattr(system, "status", None)
    if past.at is None and status is not None and not status.suspended:
        return None
    open_ones = Q(resumption=None) if past.at is None else Q(resumption=None) | Q(resumption__signed_at__gt=past.at)
    rows = Suspension.objects.filter(open_ones, system_id=system.pk).select_related("suspended_by")
    return past.until(rows, "suspended_at").first()


def decisions_of(system: AISystem, past: Past) -> list[Decision]:
    rows = Decision.objects.filter(system_id=system.pk).select_related("decided_by").defer("results", "body")
    return list(past.until(rows, "decided_at")[:DECISIONS_SHOWN])


def source_row_of(system: AISystem, past: Past) -> SourceRow | None:
    """The row of an inventory it was last imported from by then."""
    rows = SourceRow.objects.filter(system_id=system.pk).select_related("run")
    if past.at is None:
        return rows.filter(is_current=True).first()
    return past.until(rows, "created_at").first()


# --- What only the present has: the gate's answer -------------------------------------------------------------------


@dataclass(frozen=True)
class Gates:
    """The gate ahead, and for a live system the one it came in by, where that does not hold or is the last one."""

    ahead: Evaluation | None
    here: Evaluation | None
    at_risk_since: datetime | None = None
    clock_ends: datetime | None = None
    judged: Facts | None = None
    known: dict[str, Any] = field(default_factory=dict)

    @property
    def is_at_risk(self) -> bool:
        return self.here is not None and not self.here.granted

    @property
    def first(self) -> Evaluation | None:
        """The answer for the head of the page: what lies ahead, else whether it may stay."""
        return self.ahead or self.here


def gates_of(system: AISystem) -> Gates:
    """Ask the gates live, both from one reading of policy and people."""
    policy, people, now = policy_in_force(), People(system), timezone.now()
    cache: dict[str, Any] = {}
    ask = partial(evaluate, system, at=now, policy=policy, people=people, cache=cache)
    phase = next_phase(system)
    ahead = ask(phase) if phase else None
    here = ask(system.phase) if system.phase in LIVE_PHASES and not (phase and _still_holds(system, now)) else None
    judged = next((facts for facts in cache.values() if isinstance(facts, Facts) and facts.review), None)
    if here is None or here.granted:
        return Gates(ahead, here, judged=judged, known=cache)
    status = getattr(system, "status", None)
    since = (status and status.at_risk_since) or now
    days = int(policy.body.get("at_risk_clock_days", 14))
    return Gates(ahead, here, since, since + timedelta(days=days), judged, cache)


def _still_holds(system: AISystem, now: datetime) -> bool:
    """Whether the columns say that the gate of its own phase is open, and time alone cannot have closed it since."""
    status = getattr(system, "status", None)
    return status is not None and status.holds and (status.next_change_at is None or status.next_change_at > now)


def owner_of(system: AISystem) -> User | None:
    """The person who owns it now."""
    found = RoleAssignment.objects.filter(system=system, role=Role.OWNER).select_related("user").first()
    return found.user if found else None
