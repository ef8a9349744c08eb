"""The pages: who gets in, and that each does its one thing."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from apps.accounts import actions
from apps.accounts.models import Invitation, OrgRole, Team, User
from tests.fixtures_people import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(office: User) -> Team:
    return actions.create_team(by=office, name="Platform")


@pytest.fixture
def invitation(office: User) -> Invitation:
    return actions.invite(by=office, email="nadia@example.org", full_name="Nadia Osei")


OWN = ["/profile/", "/profile/tokens/", "/teams/", "/teams/{team}/"]
OFFICE = [
    "/people/",
    "/people/{viewer}/",
    "/teams/new/",
    "/teams/{team}/edit/",
    "/invitations/",
    "/invitations/?show=settled",
    "/invitations/new/",
]
OFFICE_POSTS = [
    "/people/{viewer}/switch-off/",
    "/people/{viewer}/switch-on/",
    "/people/{viewer}/roles/",
    "/people/{viewer}/roles/auditor/withdraw/",
    "/people/{viewer}/second-factor/reset/",
    "/teams/{team}/members/",
    "/teams/{team}/members/{viewer}/remove/",
    "/invitations/{invitation}/resend/",
    "/invitations/{invitation}/withdraw/",
]


@pytest.fixture
def fill(viewer: User, team: Team, invitation: Invitation) -> Any:
    return lambda path: path.format(viewer=viewer.uid, team=team.pk, invitation=invitation.pk)


@pytest.mark.parametrize("path", [*OWN, *OFFICE])
def test_strangers_are_asked_to_sign_in(path: str, fill: Any, client: Client) -> None:
    response = client.get(fill(path))

    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("path", OWN)
def test_everybody_sees_their_own_account_and_the_teams(path: str, fill: Any, as_user: Any, outsider: User) -> None:
    assert as_user(outsider).get(fill(path)).status_code == 200


@pytest.mark.parametrize("path", OFFICE)
@pytest.mark.parametrize(
    "person, status", [("outsider", 403), ("org_auditor", 403), ("office", 200), ("org_admin", 200)]
)
def test_pages_of_the_office(
    path: str, person: str, status: int, fill: Any, as_user: Any, request: pytest.FixtureRequest
) -> None:
    response = as_user(request.getfixturevalue(person)).get(fill(path))

    assert response.status_code == status
    if status == 403:
        assert "governance office" in response.content.decode()


@pytest.mark.parametrize("path", OFFICE_POSTS)
def test_changes_are_for_the_office_and_by_post(
    path: str, fill: Any, as_user: Any, outsider: User, office: User
) -> None:
    assert as_user(None).post(fill(path)).status_code == 302
    assert as_user(outsider).post(fill(path)).status_code == 403
    assert as_user(office).get(fill(path)).status_code == 405


def test_saving_the_profile(as_user: Any, owner: User) -> None:
    form = {"full_name": "Owner Anew", "job_title": "Head of claims", "timezone": "Europe/Lisbon"}

    response = as_user(owner).post("/profile/", form)

    assert response.status_code == 302
    owner.refresh_from_db()
    assert (owner.full_name, owner.timezone) == ("Owner Anew", "Europe/Lisbon")


def test_a_profile_without_a_name_keeps_what_was_typed(as_user: Any, owner: User) -> None:
    response = as_user(owner).post("/profile/", {"full_name": "", "job_title": "Head of claims", "timezone": ""})

    assert response.status_code == 422
    assert "Head of claims" in response.content.decode()


def test_a_time_zone_that_is_not_offered_stays(as_user: Any, owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(timezone="Etc/GMT+3")

    response = as_user(owner).post("/profile/", {"full_name": "Owner", "job_title": "", "timezone": "Etc/GMT+3"})

    assert response.status_code == 302


def test_the_email_address_is_changed_only_after_the_password(client: Client, owner: User) -> None:
    client.post("/accounts/login/", {"login": "owner", "password": PASSWORD})
    assert client.get("/accounts/email/")["Location"] == "/profile/email/"

    refused = client.post("/profile/email/", {"email": "new@example.org"})
    assert refused.status_code == 302
    assert refused["Location"].startswith("/accounts/reauthenticate/")
    client.get("/profile/email/")
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    response = client.post("/profile/email/", {"email": "new@example.org"})

    assert response["Location"] == "/profile/"
    owner.refresh_from_db()
    assert owner.email == "new@example.org"


def test_the_list_of_people_finds_and_filters(
    as_user: Any, office: User, viewer: User, outsider: User, team: Team
) -> None:
    actions.add_to_team(team, viewer, by=office)
    actions.deactivate_user(outsider, by=office, reason="Left")
    client = as_user(office)

    def names(query: str) -> set[str]:
        page = client.get(f"/people/?{query}").context["page"]
        return {user.username for user in page}

    assert names("") == {"office", "viewer"}
    assert names("q=view") == {"viewer"}
    assert names("q=viewer@example") == {"viewer"}
    assert names("state=off") == {"outsider"}
    assert names("state=all") == {"office", "viewer", "outsider"}
    assert names("role=governance_office") == {"office"}
    assert names(f"team={team.pk}") == {"viewer"}
    assert names("role=nonsense&q=office") == {"office"}


def test_the_list_of_people_asks_as_often_for_six_as_for_one(
    as_user: Any, office: User, team: Team, make_user: Any, django_assert_max_num_queries: Any
) -> None:
    client = as_user(office)
    actions.add_to_team(team, make_user("first", org_role=OrgRole.AUDITOR), by=office)
    client.get("/people/")

    def count() -> int:
        with django_assert_max_num_queries(30) as seen:
            client.get("/people/")
        return len(seen)

    before = count()
    for number in range(6):
        user = make_user(f"person{number}", org_role=OrgRole.AUDITOR)
        actions.add_to_team(team, user, by=office)
    assert count() == before


def test_switching_off_and_on_again(as_user: Any, office: User, viewer: User) -> None:
    client = as_user(office)
    assert client.post(f"/people/{viewer.uid}/switch-off/", {"switch-reason": ""}).status_code == 422

    assert client.post(f"/people/{viewer.uid}/switch-off/", {"switch-reason": "Left"}).status_code == 302
    viewer.refresh_from_db()
    assert not viewer.is_active
    again = client.post(f"/people/{viewer.uid}/switch-off/", {"switch-reason": "Left"})
    assert again.status_code == 409
    assert "not active already" in again.content.decode()
    client.post(f"/people/{viewer.uid}/switch-on/", {"switch-reason": "Back"})

    viewer.refresh_from_db()
    assert viewer.is_active


def test_organisation_roles_by_an_administrator(as_user: Any, org_admin: User, office: User, viewer: User) -> None:
    grant, form = f"/people/{viewer.uid}/roles/", {"role-role": "auditor", "role-reason": "New auditor"}
    assert as_user(office).post(grant, form).status_code == 403
    client = as_user(org_admin)

    assert client.post(grant, form).status_code == 302
    assert client.post(grant, form).status_code == 409
    assert "Auditor" in client.get(f"/people/{viewer.uid}/").content.decode()
    assert client.post(f"/people/{viewer.uid}/roles/auditor/withdraw/").status_code == 302
    assert client.post(f"/people/{viewer.uid}/roles/auditor/withdraw/").status_code == 409
    assert client.post(f"/people/{viewer.uid}/roles/king/withdraw/").status_code == 404


def test_the_history_of_a_person_is_on_their_page(as_user: Any, org_admin: User, viewer: User) -> None:
    actions.change_profile(viewer, by=org_admin, job_title="Analyst")

    page = as_user(org_admin).get(f"/people/{viewer.uid}/").content.decode()

    assert "Profile changed" in page
    assert "Org Admin" in page


def test_a_lost_second_factor(as_user: Any, org_admin: User, viewer: User) -> None:
    Authenticator.objects.create(user=viewer, type=Authenticator.Type.TOTP, data={"secret": "x"})
    client = as_user(org_admin)
    assert "Lost second factor" in client.get(f"/people/{viewer.uid}/").content.decode()

    client.post(f"/people/{viewer.uid}/second-factor/reset/", {"factor-reason": "Phone lost"})

    assert not Authenticator.objects.exists()


def test_making_a_team_and_filling_it(as_user: Any, office: User, viewer: User) -> None:
    client = as_user(office)
    address = client.post("/teams/new/", {"name": "Care", "description": ""}).url
    assert client.post("/teams/new/", {"name": "CARE", "description": ""}).status_code == 422

    assert client.post(f"{address}members/", {"person": "viewer@example.org", "reason": ""}).status_code == 302
    assert client.post(f"{address}members/", {"person": "viewer"}).status_code == 409
    assert client.post(f"{address}members/", {"person": "nobody"}).status_code == 422
    assert client.post(f"{address}members/", {"person": "office"}).status_code == 403
    assert "Viewer" in client.get(address).content.decode()
    client.post(f"{address}members/{viewer.uid}/remove/")
    client.post(f"{address}edit/", {"name": "Customer care", "description": "Hotline"})

    team = Team.objects.get()
    assert (team.name, team.description) == ("Customer care", "Hotline")
    assert not team.group.user_set.exists()


def test_inviting_on_the_page(as_user: Any, office: User, team: Team) -> None:
    client = as_user(office)
    form = {"email": "nadia@example.org", "full_name": "Nadia Osei", "job_title": "", "team": team.pk}

    assert client.post("/invitations/new/", form).status_code == 302
    again = client.post("/invitations/new/", form)
    assert again.status_code == 422
    assert "Send that one again" in again.content.decode()
    invitation = Invitation.objects.get()
    assert client.post(f"/invitations/{invitation.pk}/resend/").status_code == 302
    assert client.post(f"/invitations/{invitation.pk}/withdraw/").status_code == 302
    assert client.post(f"/invitations/{invitation.pk}/withdraw/").status_code == 409
    assert "Withdrawn" in client.get("/invitations/?show=settled").content.decode()


def test_there_is_no_way_to_sign_up(client: Client) -> None:
    client.post("/accounts/signup/", {"username": "x", "email": "x@example.org", "password1": "a", "password2": "a"})

    assert not User.objects.filter(username="x").exists()
