"""Answering, submitting, judging and discussing items."""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.audit.models import Entry
from apps.core import outbox
from apps.core.exceptions import NotAllowed, RuleViolation, StaleObject
from apps.gates.evaluation import end_of_day
from apps.readiness import actions
from apps.readiness.models import Contribution, ReviewItem, Verification
from apps.registry.actions import set_tier
from tests.fixtures_reviews import item_of, pass_item, supply


@pytest.fixture
def submitted(open_review, contributor):
    """T-2 Integration, answered with evidence and handed over."""
    row = item_of(open_review, "T-2")
    supply(row, by=contributor)
    return actions.answer_item(row, by=contributor, answer="Contract tests are green.", submit=True)


def again(row):
    return item_of(row.review, row.item.key)


# --- Answering ------------------------------------------------------------------------------------------------------
def test_an_answer_records_who_when_and_that_they_had_a_part(open_review, contributor):
    row = actions.answer_item(item_of(open_review, "T-2"), by=contributor, answer="  Two interfaces. ")

    assert (row.status, row.answer, row.answered_by) == ("in_progress", "Two interfaces.", contributor)
    assert row.answered_at is not None
    assert Contribution.objects.get(review_item=row).user == contributor
    last = row.history.first()
    assert (last.history_user, last.history_change_reason) == (contributor, "Answered")


def test_each_change_is_one_entry_and_one_version(open_review, contributor):
    before = Entry.objects.count()

    row = actions.answer_item(item_of(open_review, "T-2"), by=contributor, answer="A")

    assert row.version == 2
    assert list(Entry.objects.order_by("id")[before:].values_list("act", flat=True)) == ["item.answered"]


def test_two_people_do_not_overwrite_each_other(open_review, contributor, second_contributor):
    seen = item_of(open_review, "T-2")
    actions.answer_item(seen, by=contributor, answer="Mine", expected_version=seen.version)

    with pytest.raises(StaleObject):
        actions.answer_item(seen, by=second_contributor, answer="Theirs", expected_version=seen.version)
    assert again(seen).answer == "Mine"


def test_different_items_do_not_disturb_each_other(open_review, contributor, second_contributor):
    first, second = item_of(open_review, "T-2"), item_of(open_review, "T-8")

    actions.answer_item(first, by=contributor, answer="Mine", expected_version=first.version)
    actions.answer_item(second, by=second_contributor, answer="Theirs", expected_version=second.version)

    assert (again(first).answer, again(second).answer) == ("Mine", "Theirs")


def test_an_answer_says_something(open_review, contributor):
    with pytest.raises(RuleViolation) as refusal:
        actions.answer_item(item_of(open_review, "T-2"), by=contributor, answer=" \n ")

    assert refusal.value.field == "answer"


def test_a_draft_is_submitted_later(open_review, contributor, second_contributor):
    row = actions.answer_item(item_of(open_review, "T-2"), by=contributor, answer="A")

    row = actions.submit_item(row, by=second_contributor)

    assert (row.status, row.answered_by) == ("submitted", contributor)
    with pytest.raises(RuleViolation, match="already"):
        actions.submit_item(row, by=contributor)


def test_nothing_is_not_submitted(open_review, contributor):
    with pytest.raises(RuleViolation, match="answer first"):
        actions.submit_item(item_of(open_review, "T-2"), by=contributor)


def test_a_closed_review_does_not_change(open_review, contributor, owner):
    actions.close_review(open_review, by=owner, reason="Superseded")

    with pytest.raises(RuleViolation, match="closed"):
        actions.answer_item(item_of(open_review, "T-2"), by=contributor, answer="A")


# --- Assigning ------------------------------------------------------------------------------------------------------
def test_who_is_asked_to_answer_hears_of_it_once(open_review, owner, contributor):
    day = timezone.now().date() + timedelta(days=5)

    row = actions.assign_item(item_of(open_review, "T-2"), by=owner, to=contributor, due_on=day)
    actions.assign_item(row, by=owner, to=contributor, due_on=day + timedelta(days=1))

    outbox.drain()
    letters = [message for message in mail.outbox if message.to == [contributor.email]]
    assert len(letters) == 1
    assert "T-2 Integration" in letters[0].body


