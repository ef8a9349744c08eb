"""The page of one item: what it shows to whom, and each form on it."""

import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from apps.readiness import actions
from apps.readiness.models import Evidence, EvidenceLink, ItemStatus
from tests.fixtures_reviews import item_of, pass_item, supply

pytestmark = pytest.mark.django_db


@pytest.fixture
def item(open_review):
    return item_of(open_review, "T-3")


def post(client, item, name, **data):
    return client.post(f"{item.get_absolute_url()}{name}/", data)


def messages_of(response):
    return [str(message) for message in response.context["messages"]]


# --- Looking ----------------------------------------------------------------------------------------------------------
def test_strangers_find_nothing(item, outsider, as_user):
    assert as_user(None).get(item.get_absolute_url()).status_code == 302
    assert as_user(outsider).get(item.get_absolute_url()).status_code == 404
    assert as_user(outsider).post(f"{item.get_absolute_url()}answer/", {}).status_code == 404


def test_a_missing_item_is_not_found(item, viewer, as_user):
    assert as_user(viewer).get(f"/reviews/{item.review.uid}/items/X-9/").status_code == 404
    assert as_user(viewer).get(f"/reviews/{uuid.uuid4()}/items/T-3/").status_code == 404


def test_a_viewer_reads_what_it_asks_for_and_has_no_forms(item, viewer, as_user):
    page = as_user(viewer).get(item.get_absolute_url())

    text = page.content.decode()
    assert page.status_code == 200
    assert "A threat model exists" in text
    assert "Required for Limited beta" in text
    assert '<form method="post" action="/reviews/' not in text


def test_a_get_of_a_form_address_leads_to_the_item(item, contributor, as_user):
    response = as_user(contributor).get(f"{item.get_absolute_url()}answer/")

    assert response.status_code == 302
    assert response["Location"] == item.get_absolute_url()


def test_what_people_type_is_never_markup(item, contributor, viewer, as_user):
    nasty = "<script>alert(1)</script>"
    actions.answer_item(item, by=contributor, answer=nasty)
    actions.add_comment(item, by=contributor, text=nasty)
    supply(item, by=contributor, title=nasty, note=nasty, url="https://example.org/?q=<script>")

    text = as_user(viewer).get(f"{item.get_absolute_url()}?history=1").content.decode()

    assert "<script>alert" not in text
    assert text.count("&lt;script&gt;alert(1)") >= 4


def test_the_history_is_shown_when_asked_for(item, contributor, viewer, as_user):
    actions.answer_item(item, by=contributor, answer="Threats are modelled.")

    without = as_user(viewer).get(item.get_absolute_url())
    with_it = as_user(viewer).get(f"{item.get_absolute_url()}?history=1")

    assert without.context["events"] is None
    assert [event.reason for event in with_it.context["events"]] == ["Answered"]
    assert "Threats are modelled." in with_it.content.decode()


# --- Answering --------------------------------------------------------------------------------------------------------
def test_a_draft_is_saved(item, contributor, as_user):
    response = post(as_user(contributor), item, "answer", version=item.version, answer="Half of it.")

    assert response.status_code == 302
    assert item_of(item.review, "T-3").status == ItemStatus.IN_PROGRESS


def test_an_answer_is_submitted(item, contributor, as_user):
    post(as_user(contributor), item, "answer", version=item.version, answer="All of it.", submit="1")

    assert item_of(item.review, "T-3").status == ItemStatus.SUBMITTED


def test_an_empty_answer_comes_back(item, contributor, as_user):
    response = post(as_user(contributor), item, "answer", version=item.version, answer=" ")

    assert response.status_code == 422
    assert "answer" in response.context["answer_form"].errors


def test_who_may_not_answer_is_told_so_before_anything_else(item, viewer, as_user):
    response = post(as_user(viewer), item, "answer", version="", answer="")

    assert response.status_code == 403
    assert "Only people who work on this system answer items." in response.content.decode()


