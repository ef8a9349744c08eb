"""Signing in the browser: what is shown, what is refused and how, and what happens afterwards."""

import hashlib
import json
from datetime import timedelta

import pytest
from django.utils import timezone

from apps.readiness import actions
from apps.readiness.models import Condition, SignOff
from tests.fixtures_people import PASSWORD
from tests.fixtures_reviews import item_of, sign

pytestmark = pytest.mark.django_db


@pytest.fixture
def ready(open_review, pass_items):
    """The business section is ready to be signed."""
    pass_items(open_review, ["B-5"])
    return open_review


def address(review, section="business"):
    return f"{review.get_absolute_url()}sections/{section}/sign/"


def filled(page, **values):
    """The form as the page sent it, with what the signer adds."""
    hidden = {field.html_name: field.value() for field in page.context["form"].hidden_fields()}
    return hidden | {"meaning": "approval", "password": PASSWORD, "comment": ""} | values


@pytest.fixture
def open_page(ready, business, as_user):
    """``client, page``: the signer has opened the page."""
    client = as_user(business)
    return client, client.get(address(ready))


# --- What is shown ----------------------------------------------------------------------------------------------------
def test_strangers_find_nothing(ready, outsider, as_user):
    assert as_user(None).get(address(ready)).status_code == 302
    assert as_user(outsider).get(address(ready)).status_code == 404
    assert as_user(outsider).post(address(ready), {}).status_code == 404


def test_an_unknown_section_is_not_found(ready, business, as_user):
    assert as_user(business).get(address(ready, "astrology")).status_code == 404


def test_the_page_shows_what_the_digest_is_about(open_page):
    _, page = open_page

    text = page.content.decode()
    assert page.status_code == 200
    assert "Done, see the report for B-5." in text
    assert "Report for B-5" in text
    assert "Sorts incoming claims by urgency." in text
    assert "The business wants this system" in text
    assert page.context["sha256"] in text
    assert page["Cache-Control"].startswith("max-age=0")


def test_a_code_is_asked_for_only_with_a_second_factor(open_page, ready, business, as_user):
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    _, page = open_page
    assert "code" not in page.context["form"].fields

    TOTP.activate(business, generate_totp_secret())
    assert "code" in as_user(business).get(address(ready)).context["form"].fields


def test_who_may_not_sign_reads_why(ready, viewer, as_user):
    page = as_user(viewer).get(address(ready))

    assert page.status_code == 200
    assert page.context["form"] is None
    assert "You are not business approver of this system" in page.content.decode()
    assert as_user(viewer).post(address(ready), {}).status_code == 403


def test_open_items_are_named_with_links_and_the_section_can_be_rejected(open_review, business, as_user):
    page = as_user(business).get(address(open_review))

    text = page.content.decode()
    assert "This section cannot be approved yet" in text
    assert f'href="{open_review.get_absolute_url()}items/B-5/"' in text
    assert "I approve" not in text
    assert "Reject this section instead" in text


def test_an_approval_with_open_items_is_refused_whatever_the_form_says(open_review, business, as_user):
    client = as_user(business)
    page = client.get(address(open_review))

    response = client.post(address(open_review), filled(page))

    assert response.status_code == 409
    assert not SignOff.objects.exists()


# --- Signing ----------------------------------------------------------------------------------------------------------
def test_a_signature_is_given(open_page, ready, business):
    client, page = open_page
    client.cookies["tz"] = "Europe/Berlin"

    response = client.post(address(ready), filled(page, comment="Well prepared."))

    signed = SignOff.objects.get()
    assert response["Location"] == f"/signoffs/{signed.uid}/"
    assert (signed.signer, signed.meaning, signed.comment) == (business, "approval", "Well prepared.")
    assert signed.snapshot.sha256 == page.context["sha256"]
    assert signed.zone == "Europe/Berlin"


def test_the_zone_of_the_profile_wins(open_page, ready, business):
    client, page = open_page
    business.timezone = "America/New_York"
    business.save()
    client.cookies["tz"] = "Europe/Berlin"

    client.post(address(ready), filled(page))

    assert SignOff.objects.get().zone == "America/New_York"


@pytest.mark.parametrize(
    "values, field",
    [
        ({"meaning": ""}, "meaning"),
        ({"meaning": "perhaps"}, "meaning"),
        ({"password": ""}, "password"),
        ({"password": "wrong"}, "password"),
        ({"meaning": "rejection"}, "comment"),
        ({"condition_1": "Test it."}, "condition_1_owner"),
        ({"condition_2_due": "2999-01-01"}, "condition_2"),
    ],
)
def test_errors_are_at_their_field_and_nothing_is_signed(open_page, ready, values, field):
    client, page = open_page

    response = client.post(address(ready), filled(page, **values))

    assert response.status_code == 422
    assert field in response.context["form"].errors
    assert PASSWORD not in response.content.decode()
    assert not SignOff.objects.exists()


def test_a_wrong_password_keeps_the_rest(open_page, ready, owner):
    client, page = open_page
    due = (timezone.localdate() + timedelta(days=3)).isoformat()
    conditions = {"condition_1": "Test it.", "condition_1_owner": owner.pk, "condition_1_due": due}

    response = client.post(address(ready), filled(page, password="wrong", comment="Good.", **conditions))

    text = response.content.decode()
    assert "That is not your password. Nothing was signed." in text
    assert "Test it." in text
    assert "Good." in text
    assert due in text


