"""What ends a signature, whom it ends for, and what people are told."""

import json
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.models import Entry
from apps.core import outbox
from apps.core.exceptions import NotAllowed, RuleViolation
from apps.readiness import actions
from apps.readiness.effective import section_states
from apps.readiness.models import ReviewItem, Seat, SignOffVoid
from apps.readiness.sweep import sweep
from apps.registry import actions as registry
from apps.registry.models import RoleAssignment
from apps.registry.roles import Role
from tests.fixtures_reviews import item_of, pass_item, sign, signature_of, supply


@pytest.fixture
def signed(open_review, pass_items, technical, business):
    """Technical and business section signed; enough to see what a change ends and what it leaves."""
    pass_items(open_review, ["T-3", "T-4", "B-5"])
    sign(open_review, "technical", by=technical)
    sign(open_review, "business", by=business)
    outbox.drain()
    mail.outbox.clear()
    return open_review


def in_effect(review):
    return {key for key, state in section_states(review).items() if state.effective}


def last_void(review, section="technical"):
    return SignOffVoid.objects.filter(sign_off__review=review, sign_off__section__key=section).latest("pk")


def letters():
    outbox.drain()
    return {(message.to[0], message.subject): message.body for message in mail.outbox}


# --- Content --------------------------------------------------------------------------------------------------------
def test_another_answer_reopens_the_item_and_ends_the_signature_of_its_section_only(signed, contributor):
    actions.answer_item(item_of(signed, "T-3"), by=contributor, answer="Everything is new.")

    row = item_of(signed, "T-3")
    assert (row.status, row.verified_by, row.verified_at, row.valid_until) == ("in_progress", None, None, None)
    assert in_effect(signed) == {"business"}
    void = last_void(signed)
    assert (void.cause, void.reason) == ("content_changed", "the answer to T-3 Security changed")
    assert void.voided_by == contributor


def test_the_page_can_say_since_when_and_why(signed, contributor):
    actions.answer_item(item_of(signed, "T-3"), by=contributor, answer="Everything is new.")

    day = f"{timezone.now():%-d %B %Y}"
    words = section_states(signed)["technical"].words
    assert words == f"Unsigned since {day}, because the answer to T-3 Security changed (Contributor)."


def test_owner_and_signer_get_a_mail_each(signed, contributor, owner, technical, business):
    actions.answer_item(item_of(signed, "T-3"), by=contributor, answer="Everything is new.")

    found = {who: body for (who, subject), body in letters().items() if "signature" in subject}
    assert set(found) == {owner.email, technical.email}
    assert "the answer to T-3 Security changed" in found[owner.email]
    assert f"/reviews/{signed.uid}/" in found[technical.email]


def test_a_void_is_a_row_an_entry_and_an_empty_seat(signed, contributor):
    before = Entry.objects.count()

    actions.answer_item(item_of(signed, "T-3"), by=contributor, answer="Everything is new.")

    written = list(Entry.objects.order_by("id")[before:].values_list("act", flat=True))
    assert written == ["item.answered", "signoff.voided"]
    assert Seat.objects.get(review=signed, section__key="technical").sign_off is None
    ref = json.loads(bytes(Entry.objects.latest("id").body))["ref"]
    assert ref == {"signoff": last_void(signed).sign_off.payload_sha256, "cause": "content_changed"}


def test_the_same_answer_again_changes_nothing(signed, contributor):
    row = item_of(signed, "T-3")
    before = Entry.objects.count()

    actions.answer_item(row, by=contributor, answer=row.answer)

    assert Entry.objects.count() == before
    assert in_effect(signed) == {"technical", "business"}


@pytest.mark.parametrize("what", ["attach", "detach", "change", "withdraw", "reopen", "reject"])
def test_any_change_of_what_was_signed_ends_the_signature(what, signed, contributor, technical):
    row = item_of(signed, "T-3")
    evidence = row.evidence_links.get().evidence
    if what == "attach":
        supply(row, by=contributor)
    elif what == "detach":
        actions.detach_evidence(row.evidence_links.get(), by=contributor, reason="Wrong scan")
    elif what == "change":
        actions.change_evidence(evidence, by=contributor, title="Another scan")
    elif what == "withdraw":
        actions.withdraw_evidence(evidence, by=contributor, reason="Made up")
    elif what == "reopen":
        actions.reopen_item(row, by=technical, reason="A new attack is known")
    else:
        other = item_of(signed, "T-8")
        actions.answer_item(other, by=contributor, answer="Half", submit=True)
        actions.reject_item(other, by=technical, note="The other half")

    assert in_effect(signed) == {"business"}


def test_proposing_that_an_item_does_not_apply_ends_the_signature(signed, governance, contributor):
    rejected = sign(signed, "governance", by=governance, meaning="rejection", comment="No ethics review.")

    actions.propose_not_applicable(
        item_of(signed, "G-4"), by=contributor, condition="no_personal_data", reason="Machines only"
    )

    assert last_void(signed, "governance").sign_off == rejected
    assert last_void(signed, "governance").reason == "G-4 Ethics Review was proposed as not applicable"