def test_a_stale_answer_keeps_the_text_and_shows_what_changed(item, contributor, second_contributor, as_user):
    actions.answer_item(item, by=second_contributor, answer="Theirs, first.")

    response = post(as_user(contributor), item, "answer", version=item.version, answer="Mine, later.")

    text = response.content.decode()
    now = item_of(item.review, "T-3")
    assert response.status_code == 409
    assert now.answer == "Theirs, first."
    assert "Mine, later." in text
    assert "Theirs, first." in text
    assert f'name="version" value="{now.version}"' in text


def test_after_reading_what_changed_it_can_be_saved(item, contributor, second_contributor, as_user):
    actions.answer_item(item, by=second_contributor, answer="Theirs.")
    client = as_user(contributor)
    page = post(client, item, "answer", version=item.version, answer="Both.")
    seen = page.context["answer_form"]["version"].value()

    assert post(client, item, "answer", version=seen, answer="Both.").status_code == 302
    assert item_of(item.review, "T-3").answer == "Both."


def test_a_closed_review_refuses_beside_the_text(item, owner, contributor, as_user):
    actions.close_review(item.review, by=owner, reason="Replaced")

    response = post(as_user(contributor), item, "answer", version=item.version, answer="Too late.")

    assert response.status_code == 409
    assert "Too late." in response.content.decode()
    assert "This review is closed" in response.content.decode()


def test_setting_aside_offers_only_what_the_catalogue_allows(open_review, contributor, as_user):
    vendor = item_of(open_review, "O-8")

    wrong = post(as_user(contributor), vendor, "not-applicable", version=1, condition="made_up", reason="R")
    post(
        as_user(contributor), vendor, "not-applicable", version=1, condition="no_external_vendor", reason="All our own."
    )

    assert wrong.status_code == 422
    assert item_of(open_review, "O-8").proposes_not_applicable


def test_an_item_that_always_applies_cannot_be_set_aside(item, contributor, as_user):
    page = as_user(contributor).get(item.get_absolute_url())
    response = post(as_user(contributor), item, "not-applicable", version=1, condition="x", reason="R")

    assert not page.context["can_set_aside"]
    assert response.status_code == 422


def test_an_item_is_assigned(item, owner, contributor, as_user):
    due = timezone.localdate() + timedelta(days=3)
    post(as_user(owner), item, "assign", version=item.version, assigned_to=contributor.pk, due_on=due.isoformat())

    now = item_of(item.review, "T-3")
    assert (now.assigned_to, now.due_on) == (contributor, due)


def test_only_people_who_answer_can_be_assigned(item, owner, viewer, as_user):
    response = post(as_user(owner), item, "assign", version=item.version, assigned_to=viewer.pk)

    assert response.status_code == 422


# --- Evidence ---------------------------------------------------------------------------------------------------------
def evidence_data(**values):
    return {"kind": "link", "title": "Scan", "url": "https://example.org/scan", "effective_on": "2026-01-05"} | values


def test_a_link_is_added_and_attached(item, contributor, as_user):
    response = post(as_user(contributor), item, "evidence", **evidence_data())

    assert response.status_code == 302
    assert response["Location"].endswith("#evidence")
    assert EvidenceLink.objects.get(review_item=item).evidence.title == "Scan"


def test_a_file_is_hashed_and_offered_for_download(item, contributor, viewer, as_user):
    upload = SimpleUploadedFile("model.txt", b"Eleven threats.\n", content_type="text/html")
    post(as_user(contributor), item, "evidence", **evidence_data(kind="document", upload=upload))

    text = as_user(viewer).get(item.get_absolute_url()).content.decode()
    evidence = Evidence.objects.get()
    assert evidence.content_type == "text/plain"
    assert f"/evidence/{evidence.uid}/file/" in text
    assert evidence.sha256[:12] in text


