"""What the gate asks of reviews, in which words, and until when an answer holds."""

from datetime import timedelta

from django.utils import timezone

from apps.gates.evaluation import evaluate
from apps.gates.models import SystemStatus
from apps.gates.requirements import blocker_tests
from apps.readiness import actions
from apps.readiness.models import ReviewItem
from apps.registry import actions as registry
from apps.registry.roles import Role
from tests.fixtures_reviews import item_of, pass_item, sign, supply

PHASE = "limited_beta"


def result(system, key, phase=PHASE, **kwargs):
    system.refresh_from_db()
    found = [one for one in evaluate(system, phase, **kwargs).results if one.key == key]
    assert len(found) == 1, key
    return found[0]


def item(system, key, **kwargs):
    return result(system, f"readiness.item:{key}", **kwargs)


# --- No review ------------------------------------------------------------------------------------------------------
def test_without_a_review_everything_is_missing_and_leads_to_opening_one(system):
    for key in ("readiness.review_open", "readiness.item:T-3", "readiness.section_signed:technical"):
        found = result(system, key)
        assert found.status == "not_met"
        assert found.reason == "There is no open review towards Limited beta."
        assert found.link == f"/systems/{system.slug}/readiness/"
        assert found.owner.names == ("Owner",)
    assert item(system, "T-3").title == "T-3 Security"
    assert result(system, "readiness.section_signed:technical").title == "Technical readiness is signed"
    assert result(system, "readiness.no_open_conditions").status == "met"


def test_a_review_towards_another_phase_is_none(open_review, system):
    assert result(system, "readiness.review_open").status == "met"
    assert result(system, "readiness.review_open", phase="expanded_pilot").status == "not_met"


def test_a_closed_review_is_none(open_review, system, owner):
    actions.close_review(open_review, by=owner, reason="Over")

    assert result(system, "readiness.review_open").status == "not_met"


def test_the_pilot_asks_for_the_one_kpi_item(system, owner, contributor, business):
    review = actions.open_review(system, by=owner, phase="pilot")
    assert item(system, "B-5", phase="pilot").status == "not_met"

    pass_item(item_of(review, "B-5"), by=contributor, verifier=business)

    assert item(system, "B-5", phase="pilot").status == "met"
    assert not [one for one in evaluate(system, "pilot").results if "section_signed" in one.key]


# --- Items ----------------------------------------------------------------------------------------------------------
def test_each_state_says_what_is_missing_and_who_owes_it(open_review, system, contributor, technical, owner):
    row = item_of(open_review, "T-3")
    link = f"/reviews/{open_review.uid}/items/T-3/"
    found = item(system, "T-3")
    assert (found.title, found.status, found.reason) == ("T-3 Security", "not_met", "Not answered yet.")
    assert (found.owner.role, found.link) == (Role.CONTRIBUTOR, link)

    day = timezone.now().date() + timedelta(days=4)
    actions.assign_item(row, by=owner, to=contributor, due_on=day)
    assert item(system, "T-3").reason == f"Not answered yet. Contributor is to answer it by {day:%-d %B %Y}."

    actions.assign_item(row, by=owner, to=None)
    supply(row, by=contributor)
    assert item(system, "T-3").reason == "Has evidence, but no answer yet."
    actions.answer_item(row, by=contributor, answer="Draft")
    assert item(system, "T-3").reason == "Begun, but not submitted for verification yet."

    actions.submit_item(row, by=contributor)
    found = item(system, "T-3")
    assert found.reason == "Answered, waiting for verification by somebody other than Contributor."
    assert (found.owner.role, found.owner.names) == (Role.TECHNICAL_APPROVER, ("Technical",))

    actions.reject_item(row, by=technical, note="The scan is old.")
    assert item(system, "T-3").reason == "Sent back: The scan is old."

    actions.submit_item(row, by=contributor)
    row = actions.verify_item(row, by=technical)
    found = item(system, "T-3")
    assert found.reason == f"Verified by Technical, valid until {row.valid_until:%-d %B %Y}."
    assert (found.status, found.expires_at) == ("met", row.valid_until)