def test_an_item_goes_to_somebody_who_can_answer_it(open_review, owner, viewer, inactive):
    for person in (viewer, inactive):
        with pytest.raises(RuleViolation, match="could not answer"):
            actions.assign_item(item_of(open_review, "T-2"), by=owner, to=person)


def test_an_item_is_not_due_yesterday(open_review, owner, contributor):
    with pytest.raises(RuleViolation, match="passed"):
        actions.assign_item(
            item_of(open_review, "T-2"), by=owner, to=contributor, due_on=timezone.now().date() - timedelta(days=2)
        )


# --- Verifying ------------------------------------------------------------------------------------------------------
def test_a_verdict_records_who_when_until_when_and_on_which_version(submitted, technical):
    before = submitted.version

    row: Any = actions.verify_item(submitted, by=technical, note="Looked at the run.")

    assert (row.status, row.verified_by, row.verification_note) == ("verified", technical, "Looked at the run.")
    assert row.verified_at is not None
    verdict = Verification.objects.get(review_item=row)
    assert (verdict.outcome, verdict.verified_by, verdict.item_version) == ("verified", technical, before)
    assert verdict.valid_until == row.valid_until


@pytest.mark.parametrize("tier, days", [(None, 45), (1, 45), (2, 90), (3, 90)])
def test_validity_comes_from_the_catalogue_and_the_tier(tier, days, system, submitted, technical, risk_owner):
    if tier:
        set_tier(system, by=risk_owner, tier=tier, reason="Assessed")

    row: Any = actions.verify_item(submitted, by=technical)

    assert row.valid_until == row.verified_at + timedelta(days=days)


def test_validity_ends_with_the_first_evidence_to_run_out(submitted, contributor, technical):
    day = timezone.now().date() + timedelta(days=7)
    supply(submitted, by=contributor, valid_until=day)
    supply(submitted, by=contributor, valid_until=day + timedelta(days=9))

    row: Any = actions.verify_item(submitted, by=technical)

    assert row.valid_until == end_of_day(day)


def test_the_verifier_may_shorten_validity_but_not_stretch_it(submitted, technical, contributor, open_review):
    day = timezone.now().date() + timedelta(days=3)
    assert actions.verify_item(submitted, by=technical, valid_until=day).valid_until == end_of_day(day)

    other = item_of(open_review, "T-8")
    supply(other, by=contributor)
    actions.answer_item(other, by=contributor, answer="A", submit=True)
    row: Any = actions.verify_item(other, by=technical, valid_until=day + timedelta(days=3000))
    assert row.valid_until == row.verified_at + timedelta(days=90)


def test_a_day_that_has_passed_is_no_validity(submitted, technical):
    with pytest.raises(RuleViolation, match="passed"):
        actions.verify_item(submitted, by=technical, valid_until=timezone.now().date() - timedelta(days=1))


def test_an_answer_without_evidence_is_not_verified(open_review, contributor, technical):
    row = actions.answer_item(item_of(open_review, "T-2"), by=contributor, answer="Trust me.", submit=True)

    with pytest.raises(RuleViolation) as refusal:
        actions.verify_item(row, by=technical)

    assert refusal.value.code == "evidence_missing"
    assert "link" in refusal.value.help


def test_evidence_that_ran_out_or_was_withdrawn_is_none(submitted, contributor, technical, time_machine):
    row = submitted
    actions.withdraw_evidence(row.evidence_links.get().evidence, by=contributor, reason="Wrong run")
    supply(row, by=contributor, valid_until=timezone.now().date())
    time_machine.move_to(timezone.now() + timedelta(days=1))

    with pytest.raises(RuleViolation, match="no usable evidence"):
        actions.verify_item(row, by=technical)


def test_evidence_of_a_kind_the_item_does_not_accept_is_none(open_review, contributor, business):
    row = item_of(open_review, "B-5")
    supply(row, by=contributor, kind="test_run")
    actions.answer_item(row, by=contributor, answer="A", submit=True)

    with pytest.raises(RuleViolation, match="of a kind"):
        actions.verify_item(row, by=business)