@pytest.mark.parametrize(
    "data, field",
    [
        ({"kind": "document", "upload": ""}, "upload"),
        ({"kind": "document", "upload": SimpleUploadedFile("page.txt", b"<html><script>1</script></html>")}, "upload"),
        ({"kind": "document", "upload": SimpleUploadedFile("tool.exe", b"MZ\x90\x00")}, "upload"),
        ({"kind": "document", "upload": SimpleUploadedFile("empty.txt", b"")}, "upload"),
        ({"kind": "document", "upload": SimpleUploadedFile("report.pdf", b"not a pdf")}, "upload"),
        ({"url": ""}, "url"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"title": " "}, "title"),
        ({"kind": "attestation"}, "note"),
        ({"kind": "carrier_pigeon"}, "kind"),
        ({"effective_on": "2999-01-01"}, "effective_on"),
        ({"valid_until": "2026-01-04"}, "valid_until"),
        ({"effective_on": ""}, "effective_on"),
    ],
)
def test_evidence_that_cannot_count_comes_back_with_the_reason_at_its_field(item, contributor, as_user, data, field):
    response = post(as_user(contributor), item, "evidence", **evidence_data(**data))

    assert response.status_code == 422
    assert list(response.context["evidence_form"].errors) == [field]
    assert not Evidence.objects.exists()


def test_what_belongs_to_another_kind_is_not_kept(item, contributor, as_user):
    post(as_user(contributor), item, "evidence", **evidence_data(kind="attestation", note="I saw it.", reference="X-1"))

    evidence = Evidence.objects.get()
    assert (evidence.url, evidence.reference, evidence.note) == ("", "", "I saw it.")


def test_evidence_is_used_again(open_review, item, contributor, as_user):
    evidence = supply(item_of(open_review, "T-4"), by=contributor)

    offered = as_user(contributor).get(item.get_absolute_url()).context["attach_form"].fields["evidence"].queryset
    response = post(as_user(contributor), item, "evidence/attach", evidence=str(evidence.uid))

    assert list(offered) == [evidence]
    assert response.status_code == 302
    assert evidence.links.count() == 2


def test_evidence_of_another_system_is_not_on_offer(item, contributor, office, as_user):
    from apps.registry import actions as registry

    other = registry.register_system(by=contributor, name="Other", purpose="Something else entirely.")
    foreign = actions.add_evidence(
        other, by=contributor, kind="link", title="F", url="https://e.org", effective_on=timezone.localdate()
    )

    response = post(as_user(contributor), item, "evidence/attach", evidence=str(foreign.uid))

    assert response.status_code == 422
    assert not foreign.links.exists()


def test_evidence_is_detached_with_a_reason(item, contributor, as_user):
    link = supply(item, by=contributor).links.get()
    client, address = as_user(contributor), f"evidence/{link.pk}/detach"

    asked = client.get(f"{item.get_absolute_url()}{address}/")
    without = post(client, item, address, reason="")
    post(client, item, address, reason="Wrong system")

    assert asked.status_code == 200
    assert without.status_code == 422
    assert not EvidenceLink.objects.filter(pk=link.pk).exists()


def test_a_viewer_neither_adds_nor_detaches(item, contributor, viewer, as_user):
    link = supply(item, by=contributor).links.get()

    assert post(as_user(viewer), item, "evidence", **evidence_data()).status_code == 403
    assert post(as_user(viewer), item, "evidence/attach").status_code == 403
    assert as_user(viewer).get(f"{item.get_absolute_url()}evidence/{link.pk}/detach/").status_code == 403


# --- Judging ----------------------------------------------------------------------------------------------------------
@pytest.fixture
def submitted(item, contributor):
    supply(item, by=contributor)
    actions.answer_item(item, by=contributor, answer="Done.", submit=True)
    return item_of(item.review, "T-3")


def test_a_second_person_verifies(submitted, technical, as_user):
    post(as_user(technical), submitted, "verify", version=submitted.version, note="Read the report.")

    now = item_of(submitted.review, "T-3")
    assert (now.status, now.verified_by, now.verification_note) == ("verified", technical, "Read the report.")


