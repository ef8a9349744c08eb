"""Opening, copying and closing reviews."""

import json
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.audit.models import Entry
from apps.core.exceptions import NotAllowed, RuleViolation, StaleObject
from apps.readiness import actions
from apps.readiness.effective import section_states
from apps.readiness.models import Contribution, Review, ReviewedVersion, ReviewItem, Seat, SignOff
from apps.registry import actions as registry
from apps.registry.roles import Role
from tests.fixtures_reviews import item_of, pass_item, sign, supply


# --- Opening --------------------------------------------------------------------------------------------------------
def test_opening_makes_thirty_two_items_and_four_seats_with_one_entry(system, version, owner):
    before = Entry.objects.count()

    review = actions.open_review(system, by=owner, phase="limited_beta")

    assert ReviewItem.objects.filter(review=review, status="open").count() == 32
    assert Seat.objects.filter(review=review, sign_off=None).count() == 4
    assert [row.model_version for row in review.reviewed_versions.all()] == [version]
    assert list(Entry.objects.order_by("id")[before:].values_list("act", flat=True)) == ["review.opened"]


def test_each_item_has_its_history_and_the_entry_a_digest_of_all(open_review, owner):
    rows = ReviewItem.history.filter(review_id=open_review.pk)

    assert rows.count() == 32
    assert {(row.history_user, row.history_change_reason) for row in rows} == {
        (owner, "Opened the review towards Limited beta")
    }
    body = json.loads(bytes(Entry.objects.filter(act="review.opened").get().body))
    assert len(body["ref"]["items"]) == 64


@pytest.mark.parametrize(
    "person, allowed",
    [("owner", True), ("contributor", True), ("office", True), ("technical", False), ("viewer", False),
     ("outsider", False), ("org_auditor", False), ("org_admin", False), ("superuser", False), ("inactive", False)],
)  # fmt: skip
def test_who_opens_a_review(person, allowed, system, version, request):
    user = request.getfixturevalue(person)

    if allowed:
        assert actions.open_review(system, by=user, phase="limited_beta").opened_by == user
    else:
        with pytest.raises(NotAllowed):
            actions.open_review(system, by=user, phase="limited_beta")


@pytest.mark.parametrize("phase", ["idea", "retired", "moon"])
def test_there_is_no_review_towards_every_phase(phase, system, owner):
    with pytest.raises(RuleViolation) as refusal:
        actions.open_review(system, by=owner, phase=phase)

    assert refusal.value.code == "no_review_for_phase"
    assert "Limited beta" in refusal.value.help


def test_a_second_review_of_the_same_versions_is_not_opened(open_review, owner, system, version):
    with pytest.raises(RuleViolation, match="open already"):
        actions.open_review(system, by=owner, phase="limited_beta")


def test_a_review_of_another_version_runs_beside_it(open_review, owner, contributor, system, version):
    newer = registry.register_version(version.model, by=contributor, artefact_digest="c" * 64)

    other = actions.open_review(system, by=owner, phase="limited_beta", versions=[newer])

    assert other.pk != open_review.pk


def test_a_review_is_about_the_systems_own_versions(system, owner, outsider):
    foreign = registry.register_system(by=outsider, name="Other", purpose="Other")
    model = registry.register_model(foreign, by=outsider, name="other")
    stranger = registry.register_version(model, by=outsider, artefact_digest="d" * 64)

    with pytest.raises(RuleViolation, match="this system"):
        actions.open_review(system, by=owner, phase="limited_beta", versions=[stranger])


# --- Copying --------------------------------------------------------------------------------------------------------
@pytest.fixture
def copied(signed_pilot, owner, system):
    """A review towards the next phase, started from ``signed_pilot``."""
    return actions.open_review(system, by=owner, phase="expanded_pilot")


@pytest.fixture
def signed_pilot(open_review, pass_items, technical, contributor, second_contributor, owner):
    """T-3 and T-4 verified, T-8 submitted, T-2 a draft, T-1 sent back, O-8 set aside; technical signed."""
    pass_items(open_review, ["T-3", "T-4"])
    row = item_of(open_review, "T-8")
    supply(row, by=second_contributor)
    actions.answer_item(row, by=contributor, answer="Written", submit=True)
    actions.answer_item(item_of(open_review, "T-2"), by=contributor, answer="Half")
    actions.answer_item(item_of(open_review, "T-1"), by=contributor, answer="Yes", submit=True)
    actions.reject_item(item_of(open_review, "T-1"), by=technical, note="Which zones?")
    actions.propose_not_applicable(
        item_of(open_review, "O-8"), by=contributor, condition="no_external_vendor", reason="Our own"
    )
    actions.verify_item(item_of(open_review, "O-8"), by=technical)
    actions.assign_item(item_of(open_review, "T-5"), by=owner, to=contributor)
    sign(open_review, "technical", by=technical)
    return open_review


def test_the_next_review_starts_with_answers_and_evidence_and_without_signatures(copied, signed_pilot, contributor):
    states = {key: item_of(copied, key).status for key in ("T-1", "T-2", "T-3", "T-8", "O-8", "G-1")}

    assert copied.copied_from == signed_pilot
    assert states == {
        "T-1": "rejected",
        "T-2": "in_progress",
        "T-3": "verified",
        "T-8": "submitted",
        "O-8": "not_applicable",
        "G-1": "open",
    }
    assert item_of(copied, "T-5").assigned_to == contributor
    assert item_of(copied, "T-8").evidence_links.count() == 1
    assert not SignOff.objects.filter(review=copied).exists()
    assert section_states(copied)["technical"].status == "unsigned"


