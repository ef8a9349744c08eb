from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.audit.models import Entry
from apps.core.canonical import sha256_hex
from apps.core.exceptions import NotAllowed, NotReady, RuleViolation, StaleObject
from apps.core.models import OutboxMessage
from apps.gates import actions, policies
from apps.gates.models import Decision, Suspension, SystemStatus, Waiver
from apps.registry.models import AISystem, Phase
from tests.fixtures_people import PASSWORD

pytestmark = pytest.mark.django_db

ROLES = ["owner", "contributor", "technical", "governance", "risk_owner", "viewer", "system_auditor"]
OTHERS = ["office", "org_auditor", "org_admin", "outsider", "inactive", "superuser"]


def waiver_for(system: AISystem, by: Any, **values: Any) -> Waiver:
    return actions.request_waiver(
        system,
        by=by,
        **{
            "phase": Phase.PILOT,
            "requirement": "test.rule",
            "reason": "The test comes next month.",
            "compensating_control": "A person checks each case.",
            "expires_on": timezone.localdate() + timedelta(days=20),
        }
        | values,
    )


# --- decisions -------------------------------------------------------------------------------------------------------
def test_a_decision_keeps_the_bytes_it_was_made_of(system, one_rule, viewer):
    decision = actions.record_decision(system, by=viewer, phase=Phase.PILOT)

    assert not decision.granted
    assert sha256_hex(bytes(decision.body)) == decision.sha256
    entry = Entry.objects.latest("pk")
    assert (entry.act, entry.system_uid) == ("gate.refused", system.uid)
    assert decision.sha256.encode() in bytes(entry.body)


def test_a_decision_cannot_be_changed_or_deleted(system, one_rule, viewer):
    decision = actions.record_decision(system, by=viewer, phase=Phase.PILOT)

    for tamper in (
        lambda: Decision.objects.filter(pk=decision.pk)._raw_delete("default"),
        lambda: decision.save(),
    ):
        with pytest.raises(Exception, match="append-only"), transaction.atomic():
            tamper()


def test_nothing_is_recorded_when_the_answer_cannot_be_computed(system, one_rule, viewer):
    one_rule["ok"] = None

    with pytest.raises(NotReady):
        actions.record_decision(system, by=viewer, phase=Phase.PILOT)
    assert not Decision.objects.exists()


def test_a_stranger_gets_no_decision(system, one_rule, outsider):
    with pytest.raises(NotAllowed):
        actions.record_decision(system, by=outsider, phase=Phase.PILOT)


# --- moving ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("person", ROLES + OTHERS)
def test_who_may_move_a_system(system, person, request):
    user = request.getfixturevalue(person)
    assert policies.can_enter_phase(system, user=user) is (person in {"owner", "office"})


def test_a_closed_gate_keeps_the_system_where_it_is_and_the_refusal_is_kept(system, one_rule, owner):
    decision = actions.enter_phase(system, by=owner, phase=Phase.PILOT)

    system.refresh_from_db()
    assert (decision.granted, system.phase) == (False, Phase.IDEA)
    assert Decision.objects.filter(occasion="enter_phase", granted=False).count() == 1


def test_an_open_gate_moves_the_system(system, one_rule, owner):
    one_rule["ok"] = True

    decision = actions.enter_phase(system, by=owner, phase=Phase.PILOT)

    system.refresh_from_db()
    assert (decision.granted, system.phase) == (True, Phase.PILOT)
    last = system.history.first()
    assert (last.history_user, last.history_change_reason) == (owner, "Moved to Pilot")
    assert SystemStatus.objects.get(system=system).next_phase == Phase.LIMITED_BETA


def test_a_stale_page_moves_nothing(system, one_rule, owner):
    one_rule["ok"] = True

    with pytest.raises(StaleObject):
        actions.enter_phase(system, by=owner, phase=Phase.PILOT, expected_version=system.version + 5)


def test_it_is_there_already(system, one_rule, owner):
    with pytest.raises(RuleViolation, match="already"):
        actions.enter_phase(system, by=owner, phase=Phase.IDEA)


# --- waivers ---------------------------------------------------------------------------------------------------------
def test_an_approved_waiver_opens_the_gate_until_its_last_day(system, one_rule, ask, owner, governance):
    waiver = waiver_for(system, owner)
    assert not ask().granted

    actions.decide_waiver(waiver, by=governance, approve=True)

    assert ask().granted
    assert ask().results[0].status == "waived"
    assert "A person checks each case." in ask().results[0].reason
    with time_machine.travel(timezone.now() + timedelta(days=20)):
        assert ask().granted
    with time_machine.travel(timezone.now() + timedelta(days=21)):
        assert not ask().granted


@pytest.mark.parametrize("person", ROLES + OTHERS)
def test_who_may_decide_on_a_waiver(system, one_rule, owner, person, request):
    waiver = waiver_for(system, owner)
    user = request.getfixturevalue(person)
    assert policies.can_decide_waiver(waiver, user=user) is (person in {"governance", "office"})


