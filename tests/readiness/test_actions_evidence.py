"""Taking evidence in, attaching, correcting and withdrawing it."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.audit.models import Entry
from apps.core.exceptions import NotAllowed, RuleViolation, StaleObject
from apps.readiness import actions
from apps.readiness.models import Contribution, Evidence, EvidenceLink
from apps.registry import actions as registry
from tests.fixtures_reviews import item_of, pass_item, supply

PDF = b"%PDF-1.7\nreport\n%%EOF\n"


def today():
    return timezone.now().date()


def add(system, by, **values):
    values = {
        "kind": "link",
        "title": "Report",
        "url": "https://reports.example.org/1",
        "effective_on": today(),
    } | values
    return actions.add_evidence(system, by=by, **values)


def upload(content=PDF, name="report.pdf"):
    return SimpleUploadedFile(name, content)


# --- Taking in ------------------------------------------------------------------------------------------------------
def test_a_document_is_hashed_stored_under_a_random_name_and_on_record(system, contributor, settings):
    evidence = add(system, contributor, kind="document", url="", upload=upload(name="../../Load report.PDF"))

    assert evidence.sha256 == hashlib.sha256(PDF).hexdigest()
    assert (evidence.size, evidence.content_type, evidence.filename) == (
        len(PDF),
        "application/pdf",
        "Load report.PDF",
    )
    assert evidence.file.name.startswith("evidence/")
    assert "report" not in evidence.file.name
    assert (Path(settings.MEDIA_ROOT) / evidence.file.name).read_bytes() == PDF
    assert Entry.objects.latest("id").act == "evidence.added"
    assert evidence.history.get().history_user == contributor


def test_one_piece_of_evidence_serves_many_items(open_review, contributor, system):
    rows = [item_of(open_review, key) for key in ("T-3", "T-6", "G-5")]

    evidence = add(system, contributor, attach_to=rows)

    assert {link.review_item for link in evidence.links.all()} == set(rows)
    assert Contribution.objects.filter(user=contributor, kind="evidence").count() == 3


@pytest.mark.parametrize(
    "person, allowed",
    [("owner", True), ("contributor", True), ("technical", False), ("viewer", False), ("office", False),
     ("outsider", False), ("superuser", False)],
)  # fmt: skip
def test_who_supplies_evidence(person, allowed, system, request):
    user = request.getfixturevalue(person)

    if allowed:
        assert add(system, user).supplied_by == user
    else:
        with pytest.raises(NotAllowed):
            add(system, user)


@pytest.mark.parametrize(
    "values, field",
    [
        ({"kind": "document", "url": ""}, "upload"),
        ({"kind": "link", "url": ""}, "url"),
        ({"kind": "ticket", "url": ""}, "reference"),
        ({"kind": "test_run", "url": ""}, "url"),
        ({"kind": "attestation", "url": ""}, "note"),
        ({"kind": "probe", "url": ""}, "url"),
        ({"kind": "rumour"}, "kind"),
        ({"kind": "link", "url": "javascript:alert(1)"}, "url"),
        ({"kind": "link", "url": "file:///etc/passwd"}, "url"),
        ({"kind": "link", "url": "ftp://example.org/x"}, "url"),
        ({"effective_on": "tomorrow"}, "effective_on"),
        ({"valid_until": "before"}, "valid_until"),
        ({"effective_on": "last year", "valid_until": "yesterday"}, "valid_until"),
        ({"kind": "attestation", "note": "I say so.", "upload": "file"}, "upload"),
    ],
)
def test_what_a_kind_of_evidence_needs(values, field, system, contributor):
    words = {
        "tomorrow": today() + timedelta(days=1),
        "before": today() - timedelta(days=1),
        "yesterday": today() - timedelta(days=1),
        "last year": today() - timedelta(days=365),
        "file": upload(),
    }

    with pytest.raises(RuleViolation) as refusal:
        add(system, contributor, **{name: words.get(value, value) for name, value in values.items()})

    assert refusal.value.field == field
    assert not Evidence.objects.exists()


@pytest.mark.parametrize("values", [{"title": "  "}, {"title": "x" * 300}, {"url": "https://" + "x" * 1100 + ".org"}])
def test_a_value_that_does_not_fit_is_refused(values, system, contributor):
    with pytest.raises(ValidationError):
        add(system, contributor, **values)


def test_the_day_is_that_of_the_person(system, contributor, time_machine):
    time_machine.move_to("2026-11-23T20:00:00Z")
    contributor.timezone = "Pacific/Auckland"

    tomorrow_in_utc = today() + timedelta(days=1)

    assert add(system, contributor, effective_on=tomorrow_in_utc).effective_on == tomorrow_in_utc


def test_a_refused_attachment_leaves_neither_row_nor_file(open_review, contributor, system, owner, settings):
    row = item_of(open_review, "T-3")
    actions.close_review(open_review, by=owner, reason="Superseded")

    with pytest.raises(RuleViolation):
        add(system, contributor, kind="document", url="", upload=upload(), attach_to=[row])

    assert not Evidence.objects.exists()
    assert not [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


# --- Attaching, taking away -----------------------------------------------------------------------------------------
def test_new_evidence_for_a_verified_item_has_it_verified_again(open_review, contributor, technical):
    row = pass_item(item_of(open_review, "T-3"), by=contributor, verifier=technical)

    supply(row, by=contributor)

    row = item_of(open_review, "T-3")
    assert (row.status, row.verified_by, row.valid_until) == ("submitted", None, None)


def test_attaching_raises_the_items_version_so_that_a_verifier_sees_it(open_review, contributor, technical):
    row = item_of(open_review, "T-3")
    row = actions.answer_item(row, by=contributor, answer="A", submit=True)
    supply(row, by=contributor)

    with pytest.raises(StaleObject):
        actions.verify_item(row, by=technical, expected_version=row.version)


def test_attaching_counts_for_who_supplied_and_who_attached(open_review, contributor, second_contributor, system):
    evidence = add(system, second_contributor)

    actions.attach_evidence(item_of(open_review, "T-3"), by=contributor, evidence=evidence)

    people = Contribution.objects.filter(review_item__item__key="T-3").values_list("user", flat=True)
    assert set(people) == {contributor.pk, second_contributor.pk}


def test_evidence_is_attached_once(open_review, contributor, system):
    evidence = add(system, contributor, attach_to=[item_of(open_review, "T-3")])

    with pytest.raises(RuleViolation, match="already"):
        actions.attach_evidence(item_of(open_review, "T-3"), by=contributor, evidence=evidence)
    with pytest.raises(IntegrityError), transaction.atomic():
        EvidenceLink(review_item=item_of(open_review, "T-3"), evidence=evidence, attached_by=contributor).save()


def test_evidence_of_another_system_or_withdrawn_is_not_attached(open_review, contributor, system):
    foreign = registry.register_system(by=contributor, name="Other", purpose="Other")
    evidence = add(foreign, contributor)
    gone = actions.withdraw_evidence(add(system, contributor), by=contributor, reason="Wrong")

    for piece in (evidence, gone):
        with pytest.raises(RuleViolation):
            actions.attach_evidence(item_of(open_review, "T-3"), by=contributor, evidence=piece)


def test_evidence_is_taken_away_for_a_reason_and_stays_with_the_system(open_review, contributor, system):
    evidence = add(system, contributor, attach_to=[item_of(open_review, "T-3")])
    link = evidence.links.get()

    with pytest.raises(RuleViolation, match="why"):
        actions.detach_evidence(link, by=contributor, reason="")
    actions.detach_evidence(link, by=contributor, reason="Wrong item")

    assert evidence.links.count() == 0
    closing = EvidenceLink.history.filter(history_type="-").get()
    assert "Wrong item" in closing.history_change_reason
    with pytest.raises(RuleViolation, match="any more"):
        actions.detach_evidence(link, by=contributor, reason="Again")


# --- Correcting, withdrawing ----------------------------------------------------------------------------------------
def test_a_correction_is_checked_like_new_evidence(system, contributor):
    evidence = add(system, contributor)

    with pytest.raises(RuleViolation):
        actions.change_evidence(evidence, by=contributor, url="")
    with pytest.raises(StaleObject):
        actions.change_evidence(evidence, by=contributor, title="New", expected_version=7)
    changed = actions.change_evidence(evidence, by=contributor, title="New", valid_until=today(), expected_version=1)

    assert (changed.title, changed.valid_until, changed.version) == ("New", today(), 2)
    assert actions.change_evidence(changed, by=contributor, valid_until=None).valid_until is None


def test_a_correction_that_changes_nothing_writes_nothing(system, contributor):
    evidence = add(system, contributor)
    before = Entry.objects.count()

    actions.change_evidence(evidence, by=contributor, title="Report")

    assert Entry.objects.count() == before


def test_a_correction_makes_whoever_corrected_a_part_of_the_items(open_review, contributor, owner, technical):
    row = pass_item(item_of(open_review, "T-3"), by=contributor, verifier=technical)

    actions.change_evidence(row.evidence_links.get().evidence, by=owner, title="Better title")

    assert item_of(open_review, "T-3").status == "submitted"
    assert Contribution.objects.filter(review_item=row, user=owner).exists()


@pytest.mark.parametrize(
    "person, allowed",
    [("contributor", True), ("owner", True), ("office", True), ("second_contributor", False), ("technical", False),
     ("outsider", False)],
)  # fmt: skip
def test_who_withdraws_evidence(person, allowed, system, contributor, request):
    evidence = add(system, contributor)
    user = request.getfixturevalue(person)

    if allowed:
        gone = actions.withdraw_evidence(evidence, by=user, reason="Wrong run")
        assert (gone.withdrawn_by, gone.withdrawal_reason) == (user, "Wrong run")
    else:
        with pytest.raises(NotAllowed):
            actions.withdraw_evidence(evidence, by=user, reason="Wrong run")


def test_withdrawing_needs_a_reason_and_happens_once(system, contributor):
    evidence = add(system, contributor)

    with pytest.raises(RuleViolation, match="why"):
        actions.withdraw_evidence(evidence, by=contributor, reason=" ")
    actions.withdraw_evidence(evidence, by=contributor, reason="Wrong")
    with pytest.raises(RuleViolation, match="withdrawn"):
        actions.withdraw_evidence(evidence, by=contributor, reason="Again")


def test_withdrawn_evidence_reopens_every_item_that_passed_on_it(open_review, contributor, technical):
    row = pass_item(item_of(open_review, "T-3"), by=contributor, verifier=technical)
    evidence = row.evidence_links.get().evidence
    other = pass_item(item_of(open_review, "T-4"), by=contributor, verifier=technical)
    supply(other, by=contributor)
    actions.attach_evidence(other, by=contributor, evidence=evidence)
    actions.verify_item(other, by=technical)

    actions.withdraw_evidence(evidence, by=contributor, reason="Wrong run")

    assert item_of(open_review, "T-3").status == "in_progress"
    assert item_of(open_review, "T-4").status == "submitted"


def test_withdrawn_evidence_leaves_closed_reviews_as_they_were(open_review, contributor, technical, owner):
    row = pass_item(item_of(open_review, "T-3"), by=contributor, verifier=technical)
    actions.close_review(open_review, by=owner, reason="Over")

    actions.withdraw_evidence(row.evidence_links.get().evidence, by=contributor, reason="Wrong run")

    assert item_of(open_review, "T-3").status == "verified"


def test_the_database_wants_a_digest_for_a_file_and_days_in_order(system, contributor):
    evidence = add(system, contributor)

    for values in (
        {"file": "evidence/x"},
        {"valid_until": today() - timedelta(days=9)},
        {"kind": "rumour"},
        {"withdrawn_at": timezone.now()},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Evidence._base_manager.filter(pk=evidence.pk).update(**values)
