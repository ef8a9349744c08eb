"""Signing a section: what is recorded, and every reason for which it is refused."""

import hashlib
import json
import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.db import IntegrityError, transaction
from django.utils import timezone
from guardian.shortcuts import assign_perm

from apps.accounts.models import Proof, Team
from apps.audit.models import Entry
from apps.core import outbox
from apps.core.canonical import canonical_bytes, sha256_hex
from apps.core.exceptions import NotAllowed, RuleViolation
from apps.gates import actions as gates
from apps.gates.evaluation import forget_policies
from apps.gates.models import GatePolicy
from apps.readiness import actions, policies
from apps.readiness.content import ContentChanged, section_content, statement_for
from apps.readiness.effective import section_states
from apps.readiness.models import ChecklistTemplate, Condition, Seat, SignOff, SignOffVoid, Snapshot
from apps.registry import actions as registry
from apps.registry.models import RoleAssignment
from apps.registry.roles import Role
from tests.fixtures_people import PASSWORD
from tests.fixtures_reviews import item_of, pass_item, section_of, sign, signature_of, supply


@pytest.fixture
def ready(open_review, pass_items):
    """The technical section is ready to be signed."""
    pass_items(open_review, ["T-3", "T-4"])
    return open_review


def seat_of(review, key):
    return Seat.objects.select_related("sign_off").get(review=review, section__key=key)


# --- What a signature is --------------------------------------------------------------------------------------------
def test_signing_records_who_what_when_how_and_until_when(ready, technical):
    before = timezone.now()

    signed = sign(ready, "technical", by=technical, zone="Europe/Berlin", comment="Well prepared.")

    assert seat_of(ready, "technical").sign_off == signed
    assert (signed.signer, signed.signer_name, signed.role) == (technical, "Technical", Role.TECHNICAL_APPROVER)
    assert signed.on_behalf_of is None
    assert signed.statement == statement_for(signed.section)
    assert before <= signed.signed_at <= timezone.now()
    assert signed.zone == "Europe/Berlin"
    assert signed.proof.user == technical
    assert signed.proof.method == Proof.Method.PASSWORD
    assert signed.proof.digest == signed.payload_sha256


def test_the_payload_is_canonical_and_bound_to_the_kept_snapshot(ready, technical):
    signed = sign(ready, "technical", by=technical)

    payload = json.loads(bytes(signed.payload))
    assert bytes(signed.payload) == canonical_bytes(payload)
    assert hashlib.sha256(bytes(signed.payload)).hexdigest() == signed.payload_sha256
    assert payload["typ"] == "aifactory.signoff/v1"
    assert payload["signer"] == {"sub": str(technical.uid), "on_behalf_of": None}
    assert payload["content"]["sha256"] == signed.snapshot.sha256 == sha256_hex(bytes(signed.snapshot.body))
    assert "Technical" not in bytes(signed.snapshot.body).decode().replace("technical", "")


def test_signing_writes_one_entry_that_refers_to_signature_and_content(ready, technical):
    before = Entry.objects.count()

    signed = sign(ready, "technical", by=technical)

    entry = Entry.objects.latest("id")
    assert Entry.objects.count() == before + 1
    assert entry.act == "signoff.completed"
    assert json.loads(bytes(entry.body))["ref"] == {"signoff": signed.payload_sha256, "content": signed.snapshot.sha256}
    assert entry.system_uid == ready.system.uid


def test_four_people_sign_four_sections(signed_review):
    states = section_states(signed_review)

    assert all(state.effective for state in states.values())
    assert len({signature_of(signed_review, key).signer for key in states}) == 4


def test_it_lasts_as_long_as_the_first_item_it_rests_on(ready, technical):
    signed = sign(ready, "technical", by=technical)

    first = min(item_of(ready, key).valid_until for key in ("T-3", "T-4"))
    assert signed.valid_until == first
    assert "T-4 Monitoring has to be verified again by then" in signed.valid_until_reason


def test_a_section_without_required_items_lasts_as_long_as_the_policy_allows(system, owner, technical):
    review = actions.open_review(system, by=owner, phase="pilot")

    signed = sign(review, "technical", by=technical)

    assert signed.valid_until == signed.signed_at + timedelta(days=365)
    assert "365 days" in signed.valid_until_reason


def test_a_zone_nobody_knows_is_recorded_as_utc(ready, technical):
    assert sign(ready, "technical", by=technical, zone="Mars/Olympus").zone == "UTC"


