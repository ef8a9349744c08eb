"""What awaits each person, and why."""

from datetime import timedelta

import pytest
from django.utils import timezone

from apps.gates import actions as gates
from apps.readiness import actions
from apps.readiness.work import work_for
from apps.registry import actions as registry
from apps.registry.roles import Role
from tests.fixtures_reviews import item_of, pass_item, sign, supply


def kinds(user):
    return [(item.kind, item.title) for item in work_for(user)]


def test_nothing_awaits_somebody_without_a_role(open_review, outsider, viewer, office, system_auditor):
    for person in (outsider, viewer, office, system_auditor):
        assert work_for(person) == []


def test_nothing_awaits_somebody_who_left(open_review, owner, contributor):
    actions.assign_item(item_of(open_review, "T-3"), by=owner, to=contributor)
    contributor.is_active = False

    assert work_for(contributor) == []


def test_an_item_assigned_to_me(open_review, owner, contributor, second_contributor):
    day = timezone.now().date() + timedelta(days=3)
    actions.assign_item(item_of(open_review, "T-3"), by=owner, to=contributor, due_on=day)

    (item,) = work_for(contributor)
    assert (item.kind, item.title, item.why, item.due) == ("answer", "T-3 Security", "Assigned to you", day)
    assert item.url == f"/reviews/{open_review.uid}/items/T-3/"
    assert item.system == open_review.system
    assert work_for(second_contributor) == []

    actions.answer_item(item_of(open_review, "T-3"), by=contributor, answer="A", submit=True)
    assert work_for(contributor) == []


def test_an_answer_that_was_sent_back(open_review, contributor, technical):
    row = actions.answer_item(item_of(open_review, "T-3"), by=contributor, answer="A", submit=True)
    actions.reject_item(row, by=technical, note="Too short")

    (item,) = work_for(contributor)

    assert (item.kind, item.why) == ("rejected", "Sent back: Too short")


def test_a_verdict_that_ran_out_goes_back_to_who_answered(open_review, contributor, technical, time_machine):
    row = pass_item(item_of(open_review, "T-3"), by=contributor, verifier=technical)
    time_machine.move_to(row.valid_until + timedelta(hours=1))

    assert ("answer", "T-3 Security") in kinds(contributor)


def test_answers_wait_for_those_who_may_verify_them(
    open_review, owner, contributor, second_contributor, technical, business
):
    supply(item_of(open_review, "T-3"), by=contributor)
    actions.answer_item(item_of(open_review, "T-3"), by=contributor, answer="A", submit=True)

    assert kinds(technical) == kinds(business) == [("verify", "T-3 Security")]
    assert work_for(technical)[0].rank < work_for(business)[0].rank
    # Tier 1: nobody of the delivery team; and never who took part.
    assert work_for(owner) == work_for(second_contributor) == work_for(contributor) == []


def test_on_tier_2_colleagues_verify_but_not_their_own(tier_2, version, owner, contributor, second_contributor):
    review = actions.open_review(tier_2, by=owner, phase="limited_beta")
    actions.answer_item(item_of(review, "T-3"), by=contributor, answer="A", submit=True)

    assert kinds(second_contributor) == [("verify", "T-3 Security")]
    assert work_for(contributor) == []


def test_a_section_waits_for_its_signer_once_everything_asked_for_has_passed(
    open_review, pass_items, technical, business
):
    assert work_for(technical) == []
    pass_items(open_review, ["T-3"])
    assert "sign" not in {item.kind for item in work_for(technical)}

    pass_items(open_review, ["T-4"])

    (item,) = work_for(technical)
    assert (item.kind, item.title) == ("sign", "Sign Technical readiness")
    assert item.url == f"/reviews/{open_review.uid}/sections/technical/sign/"
    assert "Limited beta" in item.why
    assert work_for(business) == []
    sign(open_review, "technical", by=technical)
    assert work_for(technical) == []


def test_a_lapsed_signature_is_work_again_only_when_items_are_in_date(open_review, pass_items, technical, time_machine):
    pass_items(open_review, ["T-3", "T-4"])
    signed = sign(open_review, "technical", by=technical)
    time_machine.move_to(signed.valid_until + timedelta(hours=1))
    assert "sign" not in {item.kind for item in work_for(technical)}

    actions.verify_item(item_of(open_review, "T-4"), by=technical)

    assert "sign" in {item.kind for item in work_for(technical)}


