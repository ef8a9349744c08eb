"""The pages about people in a real browser: readable by everybody, at 360 px, in the dark, without JavaScript."""

import re
from typing import Any

import pytest
from django.core import mail
from playwright.sync_api import expect

from apps.accounts import actions
from apps.accounts.models import User
from apps.core import outbox
from tests.browser import assert_accessible, assert_fits
from tests.fixtures_people import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def paths(org_admin: User, viewer: User) -> list[str]:
    """Every page about people, with something on it."""
    team = actions.create_team(by=org_admin, name="Platform", description="Runs servers")
    actions.add_to_team(team, viewer, by=org_admin)
    actions.create_token(by=viewer, name="build pipeline", scopes=["read"])
    actions.create_token(by=org_admin, name="nightly export", scopes=["read", "import"])
    actions.invite(by=org_admin, email="nadia@example.org", full_name="Nadia Osei", team=team)
    own = ["/profile/", "/profile/tokens/"]
    teams = ["/teams/", "/teams/new/", f"/teams/{team.pk}/", f"/teams/{team.pk}/edit/"]
    return [*own, "/people/", f"/people/{viewer.uid}/", *teams, "/invitations/", "/invitations/new/"]


def test_pages_are_accessible_and_fit(open_page: Any, org_admin: User, paths: list[str]) -> None:
    wide, small = open_page(org_admin), open_page(org_admin, width=360, dark=True)
    for path in paths:
        wide.goto(path)
        assert_accessible(wide)
        small.goto(path)
        assert_accessible(small)
        assert_fits(small)


def test_an_invited_person_joins_without_javascript(open_page: Any, org_admin: User) -> None:
    actions.invite(by=org_admin, email="nadia@example.org", full_name="Nadia Osei")
    outbox.drain()
    (path,) = re.findall(r"/join/[\w-]+/", str(mail.outbox[0].body))
    page = open_page(None, path, javascript=False)

    page.get_by_label("User name").fill("nadia")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("The same password again").fill(PASSWORD)
    page.get_by_label("Time zone").select_option("Europe/Vienna")
    page.get_by_role("button", name="Make my account").click()

    expect(page).to_have_url(re.compile(r"/$"))
    page.goto(path)
    expect(page.get_by_role("heading", level=1)).to_have_text("Your account is there already")
    assert User.objects.get(username="nadia").timezone == "Europe/Vienna"


def test_the_page_of_an_invitation_is_accessible(open_page: Any, org_admin: User) -> None:
    actions.invite(by=org_admin, email="nadia@example.org", full_name="Nadia Osei")
    outbox.drain()
    (path,) = re.findall(r"/join/[\w-]+/", str(mail.outbox[0].body))
    page = open_page(None, path, width=360)
    assert_accessible(page)

    page.get_by_label("User name").fill("nadia")
    page.get_by_label("Password", exact=True).fill("short")
    page.get_by_label("The same password again").fill("different")
    page.get_by_role("button", name="Make my account").click()

    expect(page.get_by_text("The two passwords differ.").first).to_be_visible()
    assert_accessible(page)


def test_a_token_is_shown_once_with_a_copy_button(open_page: Any, viewer: User) -> None:
    page = open_page(viewer, "/profile/tokens/", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_label("Name").fill("build pipeline")
    page.get_by_role("button", name="Make the token").click()

    secret = page.locator("#secret code").inner_text()
    page.get_by_role("button", name="Copy the token").click()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    assert_accessible(page)
    page.goto("/profile/tokens/")
    expect(page.get_by_text("build pipeline").first).to_be_visible()
    assert secret not in page.content()
