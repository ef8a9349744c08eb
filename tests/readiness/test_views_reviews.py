"""Pages of reviews: a system's readiness, one review, its print, the checklist."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.readiness import actions
from apps.readiness.models import Review
from apps.registry import actions as registry
from tests.fixtures_reviews import item_of, pass_item, sign, supply

pytestmark = pytest.mark.django_db
READINESS = "/systems/claims-triage/readiness/"


# --- The checklist ----------------------------------------------------------------------------------------------------
def test_everybody_signed_in_reads_the_checklist(outsider, as_user):
    page = as_user(outsider).get("/catalogue/")

    text = page.content.decode()
    assert as_user(None).get("/catalogue/").status_code == 302
    assert text.count('class="entry"') == 32
    assert "from Limited beta" in text
    assert "ISO/IEC 42001:2023" in text


def test_the_checklist_is_searched_by_control(outsider, as_user):
    page = as_user(outsider).get("/catalogue/", {"q": "Article 12"})

    assert 0 < page.context["found"] < 10
    assert as_user(outsider).get("/catalogue/", {"q": "nothing like it"}).context["found"] == 0


def test_an_unknown_version_of_the_checklist_is_not_found(outsider, as_user):
    assert as_user(outsider).get("/catalogue/", {"version": "1999.01"}).status_code == 404


# --- The reviews of a system ------------------------------------------------------------------------------------------
def test_a_system_is_invisible_to_strangers(system, outsider, as_user):
    assert as_user(None).get(READINESS).status_code == 302
    assert as_user(outsider).get(READINESS).status_code == 404


def test_without_a_review_the_page_says_what_to_do(system, viewer, owner, as_user):
    for_viewer = as_user(viewer).get(READINESS).content.decode()
    for_owner = as_user(owner).get(READINESS).content.decode()

    assert "No review yet" in for_viewer
    assert "Open the review" not in for_viewer
    assert "Open the review" in for_owner


def test_a_review_is_opened_towards_a_phase(system, version, owner, as_user):
    response = as_user(owner).post(READINESS, {"phase": "limited_beta", "versions": [version.pk]})

    review = Review.objects.get()
    assert response["Location"] == review.get_absolute_url()
    assert (review.phase, review.opened_by) == ("limited_beta", owner)
    assert [row.model_version for row in review.reviewed_versions.all()] == [version]


def test_who_may_not_open_a_review(system, viewer, as_user):
    assert as_user(viewer).post(READINESS, {"phase": "limited_beta"}).status_code == 403
    assert not Review.objects.exists()


@pytest.mark.parametrize("phase", ["", "idea", "retired", "moon"])
def test_a_phase_without_reviews_comes_back(system, owner, as_user, phase):
    assert as_user(owner).post(READINESS, {"phase": phase}).status_code == 422


def test_a_second_review_of_the_same_is_refused_in_words(open_review, owner, as_user):
    response = as_user(owner).post(READINESS, {"phase": "limited_beta"})

    assert response.status_code in (409, 422)
    assert response.context["form"].errors
    assert Review.objects.count() == 1


def test_the_page_shows_how_far_each_section_is(ready_review, technical, viewer, as_user):
    sign(ready_review, "technical", by=technical)

    text = as_user(viewer).get(READINESS).content.decode()

    assert "Signed by Technical on" in text
    assert "required: 2 of 2 passed" in text


# --- One review -------------------------------------------------------------------------------------------------------
def test_a_review_is_invisible_to_strangers(open_review, outsider, inactive, as_user):
    address = open_review.get_absolute_url()
    assert as_user(None).get(address).status_code == 302
    assert as_user(outsider).get(address).status_code == 404
    assert as_user(outsider).get(f"{address}print/").status_code == 404
    assert as_user(outsider).post(f"{address}close/", {"reason": "R"}).status_code == 404


def test_a_missing_review_is_not_found(system, viewer, as_user):
    assert as_user(viewer).get(f"/reviews/{uuid.uuid4()}/").status_code == 404


def test_the_board_shows_both_numbers_and_what_is_required(open_review, contributor, technical, viewer, as_user):
    pass_item(item_of(open_review, "T-3"), by=contributor, verifier=technical)

    page = as_user(viewer).get(open_review.get_absolute_url())

    board = page.context["board"]
    assert (board.required.passed, board.required.total) == (1, 7)
    assert (board.all_items.passed, board.all_items.total) == (1, 32)
    assert page.content.decode().count("tick-required") == 7
    assert page.content.decode().count("tick-blocker") == sum(row.item.blocker for row in board.rows)


def test_what_does_not_apply_is_counted_apart(open_review, contributor, operational, viewer, as_user):
    vendor = item_of(open_review, "O-8")
    actions.propose_not_applicable(vendor, by=contributor, condition="no_external_vendor", reason="All our own.")
    actions.verify_item(vendor, by=operational)

    page = as_user(viewer).get(open_review.get_absolute_url())

    assert page.context["board"].all_items.words == "0 of 31 passed, 1 not applicable"
    assert "and 1 not applicable" in page.content.decode()


def test_filters_show_what_waits_and_what_is_missing(open_review, contributor, technical, as_user):
    supply(item_of(open_review, "T-3"), by=contributor)
    actions.answer_item(item_of(open_review, "T-3"), by=contributor, answer="Done.", submit=True)
    address = open_review.get_absolute_url()

    def shown(person, show):
        page = as_user(person).get(address, {"show": show})
        return [row.key for part in page.context["parts"] for row in part["rows"]]

    assert shown(technical, "mine") == ["T-3"]
    assert shown(contributor, "mine") == []
    assert len(shown(technical, "missing")) == 7
    assert len(shown(technical, "required")) == 7
    assert len(shown(technical, "all")) == len(shown(technical, "nonsense")) == 32


def test_assigned_items_wait_for_their_person(open_review, owner, contributor, as_user):
    actions.assign_item(item_of(open_review, "T-2"), by=owner, to=contributor)

    page = as_user(contributor).get(open_review.get_absolute_url())

    assert [row.key for row in page.context["mine"]] == ["T-2"]


def test_a_signer_finds_the_way_to_sign(ready_review, business, viewer, as_user):
    address = f"{ready_review.get_absolute_url()}sections/business/sign/"

    assert f'href="{address}"' in as_user(business).get(ready_review.get_absolute_url()).content.decode()
    assert address not in as_user(viewer).get(ready_review.get_absolute_url()).content.decode()


def test_a_signer_reads_why_not_yet(open_review, business, as_user):
    text = as_user(business).get(open_review.get_absolute_url()).content.decode()

    assert "You cannot sign yet: Before this section can be signed, these items have to pass: B-5" in text


def test_the_board_says_unsigned_since_when_and_why(signed_review, second_contributor, viewer, as_user):
    actions.answer_item(item_of(signed_review, "T-3"), by=second_contributor, answer="Other words.")

    text = as_user(viewer).get(signed_review.get_absolute_url()).content.decode()

    assert "because the answer to T-3 Security changed (Second Contributor)" in text


def test_as_of_shows_the_review_before_it_changed(signed_review, second_contributor, owner, viewer, as_user):
    moment = timezone.now()
    actions.answer_item(item_of(signed_review, "T-3"), by=second_contributor, answer="Other words.")
    actions.close_review(signed_review, by=owner, reason="Replaced")

    page = as_user(viewer).get(signed_review.get_absolute_url(), {"as_of": moment.isoformat()})

    board = page.context["board"]
    assert (board.signed, board.required.passed) == (4, 7)
    assert board.review.state == "open"
    assert "You are looking at this as of" in page.content.decode()


@pytest.mark.parametrize("path", ["", "print/", "items/T-3/"])
def test_a_moment_before_the_review_or_nonsense_does_no_harm(open_review, viewer, as_user, path):
    address = open_review.get_absolute_url() + path
    assert as_user(viewer).get(address, {"as_of": "soon"}).status_code == 200
    assert as_user(viewer).get(address, {"as_of": "2001-01-01"}).status_code in (200, 404)


def test_the_cost_of_the_board_does_not_grow(ready_review, contributor, viewer, as_user, django_assert_max_num_queries):
    client = as_user(viewer)
    client.get(ready_review.get_absolute_url())
    with django_assert_max_num_queries(14) as few:
        client.get(ready_review.get_absolute_url())
    for key in ("T-1", "O-1", "B-1", "G-1"):
        supply(item_of(ready_review, key), by=contributor)
        actions.answer_item(item_of(ready_review, key), by=contributor, answer="A")
        actions.add_comment(item_of(ready_review, key), by=contributor, text="C")
    with django_assert_max_num_queries(14) as many:
        client.get(ready_review.get_absolute_url())
    assert len(many) == len(few)


# --- Closing, versions, paper -----------------------------------------------------------------------------------------
def test_a_review_is_closed_with_a_reason(open_review, owner, viewer, as_user):
    address = f"{open_review.get_absolute_url()}close/"

    assert as_user(viewer).get(address).status_code == 403
    assert as_user(owner).get(address).status_code == 200
    assert as_user(owner).post(address, {"version": open_review.version, "reason": ""}).status_code == 422
    assert as_user(owner).post(address, {"version": open_review.version, "reason": "Over"}).status_code == 302
    open_review.refresh_from_db()
    assert (open_review.state, open_review.close_reason) == ("closed", "Over")


def test_closing_what_changed_meanwhile_is_refused(open_review, owner, version, as_user):
    actions.change_reviewed_versions(open_review, by=owner, versions=[])

    response = as_user(owner).post(f"{open_review.get_absolute_url()}close/", {"version": 1, "reason": "Over"})

    assert response.status_code == 409


def test_the_versions_of_a_review_are_chosen(open_review, version, owner, viewer, contributor, as_user):
    newer = registry.register_version(version.model, by=contributor, artefact_digest="b" * 64)
    address = f"{open_review.get_absolute_url()}versions/"

    page = as_user(owner).get(address)
    as_user(owner).post(address, {"version": open_review.version, "versions": [newer.pk]})

    assert as_user(viewer).get(address).status_code == 403
    assert page.context["form"].initial["versions"] == [version.pk]
    assert [row.model_version for row in open_review.reviewed_versions.all()] == [newer]


def test_the_print_holds_answers_evidence_and_signatures(signed_review, contributor, viewer, as_user):
    response = as_user(viewer).get(f"{signed_review.get_absolute_url()}print/")

    text = response.content.decode()
    assert response.status_code == 200
    assert 'id="app-nav"' not in text
    assert "Done, see the report for T-3." in text
    assert "Report for T-3" in text
    assert text.count('class="signature') >= 4
    for row in signed_review.sign_offs.select_related("snapshot"):
        assert row.snapshot.sha256 in text
        assert row.statement in text


def test_conditions_wait_on_the_page_of_the_system(ready_review, technical, owner, viewer, as_user):
    due = timezone.localdate() + timedelta(days=4)
    sign(ready_review, "technical", by=technical, conditions=[{"text": "Test it.", "owner": owner, "due_on": due}])

    assert "Test it." in as_user(viewer).get(READINESS).content.decode()
