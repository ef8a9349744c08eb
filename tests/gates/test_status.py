from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from apps.core.models import OutboxMessage
from apps.gates import actions
from apps.gates.evaluation import evaluate
from apps.gates.models import SystemStatus
from apps.gates.status import next_phase, refresh, refreshed_once
from apps.gates.tasks import sweep
from apps.registry import actions as registry
from apps.registry.models import AISystem, Phase

pytestmark = pytest.mark.django_db


def test_the_columns_say_what_the_gate_says(system, owner):
    registry.change_system(system, by=owner, fallback="People sort by hand.")

    status = SystemStatus.objects.get(system=system)
    answer = evaluate(AISystem.objects.get(pk=system.pk), next_phase(system))
    assert (status.next_phase, status.next_granted) == (answer.phase, answer.granted)
    assert (status.missing, status.required) == (len(answer.missing), len(answer.required))
    assert status.sentence == answer.sentence


def test_stating_a_fact_changes_the_columns_at_once(system, owner):
    before = SystemStatus.objects.get(system=system).missing

    registry.change_system(system, by=owner, fallback="People sort by hand.")

    assert SystemStatus.objects.get(system=system).missing == before - 1


def test_time_alone_closes_a_gate_and_the_owner_hears(system, one_rule, owner):
    one_rule |= {"ok": True, "expires_at": timezone.now() + timedelta(days=5)}
    refresh(system)
    OutboxMessage.objects.all().delete()

    with time_machine.travel(timezone.now() + timedelta(days=4)):
        sweep()
        assert SystemStatus.objects.get(system=system).next_granted
    with time_machine.travel(timezone.now() + timedelta(days=6)):
        sweep()
        sweep()

    assert not SystemStatus.objects.get(system=system).next_granted
    assert [m.payload["to"] for m in OutboxMessage.objects.filter(kind="mail")] == [owner.email]


def test_a_system_in_production_is_at_risk_since_its_gate_closed(system, one_rule, owner, office):
    one_rule["ok"] = True
    one_rule["into"](Phase.FULL_PRODUCTION)
    actions.enter_phase(system, by=owner, phase=Phase.FULL_PRODUCTION)
    system.refresh_from_db()
    assert SystemStatus.objects.get(system=system).holds
    one_rule["ok"] = False
    OutboxMessage.objects.all().delete()

    refresh(system)
    first = SystemStatus.objects.get(system=system).at_risk_since
    refresh(system)
    second = SystemStatus.objects.get(system=system).at_risk_since

    assert first is not None
    assert second == first
    mails = {m.payload["to"]: m.payload["body"] for m in OutboxMessage.objects.filter(kind="mail")}
    assert mails.keys() == {owner.email, office.email}
    assert "within 14 days" in mails[owner.email]
    system.refresh_from_db()
    assert system.phase == Phase.FULL_PRODUCTION  # it never moves by itself


def test_at_risk_ends_when_the_gate_opens_again(system, one_rule, owner):
    one_rule["ok"] = True
    one_rule["into"](Phase.LIMITED_BETA)
    actions.enter_phase(system, by=owner, phase=Phase.LIMITED_BETA)
    system.refresh_from_db()
    one_rule["ok"] = False
    refresh(system)

    one_rule["ok"] = True
    refresh(system)

    assert SystemStatus.objects.get(system=system).at_risk_since is None


def test_work_on_many_rows_asks_each_gate_once_at_the_end(system, owner):
    before = SystemStatus.objects.get(system=system).missing

    with refreshed_once():
        registry.change_system(system, by=owner, fallback="People sort by hand.")
        registry.change_system(system, by=owner, affected_people="Claimants.")
        assert SystemStatus.objects.get(system=system).missing == before

    assert SystemStatus.objects.get(system=system).missing == before - 1


def test_the_sweep_finds_systems_whose_columns_were_never_written(system):
    SystemStatus.objects.all().delete()

    sweep()

    assert SystemStatus.objects.filter(system=system).exists()