def test_conditions_become_tasks_and_their_owners_hear_of_it(ready, technical, contributor):
    day = timezone.now().date() + timedelta(days=10)

    signed = sign(
        ready,
        "technical",
        by=technical,
        conditions=[{"text": "Repeat the scan.", "owner": contributor, "due_on": day}],
    )

    condition = Condition.objects.get(sign_off=signed)
    assert (condition.text, condition.owner, condition.due_on) == ("Repeat the scan.", contributor, day)
    assert signed.conditions == [{"text": "Repeat the scan.", "owner": str(contributor.uid), "due_on": day.isoformat()}]
    outbox.drain()
    assert any("condition" in message.subject and message.to == [contributor.email] for message in mail.outbox)


def test_a_condition_is_completed_by_its_owner_once(ready, technical, contributor, owner):
    day = timezone.now().date() + timedelta(days=10)
    wanted = [{"text": "Repeat the scan.", "owner": contributor, "due_on": day}]
    condition = sign(ready, "technical", by=technical, conditions=wanted).tracked_conditions.get()

    with pytest.raises(NotAllowed):
        actions.complete_condition(condition, by=owner, note="Done")
    with pytest.raises(RuleViolation, match="how"):
        actions.complete_condition(condition, by=contributor, note=" ")
    done = actions.complete_condition(condition, by=contributor, note="Scan 512 is clean.")

    assert done.done_by == contributor
    assert done.history.first().history_change_reason == "Condition fulfilled"
    with pytest.raises(RuleViolation, match="already"):
        actions.complete_condition(condition, by=contributor, note="Again")


@pytest.mark.parametrize(
    "change",
    [{"text": "  "}, {"due_on": timezone.now().date() - timedelta(days=3)}],
    ids=["no text", "day passed"],
)
def test_a_condition_has_to_be_possible(ready, technical, contributor, change):
    condition = {"text": "x", "owner": contributor, "due_on": timezone.now().date() + timedelta(days=3)} | change

    with pytest.raises(RuleViolation):
        sign(ready, "technical", by=technical, conditions=[condition])


def test_a_condition_is_given_to_somebody_who_sees_the_system(ready, technical, outsider):
    condition = {"text": "x", "owner": outsider, "due_on": timezone.now().date()}

    with pytest.raises(RuleViolation, match="no role"):
        sign(ready, "technical", by=technical, conditions=[condition])


def test_a_rejection_takes_the_seat_without_complete_items_and_needs_a_comment(open_review, technical):
    with pytest.raises(RuleViolation, match="why"):
        sign(open_review, "technical", by=technical, meaning="rejection")

    rejected = sign(open_review, "technical", by=technical, meaning="rejection", comment="No threat model.")

    state = section_states(open_review)["technical"]
    assert rejected.meaning == SignOff.Meaning.REJECTION
    assert (state.status, state.effective) == ("rejected", False)
    assert "No threat model." in state.words


def test_a_rejection_is_followed_by_an_approval_once_the_content_changed(open_review, technical, pass_items):
    sign(open_review, "technical", by=technical, meaning="rejection", comment="No threat model.")
    pass_items(open_review, ["T-3", "T-4"])

    signed = sign(open_review, "technical", by=technical)

    assert section_states(open_review)["technical"].sign_off == signed


# --- Refusals: the person -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "person",
    ["owner", "contributor", "operational", "risk_owner", "system_auditor", "viewer", "outsider", "office",
     "org_auditor", "org_admin", "superuser"],
)  # fmt: skip
def test_who_lacks_the_role_cannot_sign(ready, person, request):
    user = request.getfixturevalue(person)

    with pytest.raises(NotAllowed):
        sign(ready, "technical", by=user)
    assert seat_of(ready, "technical").sign_off is None


def test_an_inactive_approver_cannot_sign(ready, technical):
    technical.is_active = False
    technical.save(update_fields=["is_active"])

    with pytest.raises(NotAllowed):
        sign(ready, "technical", by=technical)


def test_a_superuser_with_the_role_has_the_same_duties(ready, technical, system, office):
    registry.grant_role(system, by=office, role=Role.CONTRIBUTOR, user=technical, tell=False)
    technical.is_superuser = True
    technical.save(update_fields=["is_superuser"])
    supply(item_of(ready, "T-8"), by=technical)

    with pytest.raises(NotAllowed, match="T-8"):
        sign(ready, "technical", by=technical)


def test_who_answered_in_the_section_does_not_sign_it(ready, technical, system, office):
    registry.grant_role(system, by=office, role=Role.CONTRIBUTOR, user=technical, tell=False)
    actions.answer_item(item_of(ready, "T-8"), by=technical, answer="Documented.")

    with pytest.raises(NotAllowed, match="answered or supplied evidence"):
        sign(ready, "technical", by=technical)


