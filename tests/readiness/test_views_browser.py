"""The readiness room in a real browser: by keyboard, without scripts, narrow, dark, and accessible throughout."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from apps.readiness import actions
from apps.readiness.models import Condition, SignOff
from tests.browser import assert_accessible, assert_fits
from tests.fixtures_people import PASSWORD
from tests.fixtures_reviews import item_of, sign, supply

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ready(open_review, pass_items):
    """The business section is ready to be signed."""
    pass_items(open_review, ["B-5"])
    return open_review


def sign_address(review):
    return f"{review.get_absolute_url()}sections/business/sign/"


def tab_to(page, selector):
    """Press Tab until the focus is where ``selector`` says."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} cannot be reached by keyboard")


def test_a_first_time_signer_signs_by_keyboard_on_a_phone(ready, business, open_page):
    page = open_page(business, sign_address(ready), width=360, timezone_id="Europe/Berlin")
    assert_accessible(page)
    assert_fits(page)

    tab_to(page, "[name=meaning]")
    page.keyboard.press("Space")
    tab_to(page, "[name=password]")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()
    assert_accessible(page)
    tab_to(page, "[name=password]")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")

    expect(page.get_by_text("your signature is on record")).to_be_visible()
    assert_accessible(page)
    assert_fits(page)
    signed = SignOff.objects.get()
    assert (signed.signer, signed.zone) == (business, "Europe/Berlin")


def test_everything_works_without_scripts(ready, business, contributor, owner, open_page):
    page = open_page(contributor, item_of(ready, "B-1").get_absolute_url(), javascript=False)
    page.get_by_label("How is this fulfilled?").fill("The sponsor supports it.")
    page.get_by_role("button", name="Save as a draft").click()
    page.locator("summary", has_text="Add evidence").click()
    page.get_by_text("Link", exact=True).click()
    expect(page.locator("#evidence_upload")).to_be_hidden()
    page.get_by_label("Title").fill("Minutes")
    page.get_by_label("Address").fill("https://example.org/minutes")
    page.get_by_role("button", name="Add and attach").click()
    expect(page.get_by_role("link", name="Minutes", exact=True)).to_be_visible()

    page = open_page(business, sign_address(ready), javascript=False)
    page.get_by_role("radio", name="I approve").check()
    page.locator("summary", has_text="Approve under conditions").click()
    expect(page.get_by_role("group", name="Condition 2")).to_be_hidden()
    page.get_by_label("What has to happen").first.fill("Train the night shift.")
    expect(page.get_by_role("group", name="Condition 2")).to_be_visible()
    page.get_by_label("Who sees to it").first.select_option(label="Owner")
    page.get_by_label("Until when").first.fill((timezone.localdate() + timedelta(days=9)).isoformat())
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Sign as Business").click()

    expect(page.get_by_text("your signature is on record")).to_be_visible()
    assert Condition.objects.get().owner == owner


@pytest.mark.parametrize("width, dark", [(360, True), (1280, False)])
def test_every_page_is_accessible_and_fits(ready, business, contributor, open_page, width, dark):
    evidence = supply(item_of(ready, "T-2"), by=contributor, note="A note")
    actions.add_comment(item_of(ready, "T-2"), by=contributor, text="A comment")
    actions.answer_item(item_of(ready, "T-2"), by=contributor, answer="Done.", submit=True)
    signed = sign(ready, "business", by=business)
    review = ready.get_absolute_url()

    page = open_page(contributor, "/catalogue/", width=width, dark=dark)
    for address in (
        "/catalogue/",
        "/systems/claims-triage/readiness/",
        "/systems/claims-triage/evidence/",
        "/systems/claims-triage/evidence/new/",
        review,
        f"{review}versions/",
        f"{review}print/",
        f"{review}items/T-2/?history=1",
        f"{review}sections/technical/sign/",
        evidence.get_absolute_url(),
        f"{evidence.get_absolute_url()}edit/",
        f"{evidence.get_absolute_url()}withdraw/",
        f"/signoffs/{signed.uid}/",
    ):
        page.goto(address)
        # Folded parts count as well.
        page.evaluate(
            "document.querySelectorAll('main details:not(.event-diff)').forEach(fold => { fold.open = true })"
        )
        assert_accessible(page)
        assert_fits(page)
