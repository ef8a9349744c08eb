"""What happens at a gate: decisions, moves between phases, waivers, suspensions."""

from datetime import date
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts import stepup
from apps.audit.record import record, save_with_history
from apps.core.canonical import canonical_bytes, sha256_hex
from apps.core.exceptions import RuleViolation, StaleObject
from apps.core.mail import queue_mail
from apps.registry.models import AISystem, ModelVersion, Phase
from apps.registry.people import People

from . import policies
from .evaluation import evaluate, policy_in_force
from .models import Decision, Resumption, Suspension, Waiver
from .status import refresh

RESUME_STATEMENT = (
    "I have read why this system was suspended and what was done about it, and I take responsibility for letting it "
    "go on."
)


def _locked(system: AISystem) -> AISystem:
    # Writers of one system queue here, so that what is decided is what is there when it commits.
    return AISystem.objects.select_for_update().get(pk=system.pk)


@transaction.atomic
def record_decision(
    system: AISystem,
    *,
    by: Any,
    phase: str,
    version: ModelVersion | None = None,
    occasion: str = Decision.Occasion.ASKED,
) -> Decision:
    """
    Ask the gate and keep the answer for ever, granted or refused.

    :raises NotAllowed: ``by`` does not see the system.
    :raises RuleViolation: there is no such gate.
    :raises NotReady: the answer cannot be computed; nothing is recorded and nothing is granted.
    """
    system = _locked(system)
    policies.check_can_ask(system, user=by)
    now = timezone.now()
    evaluation = evaluate(system, phase, at=now, version=version)
    answer = evaluation.as_json()
    body = canonical_bytes({"typ": "aifactory.decision/v1", "decided_at": now, "decided_by": by.uid, **answer})
    decision = Decision.objects.create(
        system=system,
        phase=phase,
        model_version=version,
        policy=evaluation.policy,
        occasion=occasion,
        granted=evaluation.granted,
        sentence=evaluation.sentence,
        results=[result.as_json() | {"expires_at": _text(result.expires_at)} for result in evaluation.results],
        body=body,
        sha256=sha256_hex(body),
        decided_by=by,
        decided_at=now,
    )
    record(
        act="gate.granted" if decision.granted else "gate.refused",
        obj=decision,
        by=by,
        reason=decision.sentence,
        ref={"decision": decision.sha256, "phase": phase},
    )
    return decision


def _text(moment: Any) -> str | None:
    return moment.isoformat() if moment else None


@transaction.atomic
def enter_phase(system: AISystem, *, by: Any, phase: str, expected_version: int | None = None) -> Decision:
    """
    Move ``system`` to ``phase`` if its gate grants it. The decision is recorded either way: look at ``granted``.

    The only place that writes ``phase`` after registration.

    :raises NotAllowed: ``by`` is neither owner nor governance office.
    :raises StaleObject: the system changed since ``expected_version``.
    :raises RuleViolation: it is in that phase already, or there is no such gate.
    """
    system = _locked(system)
    policies.check_can_enter_phase(system, user=by)
    if expected_version is not None and system.version != expected_version:
        raise StaleObject
    if system.phase == phase:
        raise RuleViolation(f"It is in {system.get_phase_display()} already.", code="already_there")
    decision = record_decision(system, by=by, phase=phase, occasion=Decision.Occasion.ENTER_PHASE)
    if decision.granted:
        system.phase = phase
        save_with_history(
            system,
            by=by,
            reason=f"Moved to {Phase(phase).label}",
            fields=["phase"],
            act="system.phase_entered",
            ref={"decision": decision.sha256},
        )
        refresh(system, by=by)
    return decision


@transaction.atomic
def request_waiver(
    system: AISystem,
    *,
    by: Any,
    phase: str,
    requirement: str,
    reason: str,
    compensating_control: str,
    expires_on: date,
) -> Waiver:
    """
    Ask that one unmet requirement be waived until a date; those who may approve hear of it.

    :raises NotAllowed: ``by`` does not work on the system.
    :raises RuleViolation: unknown, met or unwaivable requirement, a date past or too far, or a live waiver exists.
    """
    system = _locked(system)
    policies.check_can_request_waiver(system, user=by)
    result = _result(system, phase, requirement)
    blocker = _is_blocker(system, phase, requirement)
    policies.check_waiver_terms(result, expires_on=expires_on, policy=policy_in_force(), blocker=blocker)
    open_ones = Waiver.objects.filter(system=system, phase=phase, requirement=requirement)
    if open_ones.filter(status=Waiver.Status.REQUESTED).exists() or open_ones.live(timezone.localdate()).exists():
        raise RuleViolation("A waiver for this is waiting or running already.", code="waiver_exists")
    waiver = Waiver(
        system=system,
        phase=phase,
        requirement=requirement,
        title=result.title,
        reason=reason,
        compensating_control=compensating_control,
        expires_on=expires_on,
        requested_by=by,
    )
    waiver.full_clean()
    save_with_history(waiver, by=by, reason=f"Asked for a waiver of “{result.title}”", act="waiver.requested")
    for user in _approvers(system, besides=by):
        queue_mail(
            user,
            subject=f"{system.name}: a waiver waits for you",
            body=f"{by} asks to waive “{result.title}” until {expires_on:%-d %B %Y}.\n\n{reason}",
            path=f"/waivers/{waiver.uid}/",
        )
    return waiver


def _result(system: AISystem, phase: str, requirement: str) -> Any:
    for result in evaluate(system, phase).results:
        if result.key == requirement:
            return result
    raise RuleViolation("This gate has no such requirement.", code="unknown_requirement", field="requirement")