def test_the_author_sees_why_not_and_is_refused(submitted, contributor, as_user):
    page = as_user(contributor).get(submitted.get_absolute_url())
    response = post(as_user(contributor), submitted, "verify", version=submitted.version)

    assert "so somebody else verifies it" in page.content.decode()
    assert response.status_code == 403


def test_a_rejection_needs_words(submitted, technical, contributor, as_user):
    without = post(as_user(technical), submitted, "reject", version=submitted.version, note="")
    post(as_user(technical), submitted, "reject", version=submitted.version, note="The scan is missing.")

    page = as_user(contributor).get(submitted.get_absolute_url())
    assert without.status_code == 422
    assert item_of(submitted.review, "T-3").status == "rejected"
    assert "The scan is missing." in page.content.decode()


def test_a_verdict_on_an_answer_that_changed_meanwhile_is_refused(submitted, technical, second_contributor, as_user):
    actions.answer_item(submitted, by=second_contributor, answer="Changed.", submit=True)

    response = post(as_user(technical), submitted, "verify", version=submitted.version)

    assert response.status_code == 409
    assert item_of(submitted.review, "T-3").status == "submitted"


def test_verifying_without_evidence_is_refused_in_words(item, contributor, technical, as_user):
    actions.answer_item(item, by=contributor, answer="Trust me.", submit=True)
    now = item_of(item.review, "T-3")

    response = post(as_user(technical), now, "verify", version=now.version)

    assert response.status_code == 409
    assert "There is no usable evidence yet" in response.content.decode()


def test_a_verified_item_is_taken_up_again(item, contributor, technical, as_user):
    pass_item(item, by=contributor, verifier=technical)
    now = item_of(item.review, "T-3")

    page = as_user(contributor).get(now.get_absolute_url())
    post(as_user(contributor), now, "reopen", version=now.version, reason="New finding")

    assert "Take it up again" in page.content.decode()
    assert item_of(item.review, "T-3").status == "in_progress"


def test_submitting_what_is_stored(item, contributor, viewer, as_user):
    actions.answer_item(item, by=contributor, answer="Done.")

    refused = post(as_user(viewer), item, "submit")
    accepted = post(as_user(contributor), item, "submit")

    assert (refused.status_code, accepted.status_code) == (403, 302)
    assert item_of(item.review, "T-3").status == "submitted"


def test_people_talk(item, technical, viewer, as_user):
    response = post(as_user(technical), item, "comments", text="Is the widget included?")

    assert response.status_code == 302
    assert "Is the widget included?" in as_user(viewer).get(item.get_absolute_url()).content.decode()
    assert post(as_user(viewer), item, "comments", text="Me too").status_code == 403
    assert post(as_user(technical), item, "comments", text="").status_code == 422


# --- Then and now -----------------------------------------------------------------------------------------------------
def test_as_of_shows_the_answer_of_that_moment_without_forms(item, contributor, as_user):
    actions.answer_item(item, by=contributor, answer="The first words.")
    evidence = supply(item, by=contributor)
    moment = timezone.now()
    actions.answer_item(item, by=contributor, answer="The second words.")
    actions.detach_evidence(evidence.links.get(), by=contributor, reason="Wrong")

    page = as_user(contributor).get(item.get_absolute_url(), {"as_of": moment.isoformat(), "history": "1"})

    text = page.content.decode()
    assert page.status_code == 200
    assert "The first words." in text
    assert "The second words." not in text
    assert evidence.title in text
    assert "You are looking at this as of" in text
    assert "data-guard" not in text


def test_the_page_costs_the_same_with_much_evidence(item, contributor, viewer, as_user, django_assert_max_num_queries):
    client = as_user(viewer)
    supply(item, by=contributor)
    client.get(item.get_absolute_url())
    with django_assert_max_num_queries(20) as few:
        client.get(item.get_absolute_url())
    for number in range(5):
        supply(item, by=contributor, title=f"Report {number}")
        actions.add_comment(item, by=contributor, text=f"Comment {number}")
    with django_assert_max_num_queries(20) as many:
        client.get(item.get_absolute_url())
    assert len(many) == len(few)