def test_withdrawn_evidence_has_a_cause_of_its_own(signed, contributor):
    actions.withdraw_evidence(
        item_of(signed, "T-3").evidence_links.get().evidence, by=contributor, reason="Wrong system"
    )

    assert last_void(signed).cause == "evidence_withdrawn"
    assert item_of(signed, "T-3").status == "in_progress"


def test_talk_and_assignment_end_nothing(signed, contributor, owner):
    actions.add_comment(item_of(signed, "T-3"), by=contributor, text="Well done.")
    actions.assign_item(item_of(signed, "T-3"), by=owner, to=contributor, due_on=timezone.now().date())

    assert in_effect(signed) == {"technical", "business"}


def test_evidence_nobody_attached_ends_nothing(signed, contributor, system):
    actions.add_evidence(
        system, by=contributor, kind="ticket", title="T", reference="X-1", effective_on=timezone.now().date()
    )

    assert in_effect(signed) == {"technical", "business"}


def test_it_can_be_signed_again_once_it_is_put_right(signed, contributor, technical):
    pass_item(item_of(signed, "T-3"), by=contributor, verifier=technical)

    again = sign(signed, "technical", by=technical)

    assert in_effect(signed) == {"technical", "business"}
    assert SignOffVoid.objects.filter(sign_off__review=signed).count() == 1
    assert again.pk != last_void(signed).sign_off_id


# --- Facts of the system --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "facts, words",
    [
        ({"purpose": "Decides claims."}, "the purpose changed"),
        ({"intended_users": "Everybody"}, "who works with it changed"),
        ({"affected_people": "Claimants"}, "who is affected changed"),
    ],
)
def test_a_fact_that_signatures_rest_on_ends_all_of_them(facts, words, signed, owner):
    registry.change_system(signed.system, by=owner, **facts)

    assert in_effect(signed) == set()
    assert {void.cause for void in SignOffVoid.objects.all()} == {"facts_changed"}
    assert last_void(signed).reason == words


def test_one_mail_tells_the_owner_about_all_of_them(signed, owner, technical, business):
    registry.change_system(signed.system, by=owner, purpose="Decides claims.")

    about = [who for who, subject in letters() if "no longer count" in subject]
    assert sorted(about) == sorted([owner.email, technical.email, business.email])
    assert "2 signatures no longer count" in " ".join(subject for _, subject in letters())


def test_a_corrected_name_or_unit_ends_nothing(signed, owner):
    registry.change_system(signed.system, by=owner, name="Claims triage 2", unit="Claims", fallback="By hand")

    assert in_effect(signed) == {"technical", "business"}


@pytest.mark.parametrize("tier, left", [(1, {"technical", "business"}), (2, set())])
def test_another_tier_ends_all_of_them_but_naming_the_one_that_applied_does_not(tier, left, signed, risk_owner):
    registry.set_tier(signed.system, by=risk_owner, tier=tier, reason="Assessed")

    assert in_effect(signed) == left


def test_a_stricter_tier_shortens_verdicts_and_reopens_those_from_inside(
    tier_2, version, owner, contributor, second_contributor, technical, risk_owner
):
    review = actions.open_review(tier_2, by=owner, phase="limited_beta")
    inside = pass_item(item_of(review, "T-3"), by=contributor, verifier=second_contributor)
    outside = pass_item(item_of(review, "T-4"), by=contributor, verifier=technical)
    assert (inside.status, outside.status) == ("verified", "verified")

    registry.set_tier(tier_2, by=risk_owner, tier=1, reason="People are affected")

    assert item_of(review, "T-3").status == "submitted"
    shortened = item_of(review, "T-4")
    assert shortened.status == "verified"
    assert shortened.valid_until == shortened.verified_at + timedelta(days=45)


# --- Model versions -------------------------------------------------------------------------------------------------
def test_another_artefact_behind_a_reviewed_version_ends_all_of_them(signed, version, contributor):
    registry.correct_version(version, by=contributor, artefact_digest="b" * 64)

    assert in_effect(signed) == set()
    assert last_void(signed).cause == "version_changed"
    assert "claims-triage v1" in last_void(signed).reason


def test_a_description_of_the_version_ends_nothing(signed, version, contributor):
    registry.correct_version(version, by=contributor, description="The first")

    assert in_effect(signed) == {"technical", "business"}


def test_other_versions_under_review_end_all_of_them(signed, version, contributor):
    newer = registry.register_version(version.model, by=contributor, artefact_digest="c" * 64)

    actions.change_reviewed_versions(signed, by=contributor, versions=[newer])

    assert in_effect(signed) == set()
    assert last_void(signed).cause == "version_changed"
    assert item_of(signed, "T-3").status == "verified"


def test_the_same_versions_again_end_nothing(signed, version, contributor):
    actions.change_reviewed_versions(signed, by=contributor, versions=[version])

    assert in_effect(signed) == {"technical", "business"}


