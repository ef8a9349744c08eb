"""Signing and every main page, in small, dark and plain windows, by keyboard, and under axe."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from apps.accounts.models import User
from apps.readiness.models import Review
from tests.browser import assert_accessible, assert_fits
from tests.fixtures_people import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)

OpenPage = Callable[..., Page]


VARIANTS = [
    pytest.param({"width": 360, "height": 740}, id="360-px"),
    pytest.param({"dark": True}, id="dark"),
    pytest.param({"javascript": False}, id="without-javascript"),
]


@pytest.mark.parametrize("window", VARIANTS)
def test_a_signer_signs_in_any_window(
    open_page: OpenPage, ready_review: Review, technical: User, owner: User, window: dict[str, Any]
) -> None:
    page = open_page(technical, "/", **window)
    page.get_by_role("link", name=re.compile("Sign|Read and sign")).first.click()
    page.wait_for_load_state()
    assert_fits(page)
    if window.get("javascript", True):
        assert_accessible(page)
    page.locator("[name=meaning][value=approval]").check()
    page.locator("form [name=password]").fill("not my password")
    page.get_by_role("button", name=re.compile("^Sign as")).click()
    expect(page.get_by_text(re.compile("not your password")).first).to_be_visible()
    page.locator("[name=meaning][value=approval]").check()
    page.locator("form [name=password]").fill(PASSWORD)
    page.get_by_role("button", name=re.compile("^Sign as")).click()
    page.wait_for_url("**/signoffs/**")

    assert ready_review.sign_offs.filter(signer=technical).count() == 1
    assert_fits(page)


def test_signing_with_the_keyboard_alone(open_page: OpenPage, ready_review: Review, technical: User) -> None:
    page = open_page(technical, f"/reviews/{ready_review.uid}/sections/technical/sign/")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent.trim()").lower().startswith("skip")
    visited = _tab_to(page, "[name=meaning]")
    page.keyboard.press("Space")
    visited += _tab_to(page, "[name=password]")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/signoffs/**")

    assert ready_review.sign_offs.filter(signer=technical).count() == 1
    assert visited < 80


def _tab_to(page: Page, selector: str) -> int:
    """Press Tab until the element has the focus, and see that the focus can be seen."""
    for presses in range(1, 80):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            style = page.evaluate(
                "() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle + s.boxShadow }"
            )
            assert style != "nonenone", f"no visible focus on {selector}"
            return presses
    raise AssertionError(f"the keyboard does not reach {selector}")


@pytest.mark.parametrize(
    ("width", "dark"),
    [
        pytest.param(1280, False, id="wide-light"),
        pytest.param(360, True, id="narrow-dark"),
        pytest.param(1280, True, id="wide-dark", marks=pytest.mark.deep),
        pytest.param(360, False, id="narrow-light", marks=pytest.mark.deep),
    ],
)
def test_every_main_page_is_accessible(
    open_page: OpenPage, signed_review: Review, office: User, org_admin: User, width: int, dark: bool
) -> None:
    slug = signed_review.system.slug
    page = open_page(office, width=width, dark=dark)
    signed = signed_review.sign_offs.first()
    evidence = signed_review.system.evidence.first()
    assert signed is not None
    assert evidence is not None
    for path in (
        "/",
        "/systems/",
        "/systems/new/",
        "/portfolio/",
        "/policy/",
        "/catalogue/",
        "/imports/",
        "/imports/new/",
        "/people/",
        "/people/bulk-roles/",
        "/teams/",
        "/invitations/new/",
        "/profile/",
        "/profile/tokens/",
        f"/systems/{slug}/",
        f"/systems/{slug}/edit/",
        f"/systems/{slug}/tier/",
        f"/systems/{slug}/people/",
        f"/systems/{slug}/models/",
        f"/systems/{slug}/gates/",
        f"/systems/{slug}/gates/limited_beta/",
        f"/systems/{slug}/suspend/",
        f"/systems/{slug}/readiness/",
        f"/systems/{slug}/evidence/",
        f"/systems/{slug}/history/",
        f"/reviews/{signed_review.uid}/",
        f"/reviews/{signed_review.uid}/items/T-3/",
        f"/reviews/{signed_review.uid}/print/",
        f"/signoffs/{signed.uid}/",
        evidence.get_absolute_url(),
    ):
        response = page.goto(path)
        assert response is not None
        assert response.status == 200, path
        assert_accessible(page)
        assert_fits(page)