def test_an_item_is_judged_for_the_instant_that_is_asked_about(open_review, system, contributor, technical):
    row = pass_item(item_of(open_review, "T-3"), by=contributor, verifier=technical)

    assert item(system, "T-3", at=row.valid_until - timedelta(seconds=1)).status == "met"
    later = item(system, "T-3", at=row.valid_until)
    assert later.status == "not_met"
    assert f"ran out on {row.valid_until:%-d %B %Y}" in later.reason


def test_an_item_that_does_not_apply_is_told_as_such(system, version, owner, contributor, operational):
    review = actions.open_review(system, by=owner, phase="full_production")
    row = actions.propose_not_applicable(
        item_of(review, "O-8"), by=contributor, condition="no_external_vendor", reason="All our own."
    )
    found = item(system, "O-8", phase="full_production")
    assert found.reason.startswith("Proposed as not applicable, waiting for a decision by somebody other than")

    row = actions.verify_item(row, by=operational)

    found = item(system, "O-8", phase="full_production")
    assert (found.status, found.expires_at) == ("not_applicable", row.valid_until)
    assert "All our own." in found.reason


def test_full_production_asks_for_every_item_once(system, version, owner):
    actions.open_review(system, by=owner, phase="full_production")

    keys = [one.key for one in evaluate(system, "full_production").results if one.key.startswith("readiness.item:")]

    assert len(keys) == len(set(keys)) == 32


def test_other_phases_ask_for_their_items_only(open_review, system):
    keys = {one.key.split(":")[1] for one in evaluate(system, PHASE).results if "readiness.item:" in one.key}

    assert keys == {"T-3", "T-4", "O-2", "O-3", "B-5", "G-2", "G-6"}


def test_blockers_are_known_for_the_length_of_waivers(db):
    (test,) = [one for one in blocker_tests() if one.__module__ == "apps.readiness.gate_requirements"]

    assert test("readiness.item:T-3")
    assert not test("readiness.item:T-8")
    assert not test("registry.owner_named")


# --- Versions -------------------------------------------------------------------------------------------------------
def test_a_version_in_use_that_nobody_reviewed_is_named(open_review, system, version, contributor):
    newer = registry.register_version(version.model, by=contributor, artefact_digest="c" * 64)
    registry.use_version(system, by=contributor, model_version=newer)

    found = result(system, "readiness.review_open")

    assert found.reason == "The review is not about claims-triage v2, which the system uses."
    assert found.link == f"/reviews/{open_review.uid}/"


def test_the_review_that_counts_is_the_one_about_the_version_asked_for(
    open_review, system, version, contributor, technical, owner
):
    pass_item(item_of(open_review, "T-3"), by=contributor, verifier=technical)
    newer = registry.register_version(version.model, by=contributor, artefact_digest="c" * 64)
    third = registry.register_version(version.model, by=contributor, artefact_digest="d" * 64)
    other = actions.open_review(system, by=owner, phase=PHASE, versions=[newer])
    actions.reopen_item(item_of(other, "T-3"), by=contributor, reason="Other version")

    assert item(system, "T-3", version=version).status == "met"
    assert item(system, "T-3", version=newer).status == "not_met"
    assert item(system, "T-3").status == "met"
    assert item(system, "T-3", version=third).reason == "No open review towards Limited beta is about claims-triage v3."


# --- Sections -------------------------------------------------------------------------------------------------------
def test_a_section_says_who_signs_it_and_where(open_review, system):
    found = result(system, "readiness.section_signed:business")

    assert (found.title, found.status, found.reason) == ("Business readiness is signed", "not_met", "Not signed yet.")
    assert found.owner.names == ("Business",)
    assert found.link == f"/reviews/{open_review.uid}/sections/business/sign/"
    assert not found.waivable