def test_whose_evidence_somebody_else_attached_does_not_sign_either(ready, technical, contributor, system, office):
    registry.grant_role(system, by=office, role=Role.CONTRIBUTOR, user=technical, tell=False)
    evidence = actions.add_evidence(
        system, by=technical, kind="ticket", title="Ticket", reference="OPS-1", effective_on=timezone.now().date()
    )
    actions.attach_evidence(item_of(ready, "T-2"), by=contributor, evidence=evidence)

    with pytest.raises(NotAllowed, match="T-2"):
        sign(ready, "technical", by=technical)


def test_a_part_that_was_overwritten_or_taken_away_is_a_part(ready, technical, contributor, system, office):
    registry.grant_role(system, by=office, role=Role.CONTRIBUTOR, user=technical, tell=False)
    evidence = supply(item_of(ready, "T-8"), by=technical)
    actions.detach_evidence(evidence.links.get(), by=contributor, reason="Wrong item")

    with pytest.raises(NotAllowed):
        sign(ready, "technical", by=technical)


def test_a_part_in_another_section_is_no_obstacle(ready, technical, system, office):
    registry.grant_role(system, by=office, role=Role.CONTRIBUTOR, user=technical, tell=False)
    supply(item_of(ready, "G-1"), by=technical)

    assert sign(ready, "technical", by=technical)


@pytest.mark.parametrize("tier, allowed", [(None, False), (1, False), (2, False), (3, True)])
def test_on_tiers_1_and_2_one_person_signs_one_section(
    tier, allowed, system, version, owner, technical, office, risk_owner, pass_items
):
    if tier:
        registry.set_tier(system, by=risk_owner, tier=tier, reason="Assessed")
    registry.grant_role(system, by=office, role=Role.OPERATIONAL_APPROVER, user=technical, tell=False)
    review = actions.open_review(system, by=owner, phase="limited_beta")
    pass_items(review, ["T-3", "T-4", "O-2", "O-3"])
    sign(review, "technical", by=technical)

    if allowed:
        assert sign(review, "operational", by=technical)
    else:
        with pytest.raises(NotAllowed, match="one section"):
            sign(review, "operational", by=technical)


def test_the_owner_never_signs_governance(ready, owner, governance, system):
    # The registry refuses to give the owner this role; a row made around it does not help either.
    assignment = RoleAssignment(system=system, role=Role.GOVERNANCE_APPROVER, user=owner, granted_by=governance)
    assignment.save()
    registry.sync_permissions(system, owner)

    with pytest.raises(NotAllowed, match="owner"):
        sign(ready, "governance", by=owner)


def test_a_permission_without_a_role_is_no_right_to_sign(ready, viewer):
    assign_perm("registry.sign_technical", viewer, ready.system)

    with pytest.raises(NotAllowed):
        sign(ready, "technical", by=viewer)


def test_a_role_by_team_counts(ready, outsider, system, office):
    team = Team.objects.create(name="Platform", group=Group.objects.create(name="platform"))
    team.group.user_set.add(outsider)
    registry.grant_role(system, by=office, role=Role.TECHNICAL_APPROVER, team=team, tell=False)

    assert sign(ready, "technical", by=outsider).role == Role.TECHNICAL_APPROVER


# --- Deputies -------------------------------------------------------------------------------------------------------
@pytest.fixture
def deputy(system, technical, outsider):
    registry.appoint_deputy(
        system,
        by=technical,
        role=Role.TECHNICAL_APPROVER,
        principal=technical,
        deputy=outsider,
        starts_at=timezone.now() - timedelta(minutes=1),
        ends_at=timezone.now() + timedelta(days=7),
        reason="On leave",
    )
    return outsider


def test_a_deputy_signs_on_behalf_of_whom_they_stand_in_for(ready, deputy, technical):
    signed = sign(ready, "technical", by=deputy)

    assert (signed.signer, signed.on_behalf_of, signed.role) == (deputy, technical, Role.TECHNICAL_APPROVER)
    assert json.loads(bytes(signed.payload))["signer"]["on_behalf_of"] == str(technical.uid)


def test_a_deputy_has_the_duties_of_a_signer(ready, deputy, system, office):
    registry.grant_role(system, by=office, role=Role.CONTRIBUTOR, user=deputy, tell=False)
    supply(item_of(ready, "T-8"), by=deputy)

    with pytest.raises(NotAllowed):
        sign(ready, "technical", by=deputy)


def test_who_may_not_sign_cannot_have_it_signed_for_them(ready, deputy, technical, system, office):
    registry.grant_role(system, by=office, role=Role.CONTRIBUTOR, user=technical, tell=False)
    supply(item_of(ready, "T-8"), by=technical)

    with pytest.raises(NotAllowed):
        sign(ready, "technical", by=deputy)