def _is_blocker(system: AISystem, phase: str, requirement: str) -> bool:
    """Whether a room calls this requirement a blocker: its waivers are shorter."""
    from .requirements import blocker_tests

    return any(test(requirement) for test in blocker_tests())


def _approvers(system: AISystem, *, besides: Any) -> list[Any]:
    from apps.accounts.models import User

    people = People(system)
    ids = {pk for _, user_ids in people.holders("governance_approver") for pk in user_ids}
    ids |= {pk for pk, _ in people.office()}
    return list(User.objects.filter(pk__in=ids - {besides.pk}, is_active=True))


@transaction.atomic
def decide_waiver(
    waiver: Waiver, *, by: Any, approve: bool, note: str = "", expected_version: int | None = None
) -> Waiver:
    """
    Approve or refuse a waiver.

    :raises NotAllowed: no right to, or ``by`` asked for it.
    :raises RuleViolation: decided already, or a refusal without a note.
    :raises StaleObject: it changed since ``expected_version``.
    """
    waiver = Waiver.objects.select_for_update().get(pk=waiver.pk)
    policies.check_can_decide_waiver(waiver, user=by)
    if expected_version is not None and waiver.version != expected_version:
        raise StaleObject
    if not approve and not note.strip():
        raise RuleViolation("Say why, so that the team knows what to do instead.", code="note_missing", field="note")
    if approve and waiver.expires_on < timezone.localdate():
        raise RuleViolation("The time this waiver was asked for has passed.", code="expiry_passed")
    waiver.status = Waiver.Status.APPROVED if approve else Waiver.Status.REFUSED
    waiver.decided_by, waiver.decided_at, waiver.decision_note = by, timezone.now(), note
    verb = "approved" if approve else "refused"
    save_with_history(
        waiver,
        by=by,
        reason=f"Waiver of “{waiver.title}” {verb}",
        fields=["status", "decided_by", "decided_at", "decision_note"],
        act=f"waiver.{verb}",
    )
    queue_mail(
        waiver.requested_by,
        subject=f"{waiver.system.name}: waiver {verb}",
        body=f"“{waiver.title}”: {by} {verb} the waiver. {note}",
        path=f"/waivers/{waiver.uid}/",
    )
    refresh(waiver.system, by=by)
    return waiver


@transaction.atomic
def withdraw_waiver(waiver: Waiver, *, by: Any, reason: str) -> Waiver:
    """
    End a waiver early, or take the request back.

    :raises NotAllowed: neither who asked nor who may approve.  :raises RuleViolation: over already.
    """
    waiver = Waiver.objects.select_for_update().get(pk=waiver.pk)
    policies.check_can_withdraw_waiver(waiver, user=by)
    waiver.status = Waiver.Status.WITHDRAWN
    save_with_history(waiver, by=by, reason=f"Waiver withdrawn: {reason}", fields=["status"], act="waiver.withdrawn")
    refresh(waiver.system, by=by)
    return waiver


@transaction.atomic
def suspend(system: AISystem, *, by: Any, reason: str) -> Suspension:
    """
    Stop a system: all its gates refuse until a resumption is signed. Owner and governance office are told.

    :raises NotAllowed: no role on it.
    :raises RuleViolation: no reason given, or suspended already.
    """
    system = _locked(system)
    policies.check_can_suspend(system, user=by)
    if not reason.strip():
        raise RuleViolation(
            "Say why, so that others can judge when it may go on.", code="reason_missing", field="reason"
        )
    suspension = Suspension.objects.create(system=system, suspended_by=by, reason=reason)
    record(
        act="system.suspended",
        obj=suspension,
        by=by,
        reason=f"Suspended: {reason}",
        after={"system_id": system.pk, "reason": reason},
    )
    people = People(system)
    from apps.accounts.models import User

    ids = {*people.who_owes("owner").user_ids, *(pk for pk, _ in people.office())}
    for user in User.objects.filter(pk__in=ids, is_active=True):
        queue_mail(
            user,
            subject=f"{system.name} was suspended",
            body=f"{by} suspended it: {reason}\n\nIts gates refuse until a resumption is signed.",
            path=f"/systems/{system.slug}/resume/",
        )
    refresh(system, by=by)
    return suspension


def resume(suspension: Suspension, *, by: Any, password: str, code: str = "", zone: str = "UTC") -> Resumption:
    """
    Sign that a suspended system may go on.

    :raises NotAllowed: no right to, or the owner.
    :raises RuleViolation: wrong password or code, or resumed already.
    """
    verified = stepup.verify(by, password=password, code=code)
    with transaction.atomic():
        system = _locked(suspension.system)
        suspension = Suspension.objects.select_related("system").get(pk=suspension.pk)
        policies.check_can_resume(suspension, user=by)
        now = timezone.now()
        digest = sha256_hex(
            canonical_bytes(
                {
                    "typ": "aifactory.resumption/v1",
                    "system": system.uid,
                    "reason": suspension.reason,
                    "suspended_at": suspension.suspended_at,
                    "statement": RESUME_STATEMENT,
                    "signer": by.uid,
                    "signed_at": now,
                    "zone": zone,
                }
            )
        )
        resumption = Resumption.objects.create(
            suspension=suspension,
            statement=RESUME_STATEMENT,
            signer=by,
            signer_name=by.get_full_name(),
            signed_at=now,
            zone=zone,
            proof=stepup.keep(verified, purpose="resumption", digest=digest),
            sha256=digest,
        )
        record(
            act="system.resumed",
            obj=resumption,
            by=by,
            reason="Signed that it may go on",
            ref={"resumption": digest},
        )
        refresh(system, by=by)
    return resumption
