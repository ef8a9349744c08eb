"""People for machines."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.accounts import actions
from apps.accounts.models import ApiToken, Invitation, OrgRole, Team, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(office: User) -> Team:
    return actions.create_team(by=office, name="Platform")


@pytest.fixture
def invitation(office: User) -> Invitation:
    return actions.invite(by=office, email="nadia@example.org", full_name="Nadia Osei")


def with_token(user: User, *scopes: str) -> APIClient:
    _, secret = actions.create_token(by=user, name="ci", scopes=scopes)
    return APIClient(headers={"Authorization": f"Bearer {secret}"})


@pytest.mark.parametrize("path", ["me/", "people/", "teams/", "tokens/", "invitations/", "accounts/"])
def test_strangers_get_a_401(path: str) -> None:
    answer = APIClient().get(f"/api/v1/{path}")

    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["invitations/", "accounts/", "accounts/viewer/"])
@pytest.mark.parametrize(
    "person, status", [("outsider", 403), ("org_auditor", 403), ("office", 200), ("org_admin", 200)]
)
def test_lists_of_the_office(
    path: str, person: str, status: int, api_as: Any, viewer: User, request: pytest.FixtureRequest
) -> None:
    answer = api_as(request.getfixturevalue(person)).get(f"/api/v1/{path}")

    assert answer.status_code == status
    if status == 403:
        assert "governance office" in answer.json()["detail"]


def test_me(api_as: Any, office: User, team: Team, org_admin: User) -> None:
    actions.add_to_team(team, office, by=org_admin)

    answer = api_as(office).get("/api/v1/me/").json()

    assert (answer["username"], answer["org_roles"], answer["teams"]) == ("office", ["governance_office"], ["Platform"])
    assert answer["token"] is None


def test_changing_my_profile(api_as: Any, owner: User) -> None:
    client = api_as(owner)

    assert client.patch("/api/v1/me/", {"timezone": "Europe/Atlantis"}).status_code == 422
    answer = client.patch("/api/v1/me/", {"timezone": "Europe/Porto", "email": "new@example.org"})
    assert answer.status_code == 422
    answer = client.patch("/api/v1/me/", {"timezone": "Europe/Lisbon", "email": "new@example.org"})

    assert answer.json()["timezone"] == "Europe/Lisbon"
    assert answer.json()["email"] == "owner@example.org", "the address asks for the password, on the page"


def test_people_are_found_without_their_addresses(api_as: Any, outsider: User, viewer: User, inactive: User) -> None:
    client = api_as(outsider)

    rows = client.get("/api/v1/people/", {"q": "view"}).json()["results"]

    assert rows == [{"uid": str(viewer.uid), "username": "viewer", "full_name": "Viewer", "job_title": ""}]
    assert client.get("/api/v1/people/", {"q": "inactive"}).json()["results"] == []
    assert client.get("/api/v1/people/", {"q": "example.org"}).json()["results"] == []


def test_people_come_in_pages(api_as: Any, outsider: User, owner: User, viewer: User) -> None:
    client = api_as(outsider)

    first = client.get("/api/v1/people/", {"limit": 2}).json()
    second = client.get(first["next"]).json()

    assert [row["username"] for row in first["results"] + second["results"]] == ["outsider", "owner", "viewer"]
    assert second["next"] is None


def test_teams(api_as: Any, outsider: User, office: User, viewer: User) -> None:
    client = api_as(office)
    assert api_as(outsider).post("/api/v1/teams/", {"name": "Care"}).status_code == 403
    made = client.post("/api/v1/teams/", {"name": "Care", "description": "Hotline"})
    assert made.status_code == 201
    path = f"/api/v1/teams/{made.json()['id']}/"
    assert client.post("/api/v1/teams/", {"name": "care"}).status_code == 422

    assert client.post(f"{path}members/", {"username": "viewer"}).status_code == 204
    assert client.post(f"{path}members/", {"username": "viewer"}).status_code == 409
    assert client.post(f"{path}members/", {"username": "office"}).status_code == 403
    assert client.post(f"{path}members/", {"username": "nobody"}).status_code == 404
    assert api_as(outsider).post(f"{path}members/", {"username": "viewer"}).status_code == 403

    seen = api_as(outsider)
    assert seen.get(path).json() == {"id": made.json()["id"], "name": "Care", "description": "Hotline", "size": 1}
    assert [row["username"] for row in seen.get(f"{path}members/").json()["results"]] == ["viewer"]
    assert [row["name"] for row in seen.get("/api/v1/teams/", {"q": "car"}).json()["results"]] == ["Care"]
    assert client.patch(path, {"name": "Customer care"}).json()["description"] == "Hotline"
    assert client.delete(f"{path}members/viewer/").status_code == 204
    assert client.delete(f"{path}members/viewer/").status_code == 409
    assert seen.delete(f"{path}members/viewer/").status_code == 403
    assert seen.get("/api/v1/teams/99999/").status_code == 404


def test_my_tokens(api_as: Any, owner: User, outsider: User) -> None:
    client = api_as(owner)
    made = client.post("/api/v1/tokens/", {"name": "ci", "scopes": ["read"], "days": 30})
    assert made.status_code == 201
    assert made["Cache-Control"] == "no-store"
    secret, uid = made.json()["secret"], made.json()["uid"]
    mine = APIClient(headers={"Authorization": f"Bearer {secret}"})

    (row,) = mine.get("/api/v1/tokens/").json()["results"]
    assert (row["uid"], "secret" in row, "digest" in row) == (uid, False, False)
    assert api_as(outsider).get("/api/v1/tokens/").json()["results"] == []
    assert api_as(outsider).delete(f"/api/v1/tokens/{uid}/").status_code == 404
    assert mine.delete(f"/api/v1/tokens/{uid}/").status_code == 403, "it may only read"
    assert client.delete(f"/api/v1/tokens/{uid}/").status_code == 204
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    "body", [{}, {"name": "ci"}, {"name": "ci", "scopes": ["sign"]}, {"name": "ci", "scopes": ["read"], "days": 9999}]
)
def test_a_token_that_cannot_be(body: Any, api_as: Any, owner: User) -> None:
    answer = api_as(owner).post("/api/v1/tokens/", body)

    assert answer.status_code == 422
    assert answer.json()["errors"]


def test_invitations(api_as: Any, office: User, invitation: Invitation, team: Team) -> None:
    client = api_as(office)
    path = f"/api/v1/invitations/{invitation.pk}/"

    made = client.post("/api/v1/invitations/", {"email": "li@example.org", "full_name": "Li Wei", "team": team.pk})
    assert (made.status_code, made.json()["state"]) == (201, "open")
    assert client.post("/api/v1/invitations/", {"email": "li@example.org", "full_name": "Li"}).status_code == 422
    assert len(client.get("/api/v1/invitations/").json()["results"]) == 2
    assert "token" not in str(client.get(path).json())
    assert client.post(f"{path}resend/").status_code == 200
    assert client.post(f"{path}withdraw/").json()["state"] == "withdrawn"
    assert client.post(f"{path}resend/").status_code == 409
    assert client.get("/api/v1/invitations/99999/").status_code == 404


def test_accounts(api_as: Any, org_admin: User, office: User) -> None:
    client = api_as(office)
    made = client.post("/api/v1/accounts/", {"username": "nadia", "full_name": "Nadia Osei"})
    assert made.status_code == 201
    assert client.post("/api/v1/accounts/", {"username": "NADIA", "full_name": "N"}).status_code == 422
    path = "/api/v1/accounts/nadia/"

    assert client.patch(path, {"job_title": "Analyst"}).status_code == 403
    assert api_as(org_admin).patch(path, {"job_title": "Analyst"}).json()["job_title"] == "Analyst"
    assert client.post(f"{path}deactivate/", {}).status_code == 422
    assert client.post(f"{path}deactivate/", {"reason": "Left"}).json()["is_active"] is False
    assert client.post(f"{path}deactivate/", {"reason": "Left"}).status_code == 409
    assert client.post(f"{path}reactivate/", {"reason": "Back"}).json()["is_active"] is True
    (row,) = client.get("/api/v1/accounts/", {"q": "nadia osei"}).json()["results"]
    assert row["username"] == "nadia"
    assert client.get("/api/v1/accounts/automation/").status_code == 404


def test_organisation_roles(api_as: Any, org_admin: User, office: User, viewer: User) -> None:
    path = "/api/v1/accounts/viewer/org-roles/"
    assert api_as(office).post(path, {"role": "auditor"}).status_code == 403
    client = api_as(org_admin)

    assert client.post(path, {"role": "king"}).status_code == 422
    assert client.post(path, {"role": "auditor"}).json()["org_roles"] == ["auditor"]
    assert client.post(path, {"role": "auditor"}).status_code == 409
    assert client.delete(f"{path}auditor/").json()["org_roles"] == []
    assert client.delete(f"{path}king/").status_code == 404
    assert client.post("/api/v1/accounts/org_admin/org-roles/", {"role": "governance_office"}).status_code == 403


def test_no_token_gives_roles_or_switches_accounts(org_admin: User, viewer: User, team: Team) -> None:
    client = with_token(org_admin, "read", "write")

    answers = [
        client.post("/api/v1/accounts/viewer/org-roles/", {"role": "auditor"}),
        client.post("/api/v1/accounts/viewer/deactivate/", {"reason": "Left"}),
        client.post(f"/api/v1/teams/{team.pk}/members/", {"username": "viewer"}),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert User.objects.get(pk=viewer.pk).org_roles == frozenset()


def test_lists_ask_as_often_for_six_as_for_one(
    api_as: Any, org_admin: User, team: Team, office: User, make_user: Any, django_assert_max_num_queries: Any
) -> None:
    client = api_as(org_admin)
    paths = ["people/", "teams/", "accounts/", "invitations/", f"teams/{team.pk}/members/"]

    def counts() -> list[int]:
        seen = []
        for path in paths:
            with django_assert_max_num_queries(20) as queries:
                client.get(f"/api/v1/{path}")
            seen.append(len(queries))
        return seen

    actions.add_to_team(team, make_user("first", org_role=OrgRole.AUDITOR), by=office)
    actions.invite(by=office, email="first.guest@example.org", full_name="First")
    before = counts()
    for number in range(6):
        user = make_user(f"person{number}", org_role=OrgRole.AUDITOR)
        actions.add_to_team(team, user, by=office)
        actions.create_team(by=office, name=f"Team {number}")
        actions.invite(by=office, email=f"guest{number}@example.org", full_name="Guest")
    assert counts() == before
