from datetime import timedelta

import pytest
from django.utils import timezone

from apps.core.exceptions import NotReady, RuleViolation
from apps.gates.evaluation import evaluate
from apps.gates.models import GatePolicy, GateRequirement
from apps.registry.models import Phase

pytestmark = pytest.mark.django_db


def test_an_unmet_requirement_says_what_is_missing_who_owes_it_and_where(system, one_rule, ask, technical):
    answer = ask()

    assert not answer.granted
    assert answer.sentence == "Cannot enter Pilot: 1 thing is missing."
    (result,) = answer.missing
    assert (result.reason, result.link) == ("It is not so.", "/here/")
    assert result.owner.names == (technical.get_full_name(),)


def test_met_requirements_grant(system, one_rule, ask):
    one_rule["ok"] = True

    assert ask().granted
    assert ask().sentence == "May enter Pilot."


def test_a_role_nobody_holds_falls_to_the_owner_and_says_so(bare_system, one_rule, owner):
    (result,) = evaluate(bare_system, Phase.PILOT).missing

    assert result.owner.names == (owner.get_full_name(),)
    assert "nobody is technical approver" in result.owner.note


def test_a_later_day_sees_what_will_have_run_out(system, one_rule, ask):
    one_rule |= {"ok": True, "expires_at": timezone.now() + timedelta(days=10)}

    assert ask().granted
    assert ask(at=timezone.now() + timedelta(days=9)).granted
    assert not ask(at=timezone.now() + timedelta(days=11)).granted
    assert ask().next_change_at == one_rule["expires_at"]


def test_advice_does_not_close_the_gate(system, one_rule, ask):
    GateRequirement.objects.filter(name="test.rule").update(severity="warning")

    assert ask().granted
    assert [r.key for r in ask().warnings] == ["test.rule"]


def test_requirements_of_other_tiers_are_not_asked(system, one_rule, ask):
    GateRequirement.objects.create(
        policy=one_rule["policy"], phase=Phase.PILOT, position=2, name="registry.owner_named", tiers=[3]
    )

    assert [r.key for r in ask().results] == ["test.rule"]  # unknown tier counts as 1


@pytest.mark.parametrize("phase", ["idea", "nowhere"])
def test_there_is_no_gate_into(system, one_rule, phase):
    with pytest.raises(RuleViolation, match="There is no gate into"):
        evaluate(system, phase)


def test_what_cannot_be_computed_is_never_a_yes(system, one_rule, ask):
    one_rule["ok"] = None

    with pytest.raises(NotReady, match="could not be checked"):
        ask()


def test_no_policy_means_no_answer(system, one_rule, ask):
    GatePolicy.objects.filter(in_force=True).update(in_force=False)

    with pytest.raises(NotReady, match="load_catalogues"):
        ask()


def test_a_policy_that_asks_for_something_unknown_gives_no_answer(system, one_rule, ask):
    GateRequirement.objects.filter(name="test.rule").update(name="test.gone")

    with pytest.raises(NotReady, match=r"test\.gone"):
        ask()