def test_nobody_approves_their_own_request(system, one_rule, office):
    waiver = waiver_for(system, office)

    with pytest.raises(NotAllowed, match="does not approve it"):
        actions.decide_waiver(waiver, by=office, approve=True)


def test_not_even_raw_sql_approves_it_for_whoever_asked(system, one_rule, office):
    waiver = waiver_for(system, office)

    with (
        pytest.raises(IntegrityError, match="not_approved_by_requester"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "UPDATE gates_waiver SET status='approved', decided_by_id=%s, decided_at=requested_at WHERE id=%s",
            [office.pk, waiver.pk],
        )


@pytest.mark.parametrize(
    "values, words",
    [
        ({"expires_on": timezone.localdate() - timedelta(days=1)}, "has passed"),
        ({"expires_on": timezone.localdate() + timedelta(days=91)}, "at most 90 days"),
        ({"requirement": "test.other"}, "no such requirement"),
    ],
)
def test_terms_of_a_waiver(system, one_rule, owner, values, words):
    with pytest.raises(RuleViolation, match=words):
        waiver_for(system, owner, **values)


def test_what_is_met_needs_no_waiver(system, one_rule, owner):
    one_rule["ok"] = True

    with pytest.raises(RuleViolation, match="nothing to waive"):
        waiver_for(system, owner)


def test_one_waiver_at_a_time(system, one_rule, owner):
    waiver_for(system, owner)

    with pytest.raises(RuleViolation, match="already"):
        waiver_for(system, owner)


def test_a_refusal_says_why(system, one_rule, owner, governance):
    waiver = waiver_for(system, owner)

    with pytest.raises(RuleViolation, match="Say why"):
        actions.decide_waiver(waiver, by=governance, approve=False)
    actions.decide_waiver(waiver, by=governance, approve=False, note="Test it first.")
    with pytest.raises(RuleViolation, match="decided already"):
        actions.decide_waiver(waiver, by=governance, approve=True)


def test_withdrawing_a_waiver_closes_the_gate_again_and_tells_the_owner(system, one_rule, ask, owner, governance):
    waiver = waiver_for(system, owner)
    actions.decide_waiver(waiver, by=governance, approve=True)
    OutboxMessage.objects.all().delete()

    actions.withdraw_waiver(waiver, by=owner, reason="Not needed")

    assert not ask().granted
    mail = OutboxMessage.objects.get(kind="mail")
    assert mail.payload["to"] == owner.email
    assert "the gate to Pilot has closed" in mail.payload["subject"]
    assert "It is not so." in mail.payload["body"]


def test_the_waiver_sees_changes_by_others(system, one_rule, owner, governance):
    waiver = waiver_for(system, owner)

    with pytest.raises(StaleObject):
        actions.decide_waiver(waiver, by=governance, approve=True, expected_version=7)


# --- stopping --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("person", ROLES + OTHERS)
def test_anyone_with_a_role_may_suspend(system, person, request):
    user = request.getfixturevalue(person)
    assert policies.can_suspend(system, user=user) is (person in {*ROLES, "office"})


def test_a_suspension_closes_every_gate_until_a_signed_resumption(system, viewer, governance, owner):
    suspension = actions.suspend(system, by=viewer, reason="It answers nonsense.")

    decision = actions.record_decision(system, by=owner, phase=Phase.PILOT)
    assert "gates.not_suspended" in {r["key"] for r in decision.results if r["status"] == "not_met"}
    resumption = actions.resume(suspension, by=governance, password=PASSWORD, zone="Europe/Berlin")

    decision = actions.record_decision(system, by=owner, phase=Phase.PILOT)
    assert "gates.not_suspended" not in {r["key"] for r in decision.results if r["status"] == "not_met"}
    assert resumption.proof.digest == resumption.sha256


@pytest.mark.parametrize("person", ROLES + OTHERS)
def test_who_may_sign_the_resumption(system, viewer, person, request):
    suspension = actions.suspend(system, by=viewer, reason="Stop.")
    user = request.getfixturevalue(person)
    assert policies.can_resume(suspension, user=user) is (person in {"governance", "office"})


def test_a_wrong_password_resumes_nothing(system, viewer, governance):
    suspension = actions.suspend(system, by=viewer, reason="Stop.")

    with pytest.raises(RuleViolation, match="not your password"):
        actions.resume(suspension, by=governance, password="wrong")
    assert Suspension.objects.filter(resumption=None).exists()


@pytest.mark.parametrize("reason", ["", "   "])
def test_a_suspension_needs_a_reason(system, viewer, reason):
    with pytest.raises(RuleViolation, match="Say why"):
        actions.suspend(system, by=viewer, reason=reason)


def test_it_is_suspended_once(system, viewer, owner):
    actions.suspend(system, by=viewer, reason="Stop.")

    with pytest.raises(RuleViolation, match="already"):
        actions.suspend(system, by=owner, reason="Stop again.")


def test_outsiders_suspend_nothing(system, outsider):
    with pytest.raises(PermissionDenied):
        actions.suspend(system, by=outsider, reason="Stop.")