def test_conditions_become_tasks(open_page, ready, owner):
    client, page = open_page
    due = timezone.localdate() + timedelta(days=3)

    client.post(
        address(ready),
        filled(page, condition_1="Test it.", condition_1_owner=owner.pk, condition_1_due=due.isoformat()),
    )

    condition = Condition.objects.get()
    assert (condition.text, condition.owner, condition.due_on) == ("Test it.", owner, due)


def test_a_section_is_rejected(open_review, business, as_user):
    client = as_user(business)
    page = client.get(address(open_review))

    client.post(address(open_review), filled(page, meaning="rejection", comment="There is no baseline."))

    signed = SignOff.objects.get()
    assert (signed.meaning, signed.comment) == ("rejection", "There is no baseline.")


def test_what_changed_while_reading_is_named_and_nothing_is_signed(open_page, ready, contributor):
    client, page = open_page
    actions.answer_item(item_of(ready, "B-1"), by=contributor, answer="New words.")

    response = client.post(address(ready), filled(page))

    text = response.content.decode()
    assert response.status_code == 409
    assert "It changed while you were reading" in text
    assert "B-1 Stakeholders" in text
    assert "New words." in text
    assert f'href="{address(ready)}"' in text
    assert not SignOff.objects.exists()


def test_a_mistake_in_the_form_does_not_hide_a_change(open_page, ready, contributor):
    client, page = open_page
    actions.answer_item(item_of(ready, "B-1"), by=contributor, answer="New words.")

    assert client.post(address(ready), filled(page, password="")).status_code == 409


@pytest.mark.parametrize("seen", ["", "[]", "not json", '{"a": "b"}'])
def test_a_tampered_form_signs_nothing(open_page, ready, seen):
    client, page = open_page

    assert client.post(address(ready), filled(page, seen=seen)).status_code == 422
    assert client.post(address(ready), filled(page, digest="0" * 64)).status_code == 409
    assert not SignOff.objects.exists()


def test_a_signed_section_is_not_signed_again(open_page, ready, business):
    client, page = open_page
    sign(ready, "business", by=business)

    again = client.get(address(ready))
    response = client.post(address(ready), filled(page))

    assert "This section is signed" in again.content.decode()
    assert response.status_code == 409
    assert SignOff.objects.count() == 1


# --- Afterwards -------------------------------------------------------------------------------------------------------
@pytest.fixture
def signed(ready, business, owner):
    due = timezone.localdate() + timedelta(days=4)
    return sign(ready, "business", by=business, conditions=[{"text": "Test it.", "owner": owner, "due_on": due}])


def page_of(signed):
    return f"/signoffs/{signed.uid}/"


def test_a_signature_is_shown_with_everything_that_belongs_to_it(signed, viewer, outsider, as_user):
    text = as_user(viewer).get(page_of(signed)).content.decode()

    assert as_user(None).get(page_of(signed)).status_code == 302
    assert as_user(outsider).get(page_of(signed)).status_code == 404
    for words in (signed.signer_name, "Business approver", signed.statement, signed.snapshot.sha256, "Test it."):
        assert words in text
    assert "Take your signature back" not in text


def test_the_signed_bytes_can_be_checked(signed, viewer, outsider, as_user):
    content = as_user(viewer).get(f"{page_of(signed)}snapshot.json")
    signature = as_user(viewer).get(f"{page_of(signed)}signature.json")

    assert hashlib.sha256(content.content).hexdigest() == signed.snapshot.sha256
    assert hashlib.sha256(signature.content).hexdigest() == signed.payload_sha256
    assert json.loads(signature.content)["content"]["sha256"] == signed.snapshot.sha256
    assert content["Content-Disposition"].startswith("attachment")
    assert as_user(outsider).get(f"{page_of(signed)}snapshot.json").status_code == 404


def test_a_void_signature_says_since_when_and_why(signed, contributor, viewer, as_user):
    actions.answer_item(item_of(signed.review, "B-5"), by=contributor, answer="Other words.")

    text = as_user(viewer).get(page_of(signed)).content.decode()

    assert "Does not count" in text
    assert "because the answer to B-5 Success Metrics changed" in text
    assert "Done, see the report for B-5." in text


def test_the_signer_takes_it_back(signed, business, governance, as_user):
    address = f"{page_of(signed)}withdraw/"

    assert as_user(governance).post(address, {"reason": "Not mine"}).status_code == 403
    assert as_user(business).post(address, {"reason": ""}).status_code == 422
    assert as_user(business).post(address, {"reason": "I misread it"}).status_code == 302
    assert "took the signature back: I misread it" in as_user(business).get(page_of(signed)).content.decode()
    assert as_user(business).post(address, {"reason": "Again"}).status_code == 409


def test_a_condition_is_completed_by_its_owner(signed, owner, viewer, outsider, as_user):
    condition = Condition.objects.get()
    address = f"/conditions/{condition.pk}/"
    done = {"version": condition.version, "note": "Tested on Monday."}

    assert as_user(outsider).get(address).status_code == 404
    assert as_user(viewer).get(address).status_code == 200
    assert as_user(viewer).post(address, done).status_code == 403
    assert as_user(owner).post(address, done | {"note": ""}).status_code == 422
    assert as_user(owner).post(address, done).status_code == 302
    assert as_user(owner).post(address, done).status_code == 409
    assert "Tested on Monday." in as_user(viewer).get(address).content.decode()