def test_a_waiver_makes_a_section_ready(open_review, pass_items, technical, owner, governance, system):
    pass_items(open_review, ["T-4"])
    waiver = gates.request_waiver(
        system, by=owner, phase="limited_beta", requirement="readiness.item:T-3", reason="r", compensating_control="c",
        expires_on=timezone.now().date() + timedelta(days=9),
    )  # fmt: skip
    gates.decide_waiver(waiver, by=governance, approve=True)

    assert "sign" in {item.kind for item in work_for(technical)}


def test_duties_keep_a_section_off_the_desk(open_review, pass_items, technical, system, office):
    registry.grant_role(system, by=office, role=Role.CONTRIBUTOR, user=technical, tell=False)
    supply(item_of(open_review, "T-8"), by=technical)
    registry.grant_role(system, by=office, role=Role.BUSINESS_APPROVER, user=technical, tell=False)
    registry.grant_role(system, by=office, role=Role.OPERATIONAL_APPROVER, user=technical, tell=False)
    pass_items(open_review, ["O-2", "O-3", "B-5"])

    assert {item.title for item in work_for(technical) if item.kind == "sign"} == {
        "Sign Operational readiness",
        "Sign Business readiness",
    }
    sign(open_review, "business", by=technical)
    assert "sign" not in {item.kind for item in work_for(technical)}


def test_a_condition_i_owe(open_review, pass_items, technical, contributor):
    pass_items(open_review, ["T-3", "T-4"])
    day = timezone.now().date() + timedelta(days=5)
    wanted = [{"text": "Repeat the scan.", "owner": contributor, "due_on": day}]
    sign(open_review, "technical", by=technical, conditions=wanted)
    assert ("condition", "Repeat the scan.") in kinds(contributor)

    actions.reopen_item(item_of(open_review, "T-3"), by=technical, reason="News")

    assert ("condition", "Repeat the scan.") not in kinds(contributor)


def test_evidence_of_mine_that_runs_out_soon(open_review, contributor, second_contributor, system):
    today = timezone.now().date()
    supply(item_of(open_review, "T-3"), by=contributor, title="Soon", valid_until=today + timedelta(days=30))
    supply(item_of(open_review, "T-3"), by=contributor, title="Later", valid_until=today + timedelta(days=31))
    actions.add_evidence(
        system, by=contributor, kind="ticket", title="Unused", reference="1", effective_on=today, valid_until=today
    )

    assert [item.title for item in work_for(contributor) if item.kind == "expiring"] == ["Soon"]
    assert [item.kind for item in work_for(second_contributor)] == []


def test_most_blocking_first(open_review, pass_items, technical, contributor, system, office, owner):
    pass_items(open_review, ["T-3", "T-4"])
    actions.answer_item(item_of(open_review, "T-8"), by=contributor, answer="A", submit=True)
    registry.grant_role(system, by=office, role=Role.CONTRIBUTOR, user=technical, tell=False)
    actions.assign_item(item_of(open_review, "B-1"), by=owner, to=technical)

    assert [item.kind for item in work_for(technical)] == ["sign", "answer"]


@pytest.mark.parametrize("person", ["technical", "contributor", "owner"])
def test_a_desk_costs_the_same_with_one_system_and_with_three(
    person,
    open_review,
    pass_items,
    system,
    office,
    owner,
    contributor,
    technical,
    request,
    django_assert_max_num_queries,
):
    user = request.getfixturevalue(person)
    pass_items(open_review, ["T-3", "T-4"])
    actions.answer_item(item_of(open_review, "T-8"), by=contributor, answer="A", submit=True)
    with django_assert_max_num_queries(16) as one:
        work_for(user)
    for number in range(2):
        other = registry.register_system(by=owner, name=f"Other {number}", purpose="Other")
        registry.grant_role(other, by=office, role=Role.CONTRIBUTOR, user=contributor, tell=False)
        registry.grant_role(other, by=office, role=Role.TECHNICAL_APPROVER, user=technical, tell=False)
        review = actions.open_review(other, by=owner, phase="limited_beta")
        pass_items(review, ["T-3", "T-4"])
        actions.answer_item(item_of(review, "T-8"), by=contributor, answer="A", submit=True)

    with django_assert_max_num_queries(len(one)):
        work_for(user)