def test_a_verdict_goes_over_with_its_verifier_and_its_end(copied, signed_pilot):
    old, new = item_of(signed_pilot, "T-3"), item_of(copied, "T-3")

    assert (new.verified_by, new.verified_at, new.valid_until) == (old.verified_by, old.verified_at, old.valid_until)


def test_duties_go_over_as_well(copied, contributor, second_contributor):
    people = Contribution.objects.filter(review_item=item_of(copied, "T-8")).values_list("user", "kind")

    assert set(people) == {
        (contributor.pk, "answer"),
        (second_contributor.pk, "evidence"),
    }


def test_the_copy_is_one_entry_with_history_for_each_row(signed_pilot, owner, system):
    before = Entry.objects.count()

    copied = actions.open_review(system, by=owner, phase="expanded_pilot")

    assert Entry.objects.count() == before + 1
    assert ReviewItem.history.filter(review_id=copied.pk).count() == 32


def test_opening_costs_the_same_whether_much_or_little_is_copied(
    signed_pilot, owner, system, django_assert_max_num_queries
):
    with django_assert_max_num_queries(70):
        actions.open_review(system, by=owner, phase="expanded_pilot")


def test_a_verdict_whose_evidence_has_gone_does_not_go_over(
    open_review, contributor, technical, owner, system, time_machine
):
    row = item_of(open_review, "T-3")
    soon = timezone.now().date() + timedelta(days=5)
    supply(row, by=contributor, title="Scan", valid_until=soon)
    pass_item(row, by=contributor, verifier=technical, title="Model")
    time_machine.move_to(timezone.now() + timedelta(days=7))

    copied = actions.open_review(system, by=owner, phase="expanded_pilot")

    new = item_of(copied, "T-3")
    assert (new.status, new.verified_by, new.answered_by) == ("in_progress", None, contributor)
    assert [link.evidence.title for link in new.evidence_links.all()] == ["Model"]


def test_an_expired_verdict_waits_for_another_look_in_the_copy(
    open_review, contributor, technical, owner, system, time_machine
):
    row = pass_item(item_of(open_review, "T-3"), by=contributor, verifier=technical)
    time_machine.move_to(row.valid_until + timedelta(days=1))

    copied = actions.open_review(system, by=owner, phase="expanded_pilot")

    assert item_of(copied, "T-3").status == "submitted"


def test_withdrawn_evidence_does_not_go_over(open_review, contributor, owner, system):
    evidence = supply(item_of(open_review, "T-3"), by=contributor)
    actions.withdraw_evidence(evidence, by=contributor, reason="Wrong")

    copied = actions.open_review(system, by=owner, phase="expanded_pilot")

    assert item_of(copied, "T-3").evidence_links.count() == 0


def test_who_left_is_not_asked_again(open_review, contributor, owner, system, office):
    actions.assign_item(item_of(open_review, "T-5"), by=owner, to=contributor)
    contributor.is_active = False
    contributor.save(update_fields=["is_active"])

    copied = actions.open_review(system, by=owner, phase="expanded_pilot")

    assert item_of(copied, "T-5").assigned_to is None


def test_a_deputys_and_an_authors_duty_hold_in_the_copy(copied, technical, second_contributor, system, office):
    registry.grant_role(system, by=office, role=Role.TECHNICAL_APPROVER, user=second_contributor, tell=False)

    with pytest.raises(NotAllowed, match="T-8"):
        sign(copied, "technical", by=second_contributor)


# --- Closing, versions ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "person, allowed", [("owner", True), ("office", True), ("contributor", False), ("technical", False)]
)
def test_who_closes_a_review(person, allowed, open_review, request):
    user = request.getfixturevalue(person)

    if allowed:
        closed = actions.close_review(open_review, by=user, reason="Superseded")
        assert (closed.state, closed.closed_by, closed.close_reason) == ("closed", user, "Superseded")
    else:
        with pytest.raises(NotAllowed):
            actions.close_review(open_review, by=user, reason="Superseded")


def test_closing_needs_a_reason_and_happens_once(open_review, owner):
    with pytest.raises(RuleViolation, match="why"):
        actions.close_review(open_review, by=owner, reason=" ")
    actions.close_review(open_review, by=owner, reason="Superseded")
    with pytest.raises(RuleViolation, match="closed"):
        actions.close_review(open_review, by=owner, reason="Again")


def test_versions_under_review_are_changed_on_record(open_review, contributor, version):
    newer = registry.register_version(version.model, by=contributor, artefact_digest="c" * 64)

    with pytest.raises(StaleObject):
        actions.change_reviewed_versions(open_review, by=contributor, versions=[newer], expected_version=9)
    review = actions.change_reviewed_versions(open_review, by=contributor, versions=[newer], expected_version=1)

    assert review.version == 2
    assert [row.model_version for row in review.reviewed_versions.all()] == [newer]
    acts = list(Entry.objects.order_by("-id").values_list("act", flat=True)[:3])
    assert acts == ["review.versions_changed", "review.version_added", "review.version_removed"]
    assert ReviewedVersion.history.filter(history_type="-").count() == 1


def test_the_database_knows_states_and_phases(open_review, owner):
    for values in ({"phase": "moon"}, {"state": "closed"}, {"closed_by": owner}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Review._base_manager.filter(pk=open_review.pk).update(**values)