@pytest.mark.parametrize("key, enough", [("T-3", False), ("O-1", True)])
def test_somebodys_word_alone_is_not_enough_for_a_blocker(key, enough, open_review, contributor, technical):
    row = item_of(open_review, key)
    supply(row, by=contributor, kind="attestation", url="", note="I confirm that all is well.")
    row = actions.answer_item(row, by=contributor, answer="A", submit=True)

    if enough:
        assert actions.verify_item(row, by=technical).status == "verified"
    else:
        with pytest.raises(RuleViolation) as refusal:
            actions.verify_item(row, by=technical)
        assert refusal.value.code == "attestation_alone"


def test_only_what_waits_is_verified(open_review, contributor, technical):
    row = actions.answer_item(item_of(open_review, "T-2"), by=contributor, answer="A draft")

    with pytest.raises(RuleViolation, match="in progress"):
        actions.verify_item(row, by=technical)


def test_the_answer_that_was_read_is_the_one_that_is_verified(submitted, contributor, technical):
    seen = submitted.version
    actions.answer_item(submitted, by=contributor, answer="Another story.", submit=True)

    with pytest.raises(StaleObject):
        actions.verify_item(submitted, by=technical, expected_version=seen)


def test_an_expired_verdict_is_renewed_by_another_look(submitted, technical, time_machine):
    row: Any = actions.verify_item(submitted, by=technical)
    time_machine.move_to(row.valid_until + timedelta(hours=1))
    assert again(row).status_now == "expired"

    row = actions.verify_item(row, by=technical)

    assert row.status_now == "verified"
    assert Verification.objects.filter(review_item=row).count() == 2


# --- Duties ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "person, allowed",
    [("technical", True), ("operational", True), ("kpi_owner", True), ("owner", True), ("second_contributor", True),
     ("contributor", False), ("viewer", False), ("system_auditor", False), ("outsider", False), ("office", False),
     ("org_auditor", False), ("superuser", False)],
)  # fmt: skip
def test_who_verifies_on_tier_2(person, allowed, tier_2, submitted, request):
    user = request.getfixturevalue(person)

    if allowed:
        assert actions.verify_item(submitted, by=user).status == "verified"
    else:
        with pytest.raises(NotAllowed):
            actions.verify_item(submitted, by=user)


@pytest.mark.parametrize("person, allowed", [("technical", True), ("owner", False), ("second_contributor", False)])
def test_on_tier_1_somebody_outside_the_delivery_team_verifies(person, allowed, submitted, request):
    user = request.getfixturevalue(person)

    if allowed:
        assert actions.verify_item(submitted, by=user).status == "verified"
    else:
        with pytest.raises(NotAllowed, match="outside"):
            actions.verify_item(submitted, by=user)


def test_who_supplied_evidence_or_once_answered_neither_verifies_nor_rejects(
    tier_2, open_review, contributor, second_contributor, owner
):
    row = item_of(open_review, "T-2")
    actions.answer_item(row, by=owner, answer="First words")
    supply(row, by=second_contributor)
    row = actions.answer_item(row, by=contributor, answer="Other words", submit=True)

    for person in (owner, second_contributor, contributor):
        with pytest.raises(NotAllowed, match="somebody else"):
            actions.verify_item(row, by=person)
        with pytest.raises(NotAllowed):
            actions.reject_item(row, by=person, note="No")