def test_a_deputy_whose_time_is_over_cannot_sign(ready, deputy, time_machine):
    time_machine.move_to(timezone.now() + timedelta(days=8))

    with pytest.raises(NotAllowed):
        sign(ready, "technical", by=deputy)


# --- Refusals: the proof --------------------------------------------------------------------------------------------
def test_a_wrong_password_signs_nothing_and_is_on_record(ready, technical):
    with pytest.raises(RuleViolation) as refusal:
        sign(ready, "technical", by=technical, password="not this")

    assert (refusal.value.code, refusal.value.field) == ("wrong_password", "password")
    assert not SignOff.objects.exists()
    assert not Proof.objects.exists()
    entry = Entry.objects.latest("id")
    assert entry.act == "signoff.refused"
    assert json.loads(bytes(entry.body))["ref"]["code"] == "wrong_password"


def test_a_token_never_signs(ready, technical):
    technical.via = "token"

    with pytest.raises(NotAllowed):
        sign(ready, "technical", by=technical)


def test_the_policy_can_ask_for_a_second_factor(ready, technical):
    policy = GatePolicy.objects.get(in_force=True)
    policy.body["sign_off"]["proof"]["raise"] = [{"tiers": [1], "sections": ["technical"], "minimum": "second_factor"}]
    policy.save()
    forget_policies()

    with pytest.raises(RuleViolation, match="second factor"):
        sign(ready, "technical", by=technical)


# --- Refusals: the state --------------------------------------------------------------------------------------------
def test_open_items_are_named(open_review, technical):
    with pytest.raises(RuleViolation) as refusal:
        sign(open_review, "technical", by=technical)

    assert refusal.value.code == "items_open"
    assert "T-3 Security (open)" in str(refusal.value)
    assert "T-1" not in str(refusal.value)


def test_an_expired_item_counts_as_open(ready, technical, time_machine):
    time_machine.move_to(timezone.now() + timedelta(days=46))

    with pytest.raises(RuleViolation, match="T-4 Monitoring \\(verification ran out\\)"):
        sign(ready, "technical", by=technical)


def test_a_waiver_stands_in_for_an_item_and_ends_the_signature_with_it(
    open_review, technical, owner, governance, system, pass_items
):
    pass_items(open_review, ["T-4"])
    until = timezone.now().date() + timedelta(days=20)
    waiver = gates.request_waiver(
        system,
        by=owner,
        phase="limited_beta",
        requirement="readiness.item:T-3",
        reason="The scan tool is down.",
        compensating_control="A person looks at each change.",
        expires_on=until,
    )
    with pytest.raises(RuleViolation):
        sign(open_review, "technical", by=technical)
    gates.decide_waiver(waiver, by=governance, approve=True)

    signed = sign(open_review, "technical", by=technical)

    assert signed.valid_until.date() == until + timedelta(days=1)
    assert "waiver of T-3 Security ends" in signed.valid_until_reason


def test_a_section_is_signed_once(ready, technical, system, office, outsider):
    registry.grant_role(system, by=office, role=Role.TECHNICAL_APPROVER, user=outsider, tell=False)
    sign(ready, "technical", by=technical)

    with pytest.raises(RuleViolation, match="signed by Technical on"):
        sign(ready, "technical", by=outsider)


def test_a_closed_review_is_not_signed(ready, technical, owner):
    actions.close_review(ready, by=owner, reason="Superseded")

    with pytest.raises(RuleViolation, match="closed"):
        sign(ready, "technical", by=technical)


def test_another_statement_is_not_signed(ready, technical):
    with pytest.raises(RuleViolation) as refusal:
        sign(ready, "technical", by=technical, statement="I approve of everything.")

    assert refusal.value.code == "statement_changed"


def test_a_section_of_another_checklist_is_not_signed(ready, technical):
    other = ChecklistTemplate.objects.create(key="other", version="1", title="Other", source="x", sha256="0", body={})
    section = section_of(ready, "technical")
    section.pk, section.template = None, other
    section.save()

    with pytest.raises(RuleViolation):
        actions.sign_off(ready, section, by=technical, password=PASSWORD, statement="x", digest="0" * 64)