def test_four_signatures_open_their_part_of_the_gate_and_a_changed_answer_closes_it(signed_review, system, contributor):
    def missing():
        system.refresh_from_db()
        return {one.key for one in evaluate(system, PHASE).missing if one.key.startswith("readiness.")}

    assert missing() == set()

    actions.answer_item(item_of(signed_review, "G-2"), by=contributor, answer="Different.")

    assert missing() == {"readiness.item:G-2", "readiness.section_signed:governance"}
    found = result(system, "readiness.section_signed:governance")
    assert "because the answer to G-2 Risk Assessment changed" in found.reason


def test_a_signature_is_judged_for_the_instant_that_is_asked_about(open_review, system, pass_items, technical):
    pass_items(open_review, ["T-3", "T-4"])
    signed = sign(open_review, "technical", by=technical)
    key = "readiness.section_signed:technical"

    assert result(system, key).expires_at == signed.valid_until
    later = result(system, key, at=signed.valid_until)
    assert later.status == "not_met"
    assert "ran out" in later.reason


def test_a_signature_over_content_changed_outside_does_not_open_the_gate(open_review, system, pass_items, technical):
    pass_items(open_review, ["T-3", "T-4"])
    sign(open_review, "technical", by=technical)
    ReviewItem._base_manager.filter(pk=item_of(open_review, "T-3").pk).update(answer="Forged")

    found = result(system, "readiness.section_signed:technical")

    assert found.status == "not_met"
    assert "changed outside the application" in found.reason


def test_a_rejection_does_not_open_the_gate(open_review, system, technical):
    sign(open_review, "technical", by=technical, meaning="rejection", comment="Too early.")

    found = result(system, "readiness.section_signed:technical")

    assert found.status == "not_met"
    assert "Too early." in found.reason


# --- Conditions -----------------------------------------------------------------------------------------------------
def test_conditions_warn_once_they_are_overdue(open_review, system, pass_items, technical, contributor):
    pass_items(open_review, ["T-3", "T-4"])
    day = timezone.now().date() + timedelta(days=6)
    wanted = [{"text": "Repeat the scan.", "owner": contributor, "due_on": day}]
    signed = sign(open_review, "technical", by=technical, conditions=wanted)

    key = "readiness.no_open_conditions"
    assert f"the next is due on {day:%-d %B %Y}" in result(system, key).reason
    late = result(system, key, at=timezone.now() + timedelta(days=8))
    assert (late.status, late.is_blocking) == ("not_met", False)
    assert "Repeat the scan. (Contributor" in late.reason

    actions.complete_condition(signed.tracked_conditions.get(), by=contributor, note="Done")
    assert result(system, key, at=timezone.now() + timedelta(days=8)).status == "met"


# --- Cost and freshness ---------------------------------------------------------------------------------------------
def test_asking_costs_the_same_for_a_beta_and_for_everything(
    signed_review, system, owner, django_assert_max_num_queries
):
    system.refresh_from_db()
    with django_assert_max_num_queries(24):
        evaluate(system, PHASE)
    actions.open_review(system, by=owner, phase="full_production")
    with django_assert_max_num_queries(24):
        evaluate(system, "full_production")


def test_the_status_of_the_system_follows_every_action(system, owner, contributor, business):
    before = SystemStatus.objects.get(system=system).missing
    review = actions.open_review(system, by=owner, phase="pilot")

    pass_item(item_of(review, "B-5"), by=contributor, verifier=business)

    assert SystemStatus.objects.get(system=system).missing == before - 1


def test_a_checklist_that_does_not_fit_the_policy_never_opens_the_gate(open_review, system):
    ReviewItem._base_manager.filter(review=open_review, item__key="T-3").delete()

    found = item(system, "T-3")

    assert found.status == "not_met"
    assert "do not fit together" in found.reason