def test_the_database_keeps_author_and_verifier_apart(submitted, technical):
    row: Any = actions.verify_item(submitted, by=technical)

    for values in (
        {"verified_by": row.answered_by},
        {"verified_by": None},
        {"valid_until": None},
        {"status": "splendid"},
        {"answered_by": None},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            ReviewItem._base_manager.filter(pk=row.pk).update(**values)
    with pytest.raises(IntegrityError), transaction.atomic():
        Contribution.objects.all().delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        Verification._base_manager.all().update(note="Forged")


# --- Rejecting, reopening -------------------------------------------------------------------------------------------
def test_a_rejection_says_why_and_whoever_answered_hears_of_it(submitted, technical, contributor):
    with pytest.raises(RuleViolation, match="missing"):
        actions.reject_item(submitted, by=technical, note=" ")

    row = actions.reject_item(submitted, by=technical, note="The run is of last year.")

    assert (row.status, row.verified_by, row.verification_note) == ("rejected", None, "The run is of last year.")
    assert Verification.objects.get(review_item=row).outcome == "rejected"
    outbox.drain()
    assert any("sent back" in message.subject and message.to == [contributor.email] for message in mail.outbox)


def test_a_rejected_item_is_answered_and_submitted_again(submitted, technical, contributor):
    row = actions.reject_item(submitted, by=technical, note="Old")

    row = actions.answer_item(row, by=contributor, answer="A run of today.", submit=True)

    assert (row.status, row.verification_note) == ("submitted", "")


def test_reopening_needs_a_reason_and_something_to_reopen(submitted, technical, open_review):
    with pytest.raises(RuleViolation, match="why"):
        actions.reopen_item(submitted, by=technical, reason="")
    row = actions.reopen_item(submitted, by=technical, reason="Incident of Monday")

    assert row.status == "in_progress"
    with pytest.raises(RuleViolation, match="open already"):
        actions.reopen_item(row, by=technical, reason="Again")


# --- Not applicable -------------------------------------------------------------------------------------------------
def test_what_does_not_apply_is_proposed_by_one_and_decided_by_another(open_review, contributor, operational):
    row: Any = actions.propose_not_applicable(
        item_of(open_review, "O-8"), by=contributor, condition="no_external_vendor", reason="All our own."
    )
    assert (row.status, row.proposes_not_applicable, row.answered_by) == ("submitted", True, contributor)

    row = actions.verify_item(row, by=operational)

    assert row.status == "not_applicable"
    assert row.valid_until == row.verified_at + timedelta(days=180)


@pytest.mark.parametrize(
    "key, condition", [("T-3", "no_external_vendor"), ("T-2", "batch_or_advisory"), ("O-8", "no_personal_data")]
)
def test_what_the_catalogue_does_not_allow_is_not_set_aside(key, condition, open_review, contributor):
    with pytest.raises(RuleViolation):
        actions.propose_not_applicable(item_of(open_review, key), by=contributor, condition=condition, reason="x")


def test_setting_aside_needs_a_reason(open_review, contributor):
    with pytest.raises(RuleViolation, match="why"):
        actions.propose_not_applicable(
            item_of(open_review, "O-8"), by=contributor, condition="no_external_vendor", reason=""
        )


def test_an_answer_takes_the_proposal_back(open_review, contributor):
    row = actions.propose_not_applicable(
        item_of(open_review, "O-8"), by=contributor, condition="no_external_vendor", reason="All our own."
    )

    row = actions.answer_item(row, by=contributor, answer="All our own.", submit=True)

    assert (row.proposes_not_applicable, row.not_applicable_condition) == (False, "")


# --- Discussion -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "person, allowed",
    [("contributor", True), ("technical", True), ("office", True), ("viewer", False), ("outsider", False)],
)
def test_who_takes_part_in_the_discussion(person, allowed, open_review, request):
    user = request.getfixturevalue(person)

    if allowed:
        assert actions.add_comment(item_of(open_review, "T-2"), by=user, text=" Hello ").text == "Hello"
    else:
        with pytest.raises(NotAllowed):
            actions.add_comment(item_of(open_review, "T-2"), by=user, text="Hello")


def test_a_comment_is_one_entry_and_no_change_of_the_item(open_review, contributor):
    row = item_of(open_review, "T-2")
    before = Entry.objects.count()

    actions.add_comment(row, by=contributor, text="Hello")

    assert Entry.objects.count() == before + 1
    assert again(row).version == row.version


# --- Telling the signers --------------------------------------------------------------------------------------------
def test_signers_get_the_link_when_the_last_required_item_has_passed(open_review, contributor, technical):
    pass_item(item_of(open_review, "T-3"), by=contributor, verifier=technical)
    outbox.drain()
    assert not [message for message in mail.outbox if "signature" in message.subject]

    pass_item(item_of(open_review, "T-4"), by=contributor, verifier=technical)

    outbox.drain()
    (letter,) = [message for message in mail.outbox if "ready for your signature" in message.subject]
    assert letter.to == [technical.email]
    assert f"/reviews/{open_review.uid}/sections/technical/sign/" in letter.body
