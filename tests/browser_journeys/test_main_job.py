"""
The main job as people do it, in a real browser: register, review, evidence, verification, four signatures by four
people, the gate granted; then an answer changes and the gate is closed again.
"""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from apps.accounts.models import User
from apps.readiness.models import Review
from apps.registry import actions as registry
from apps.registry.models import AISystem, Phase
from tests.browser import assert_accessible, assert_fits
from tests.fixtures_people import PASSWORD, SYSTEM_ROLES
from tests.fixtures_reviews import item_of, pass_item

pytestmark = pytest.mark.django_db(transaction=True)

OpenPage = Callable[..., Page]


def save(page: Page, button: str) -> None:
    page.get_by_role("button", name=button, exact=True).click()
    page.wait_for_load_state()


def check(page: Page) -> None:
    assert_accessible(page)
    assert_fits(page)


def register(page: Page) -> AISystem:
    """The owner registers with a name and a purpose, then states the facts and the model version."""
    page.goto("/")
    page.get_by_role("link", name="Register a system").first.click()
    page.get_by_role("textbox", name="Name", exact=True).fill("Meter reading checker")
    page.locator("#id_purpose").fill("Flags meter readings that look wrong, so that a clerk looks at them first.")
    check(page)
    save(page, "Register")
    system = AISystem.objects.get()
    expect(page).to_have_url(re.compile(system.get_absolute_url()))
    expect(page.get_by_role("heading", level=1)).to_have_text("Meter reading checker")

    page.goto(f"/systems/{system.slug}/edit/")
    page.locator("#id_fallback").fill("Clerks check by hand; the shift lead decides.")
    page.locator("#id_affected_people").fill("Households whose bill depends on it.")
    save(page, "Save")

    page.goto(f"/systems/{system.slug}/models/")
    page.get_by_role("textbox", name="Name", exact=True).fill("meter-checker")
    save(page, "Register the model")
    if not page.locator("[name=artefact_digest]").count():
        page.get_by_role("link", name="Add a version").click()
    page.locator("[name=artefact_digest]").fill("sha256:" + "b" * 64)
    page.locator("form:has([name=artefact_digest]) button[type=submit]").click()
    page.wait_for_load_state()
    page.goto(f"/systems/{system.slug}/models/")
    use = page.get_by_role("button", name=re.compile("^Use"))
    if use.count():
        use.first.click()
        page.wait_for_load_state()
    expect(page.get_by_text("In use", exact=True).last).to_be_visible()
    check(page)
    return system


def give_roles(system: AISystem, office: User, request: pytest.FixtureRequest) -> None:
    for name, role in SYSTEM_ROLES.items():
        registry.grant_role(system, by=office, role=role, user=request.getfixturevalue(name), tell=False)


def answer_with_evidence(page: Page, review: Review, key: str) -> None:
    page.goto(f"/reviews/{review.uid}/items/{key}/")
    check(page)
    add = page.locator("details:has(form[action$='/evidence/'])").first
    if add.count() and add.get_attribute("open") is None:
        add.locator("summary").first.click()
    form = page.locator("form[action$='/evidence/']")
    form.locator("[name=kind][value=document]").check()
    form.locator("[name=upload]").set_input_files(
        {"name": "kpi.txt", "mimeType": "text/plain", "buffer": b"Baseline 6.40, target 5.20, last value 5.65.\n"}
    )
    form.locator("[name=title]").fill("KPI record with baseline")
    form.locator("button[type=submit]").click()
    page.wait_for_load_state()
    expect(page.get_by_text("KPI record with baseline").first).to_be_visible()
    page.locator("form[action$='/answer/'] [name=answer]").fill("The KPI has a baseline of twelve weeks and a target.")
    page.locator("form[action$='/answer/'] button[name=submit]").click()
    page.wait_for_load_state()


def verify(page: Page, review: Review, key: str) -> None:
    page.goto(f"/reviews/{review.uid}/items/{key}/")
    page.locator("form[action$='/verify/'] [name=note]").fill("Read the record and compared it with the ledger.")
    save(page, "Verify")
    check(page)


def sign(page: Page, review: Review, section: str) -> None:
    page.goto(f"/reviews/{review.uid}/sections/{section}/sign/")
    check(page)
    page.locator("[name=meaning][value=approval]").check()
    page.locator("form [name=password]").fill(PASSWORD)
    page.get_by_role("button", name=re.compile("^Sign as")).click()
    page.wait_for_load_state()
    expect(page.get_by_text(re.compile("SHA-256")).first).to_be_visible()


def test_from_registration_to_a_granted_gate_and_back(
    open_page: OpenPage,
    owner: User,
    contributor: User,
    technical: User,
    operational: User,
    business: User,
    governance: User,
    office: User,
    request: pytest.FixtureRequest,
) -> None:
    mine = open_page(owner)
    system = register(mine)
    give_roles(system, office, request)

    # The gate says what is missing before anybody has done anything.
    mine.goto(f"/systems/{system.slug}/gates/pilot/")
    expect(mine.get_by_text("Cannot enter Pilot: 1 thing is missing.").first).to_be_visible()
    check(mine)

    mine.goto(f"/systems/{system.slug}/readiness/")
    mine.get_by_label("Which phase is it for?").select_option("limited_beta")
    save(mine, "Open the review")
    review = Review.objects.get()
    check(mine)

    theirs = open_page(contributor)
    answer_with_evidence(theirs, review, "B-5")
    approver = open_page(business)
    verify(approver, review, "B-5")

    # One item was answered and verified by hand; the others of this phase follow the same way.
    verifiers = {"T": technical, "O": operational, "G": governance}
    for key in ("T-3", "T-4", "O-2", "O-3", "G-2", "G-6"):
        pass_item(item_of(review, key), by=contributor, verifier=verifiers[key[0]])

    mine.goto(f"/systems/{system.slug}/gates/pilot/")
    save(mine, "Move it to Pilot")
    mine.goto(f"/systems/{system.slug}/gates/limited_beta/")
    expect(mine.get_by_text("Cannot enter Limited beta: 4 things are missing.").first).to_be_visible()

    people = {"technical": technical, "operational": operational, "business": business, "governance": governance}
    for section, person in people.items():
        sign(open_page(person), review, section)

    mine.goto(f"/systems/{system.slug}/gates/limited_beta/")
    expect(mine.get_by_text("May enter Limited beta.").first).to_be_visible()
    save(mine, "Move it to Limited beta")
    system.refresh_from_db()
    assert system.phase == Phase.LIMITED_BETA

    # Somebody changes what was signed: the signature ends, and the gate closes by itself.
    theirs.goto(f"/reviews/{review.uid}/items/B-5/")
    change = theirs.locator("details:has(form[action$='/answer/']) > summary")
    if change.count():
        change.first.click()
    theirs.locator("form[action$='/answer/'] [name=answer]").fill("The target was lowered.")
    theirs.locator("form[action$='/answer/'] button[name=submit]").click()
    theirs.wait_for_load_state()

    mine.goto(f"/systems/{system.slug}/gates/limited_beta/")
    expect(mine.get_by_text(re.compile("Is in Limited beta, but 2 things are missing")).first).to_be_visible()
    mine.goto(f"/reviews/{review.uid}/")
    expect(mine.get_by_text(re.compile("Unsigned since")).first).to_be_visible()
    check(mine)