# --- Content that changed while the page was open -------------------------------------------------------------------
def test_content_that_changed_meanwhile_is_not_signed_and_the_change_is_named(ready, technical, contributor):
    section = section_of(ready, "technical")
    read = section_content(ready, section)
    actions.answer_item(item_of(ready, "T-8"), by=contributor, answer="Written down.")
    supply(item_of(ready, "T-8"), by=contributor, title="Manual")

    with pytest.raises(ContentChanged) as refusal:
        sign(ready, "technical", by=technical, digest=read.sha256, seen=read.seen)

    labels = {(change.label, change.new) for change in refusal.value.changes}
    assert ("T-8 Documentation: answer", "Written down.") in labels
    assert ("T-8 Documentation: evidence", "Manual") in labels
    assert refusal.value.code == "content_changed"
    assert "T-8 Documentation" in str(refusal.value)


def test_a_fact_that_changed_meanwhile_is_named(ready, technical, owner):
    section = section_of(ready, "technical")
    read = section_content(ready, section)
    registry.change_system(ready.system, by=owner, purpose="Decides claims alone.")

    with pytest.raises(ContentChanged) as refusal:
        sign(ready, "technical", by=technical, digest=read.sha256, seen=read.seen)

    (change,) = refusal.value.changes
    assert (change.label, change.new) == ("the purpose", "Decides claims alone.")


def test_a_change_in_another_section_is_no_obstacle(ready, technical, contributor):
    section = section_of(ready, "technical")
    read = section_content(ready, section)
    actions.answer_item(item_of(ready, "G-1"), by=contributor, answer="Approved in May.")

    assert sign(ready, "technical", by=technical, digest=read.sha256, seen=read.seen)


def test_what_is_no_content_is_no_obstacle(ready, technical, contributor, owner):
    section = section_of(ready, "technical")
    read = section_content(ready, section)
    actions.add_comment(item_of(ready, "T-8"), by=contributor, text="Nearly there.")
    actions.assign_item(item_of(ready, "T-8"), by=owner, to=contributor)
    registry.change_system(ready.system, by=owner, name="Claims triage II", unit="Claims")

    assert sign(ready, "technical", by=technical, digest=read.sha256, seen=read.seen)


@pytest.mark.parametrize("seen", [{}, {"T-8": 99, "system": 77, "review": 55}, {"T-8": -1, "T-4": True}])
def test_nonsense_in_what_was_seen_does_no_harm(ready, technical, seen):
    with pytest.raises(ContentChanged):
        sign(ready, "technical", by=technical, digest="0" * 64, seen=seen)


# --- Around the Python ----------------------------------------------------------------------------------------------
def test_the_database_lets_nobody_touch_a_signature(ready, technical):
    signed = sign(ready, "technical", by=technical)

    for change in (
        lambda: SignOff._base_manager.filter(pk=signed.pk).update(signer_name="Mallory"),
        lambda: SignOffVoid.objects.create(
            sign_off=signed, cause="lapsed", reason="x", voided_by=technical
        ) and SignOffVoid.objects.all().update(reason="y"),
        lambda: Snapshot.objects.all().update(sha256="0" * 64),
    ):  # fmt: skip
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def test_the_database_allows_one_seat_per_section_and_one_seat_per_signature(ready, technical):
    signed = sign(ready, "technical", by=technical)
    other = seat_of(ready, "business")

    with pytest.raises(IntegrityError), transaction.atomic():
        Seat.objects.filter(pk=other.pk).update(sign_off=signed)
    with pytest.raises(IntegrityError), transaction.atomic():
        Seat.objects.create(review=ready, section=signed.section)


def test_a_signature_without_statement_or_with_an_unknown_meaning_is_impossible(ready, technical):
    signed = sign(ready, "technical", by=technical)
    for values in ({"statement": ""}, {"meaning": "authorship"}):
        copy = SignOff.objects.get(pk=signed.pk)
        copy.pk, copy.uid, copy.payload_sha256 = None, uuid.uuid4(), "1" * 64
        copy.proof = Proof.objects.create(user=technical, method="password", purpose="x", digest="x")
        for name, value in values.items():
            setattr(copy, name, value)
        with pytest.raises(IntegrityError), transaction.atomic():
            copy.save(force_insert=True)


def test_what_the_button_asks_is_what_the_action_enforces(ready, technical, operational, owner):
    section = section_of(ready, "technical")

    assert policies.can_sign(ready, section, user=technical)
    assert not policies.can_sign(ready, section, user=operational)
    sign(ready, "technical", by=technical)
    assert not policies.can_sign(ready, section, user=technical)
    assert not policies.can_sign(ready, section, user=owner)


def test_a_late_verdict_on_an_item_nobody_asked_for_ends_the_signature(ready, technical, contributor):
    sign(ready, "technical", by=technical)

    pass_item(item_of(ready, "T-8"), by=contributor, verifier=technical)

    assert not section_states(ready)["technical"].effective