# --- People ---------------------------------------------------------------------------------------------------------
def test_a_withdrawn_role_ends_what_was_signed_by_it(signed, technical, office):
    row = RoleAssignment.objects.get(system=signed.system, role=Role.TECHNICAL_APPROVER, user=technical)

    registry.withdraw_role(row, by=office, reason="Left the company")

    assert in_effect(signed) == {"business"}
    assert last_void(signed).cause == "role_withdrawn"


def test_another_role_of_the_signer_withdrawn_ends_nothing(signed, technical, office):
    row = registry.grant_role(signed.system, by=office, role=Role.VIEWER, user=technical, tell=False)

    registry.withdraw_role(row, by=office, reason="Not needed")

    assert in_effect(signed) == {"technical", "business"}


def test_what_a_deputy_signed_ends_with_the_role_they_stood_in_for(
    open_review, pass_items, technical, outsider, office
):
    pass_items(open_review, ["T-3", "T-4"])
    now = timezone.now()
    registry.appoint_deputy(
        open_review.system, by=technical, role=Role.TECHNICAL_APPROVER, principal=technical, deputy=outsider,
        starts_at=now - timedelta(minutes=1), ends_at=now + timedelta(days=1), reason="On leave",
    )  # fmt: skip
    sign(open_review, "technical", by=outsider)

    row = RoleAssignment.objects.get(system=open_review.system, role=Role.TECHNICAL_APPROVER)
    registry.withdraw_role(row, by=office, reason="Moved on")

    assert in_effect(open_review) == set()


def test_only_the_signer_takes_a_signature_back(signed, technical, owner):
    signature = signature_of(signed, "technical")

    with pytest.raises(NotAllowed):
        actions.withdraw_sign_off(signature, by=owner, reason="I do not like it")
    with pytest.raises(RuleViolation, match="why"):
        actions.withdraw_sign_off(signature, by=technical, reason="")
    void = actions.withdraw_sign_off(signature, by=technical, reason="I overlooked the drift report")

    assert (void.cause, void.voided_by) == ("withdrawn", technical)
    assert "I overlooked the drift report" in section_states(signed)["technical"].words
    with pytest.raises(RuleViolation, match="over already"):
        actions.withdraw_sign_off(signature, by=technical, reason="Again")


# --- Time -----------------------------------------------------------------------------------------------------------
def test_a_signature_lapses_by_itself(signed, time_machine):
    signature = signature_of(signed, "technical")

    time_machine.move_to(signature.valid_until)

    state = section_states(signed)["technical"]
    assert (state.status, state.since) == ("lapsed", signature.valid_until)
    assert "T-4 Monitoring has to be verified again" in state.words
    assert not SignOffVoid.objects.exists()


def test_the_sweep_writes_a_lapse_down_once(signed, time_machine):
    signature = signature_of(signed, "technical")
    time_machine.move_to(signature.valid_until + timedelta(hours=1))

    sweep(timezone.now())
    again = SignOffVoid.objects.count()
    sweep(timezone.now())

    void = last_void(signed)
    assert (void.cause, void.voided_by) == ("lapsed", User.objects.automation())
    assert SignOffVoid.objects.count() == again
    state = section_states(signed)["technical"]
    assert (state.status, state.since) == ("lapsed", signature.valid_until)
    assert "(" not in state.words


def test_a_change_after_the_lapse_is_still_a_lapse(signed, contributor, time_machine):
    signature = signature_of(signed, "technical")
    time_machine.move_to(signature.valid_until + timedelta(hours=1))

    actions.answer_item(item_of(signed, "T-3"), by=contributor, answer="New.")

    assert last_void(signed).cause == "lapsed"


def test_signing_over_a_lapsed_signature_records_the_lapse_first(signed, technical, time_machine):
    first = signature_of(signed, "technical")
    time_machine.move_to(first.valid_until + timedelta(hours=1))

    sign(signed, "technical", by=technical, meaning="rejection", comment="Renew it.")

    assert last_void(signed).cause == "lapsed"
    assert last_void(signed).sign_off == first


# --- Around the application -----------------------------------------------------------------------------------------
def test_a_change_behind_the_applications_back_counts_as_well(signed):
    ReviewItem._base_manager.filter(pk=item_of(signed, "T-3").pk).update(answer="All is well.")

    state = section_states(signed)["technical"]
    assert (state.status, state.effective) == ("changed", False)
    assert "outside the application" in state.words
    assert in_effect(signed) == {"business"}


def test_a_section_changed_outside_is_signed_again_and_the_void_says_why(signed, technical):
    ReviewItem._base_manager.filter(pk=item_of(signed, "T-8").pk).update(answer="All is well.")

    sign(signed, "technical", by=technical)

    assert in_effect(signed) == {"technical", "business"}
    assert "outside the application" in last_void(signed).reason


def test_in_a_closed_review_nothing_counts(signed, owner):
    actions.close_review(signed, by=owner, reason="Superseded")

    states = section_states(signed)
    assert not any(state.effective for state in states.values())
    assert "closed" in states["technical"].words
    assert not SignOffVoid.objects.exists()
