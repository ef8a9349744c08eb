"""Django admin: look-up and correction, through actions, without secrets and deletions."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client

from apps.accounts import actions
from apps.accounts.models import OrgRole, Team, User
from apps.audit.models import Entry

pytestmark = pytest.mark.django_db

MODELS = [
    "accounts/user",
    "accounts/team",
    "accounts/organisationrole",
    "accounts/invitation",
    "accounts/apitoken",
    "accounts/proof",
    "audit/entry",
]


@pytest.fixture
def administrator(superuser: User, outsider: User) -> User:
    """Administrator by role, not superuser."""
    actions.grant_org_role(outsider, OrgRole.ADMIN, by=superuser)
    return User.objects.get(pk=outsider.pk)


@pytest.fixture
def desk(as_user: Any, administrator: User) -> Client:
    return as_user(administrator)


@pytest.mark.parametrize("model", MODELS)
def test_administrators_look_everything_up(model: str, desk: Client, office: User) -> None:
    actions.create_token(by=office, name="ci", scopes=["read"])
    actions.invite(by=office, email="nadia@example.org", full_name="Nadia Osei")
    actions.create_team(by=office, name="Platform")

    for query in ("", "?q=platform", "?q=3f2504e0-4f89-11d3-9a0c-0305e82c3301"):
        assert desk.get(f"/admin/{model}/{query}").status_code == 200


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("person", ["owner", "office", "org_auditor"])
def test_nobody_else_enters(model: str, person: str, as_user: Any, request: pytest.FixtureRequest) -> None:
    assert as_user(request.getfixturevalue(person)).get(f"/admin/{model}/").status_code in (302, 403)


@pytest.mark.parametrize("model", [*MODELS[2:], "accounts/user", "accounts/team"])
def test_nothing_is_deleted_even_by_a_superuser(model: str, as_user: Any, superuser: User, office: User) -> None:
    label, name = model.split("/")
    (found,) = [ours for ours in admin.site._registry.values() if ours.opts.label_lower == f"{label}.{name}"]
    request = type("Request", (), {"user": superuser})()

    assert not found.has_delete_permission(request)
    if model in MODELS[2:]:
        assert not found.has_add_permission(request)
        assert not found.has_change_permission(request)


def test_no_secret_is_shown(desk: Client, office: User) -> None:
    token, _ = actions.create_token(by=office, name="ci", scopes=["read"])
    invitation = actions.invite(by=office, email="nadia@example.org", full_name="Nadia Osei")

    tokens = desk.get("/admin/accounts/apitoken/").content.decode()
    assert token.digest not in tokens
    assert token.token_key not in tokens
    assert desk.get(f"/admin/accounts/apitoken/{token.digest}/change/").status_code == 403
    page = desk.get(f"/admin/accounts/invitation/{invitation.pk}/change/").content.decode()
    assert invitation.token_sha256 not in page
    page = desk.get(f"/admin/accounts/user/{office.pk}/change/").content.decode()
    assert office.password not in page
    for path in ("auth/group", "mfa/authenticator", "usersessions/usersession", "account/emailaddress"):
        assert desk.get(f"/admin/{path}/").status_code == 404


def test_saving_a_person_goes_through_the_action(desk: Client, owner: User) -> None:
    form = {"full_name": "Owner Anew", "email": owner.email, "job_title": "", "timezone": "Europe/Lisbon"}

    response = desk.post(f"/admin/accounts/user/{owner.pk}/change/", form | {"is_superuser": "on", "is_active": ""})

    assert response.status_code == 302
    owner.refresh_from_db()
    assert (owner.full_name, owner.is_active, owner.is_superuser) == ("Owner Anew", True, False)
    assert Entry.objects.filter(act="user.profile_changed", object_id=str(owner.uid)).count() == 1


def test_adding_a_person_and_a_team_goes_through_the_actions(desk: Client) -> None:
    form = {"username": "nadia", "full_name": "Nadia Osei", "email": "n@example.org", "job_title": "", "timezone": ""}

    assert desk.post("/admin/accounts/user/add/", form).status_code == 302
    assert desk.post("/admin/accounts/team/add/", {"name": "Care", "description": ""}).status_code == 302
    team = Team.objects.get()
    assert desk.get(f"/admin/accounts/team/{team.pk}/change/").status_code == 200
    path = f"/admin/accounts/team/{team.pk}/change/"
    assert desk.post(path, {"name": "Customer care", "description": ""}).status_code == 302

    assert not User.objects.get(username="nadia").has_usable_password()
    acts = set(Entry.objects.values_list("act", flat=True))
    assert {"user.created", "team.created", "team.changed"} <= acts


def test_a_taken_name_is_an_error_of_the_form(desk: Client, owner: User) -> None:
    form = {"username": "OWNER", "full_name": "N", "email": "owner@example.org", "job_title": "", "timezone": ""}

    response = desk.post("/admin/accounts/user/add/", form)

    assert response.status_code == 200
    assert "has this already" in response.content.decode()


def test_an_entry_is_shown_in_words(desk: Client, owner: User) -> None:
    actions.change_profile(owner, by=owner, job_title="Head of claims")
    entry = Entry.objects.get(act="user.profile_changed")

    page = desk.get(f"/admin/audit/entry/{entry.pk}/change/").content.decode()

    assert "Profile changed · Owner · Job title: empty → Head of claims" in page
