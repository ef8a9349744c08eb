"""The gate's answer in columns: recomputed with every change of a fact, and by the sweep when time changes it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any

from django.utils import timezone

from apps.core.mail import queue_mail
from apps.registry.models import LIVE_PHASES, PHASE_ORDER, AISystem, Phase
from apps.registry.people import People

from .evaluation import Evaluation, evaluate, policy_in_force
from .models import GatePolicy, SystemStatus
from .requirements import open_suspension


def next_phase(system: AISystem) -> str:
    """The phase after the one it is in; empty at the end of the road."""
    if system.phase in (Phase.RETIRED, Phase.FULL_PRODUCTION):
        return ""
    return PHASE_ORDER[PHASE_ORDER.index(system.phase) + 1]


_later: ContextVar[set[int] | None] = ContextVar("refresh_later", default=None)


@contextmanager
def refreshed_once() -> Iterator[None]:
    """
    For work on many rows: each system that changes inside is recomputed once, at the end.

    A process killed before the end leaves columns behind that are put right by the sweep.
    """
    token = _later.set(set())
    try:
        yield
        changed = _later.get() or set()
    finally:
        _later.reset(token)
    for system in AISystem.objects.filter(pk__in=changed).iterator():
        refresh(system)


def refresh(system: AISystem, *, by: Any = None) -> None:
    """
    Recompute the columns of ``system`` and tell people when a gate that was open has closed.

    Called in the transaction of whatever changed. Mail goes to the owner, and to the governance office as well when
    the system is in production.
    """
    later = _later.get()
    if later is not None:
        later.add(system.pk)
        return
    policy = policy_in_force()
    people = People(system)
    now = timezone.now()
    cache: dict[str, Any] = {}
    ask = partial(_answer, system, policy=policy, people=people, at=now, cache=cache)
    ahead_phase = next_phase(system)
    ahead, here = ask(ahead_phase), ask(system.phase)
    before = SystemStatus.objects.filter(pk=system.pk).first()
    shown = None if system.phase == Phase.RETIRED else ahead or here
    holds = here is None or here.granted
    status = SystemStatus(
        system=system,
        next_phase=ahead_phase,
        next_granted=bool(ahead and ahead.granted),
        missing=len(shown.missing) if shown else 0,
        met=len(shown.required) - len(shown.missing) if shown else 0,
        required=len(shown.required) if shown else 0,
        sentence=shown.sentence if shown else "Retired: its road has ended.",
        holds=holds,
        at_risk_since=None if holds or system.phase not in LIVE_PHASES else _since(before, now),
        suspended=open_suspension(system, cache) is not None,
        next_change_at=min((e.next_change_at for e in (ahead, here) if e and e.next_change_at), default=None),
        evaluated_at=now,
    )
    status.save(force_insert=before is None, force_update=before is not None)
    _tell(system, before, status, ahead, here, people, policy)


def _answer(system: AISystem, phase: str, *, policy: GatePolicy, **known: Any) -> Evaluation | None:
    """What the gate of ``phase`` says; none where no gate leads there. ``known`` is what both gates look at."""
    if phase not in policy.body["gates"]:
        return None
    return evaluate(system, phase, policy=policy, **known)


def _since(before: SystemStatus | None, now: Any) -> Any:
    return before.at_risk_since if before and before.at_risk_since else now


def _tell(
    system: AISystem,
    before: SystemStatus | None,
    after: SystemStatus,
    ahead: Evaluation | None,
    here: Evaluation | None,
    people: People,
    policy: GatePolicy,
) -> None:
    """Queue mail about a gate that was open before and is closed now."""
    if before is None:
        return
    closed = None
    same_gate = before.next_phase == after.next_phase
    if before.holds and not after.holds:
        closed = here
    elif same_gate and before.next_granted and not after.next_granted:
        closed = ahead
    if closed is None:
        return
    lines = "\n".join(f"- {r.title}: {r.reason} ({r.owner})" for r in closed.missing)
    clock = ""
    in_production = system.phase in policy.body.get("production_phases", [])
    if closed is here and in_production:
        clock = f"\n\nIt is now shown as at risk. Please put it right within {policy.body['at_risk_clock_days']} days."
    recipients = list(people.who_owes("owner").user_ids)
    if in_production:
        recipients += [pk for pk, _ in people.office()]
    _mail_all(recipients, system, closed, lines + clock)


def _mail_all(user_ids: list[int], system: AISystem, closed: Evaluation, text: str) -> None:
    from apps.accounts.models import User

    for user in User.objects.filter(pk__in=user_ids, is_active=True):
        queue_mail(
            user,
            subject=f"{system.name}: the gate to {closed.phase_label} has closed",
            body=f"{closed.sentence}\n\n{text}",
            path=f"/systems/{system.slug}/gates/{closed.phase}/",
        )
