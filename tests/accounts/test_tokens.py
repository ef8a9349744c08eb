"""API tokens: made once, hashed, scoped, expiring, and refused in the words of the API."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.utils import timezone
from rest_framework.test import APIClient
from rest_framework.throttling import UserRateThrottle
from rest_framework.views import APIView

from apps.accounts import actions
from apps.accounts.models import ApiToken, Scope, User
from apps.audit.models import Entry
from apps.core.exceptions import NotAllowed

pytestmark = pytest.mark.django_db


def make(user: User, *scopes: str, days: int = 30) -> tuple[ApiToken, APIClient]:
    token, secret = actions.create_token(by=user, name="ci", scopes=scopes or ["read"], days=days)
    return token, APIClient(headers={"Authorization": f"Bearer {secret}"})


def test_the_secret_is_kept_nowhere(owner: User) -> None:
    token, secret = actions.create_token(by=owner, name="ci", scopes=["gate:decide", "read"], days=30)

    assert secret.startswith("aif_")
    kept = str(list(ApiToken.objects.values())) + str(list(Entry.objects.values("body", "private__data")))
    assert secret not in kept
    assert token.scopes == ["read", "gate:decide"], "in the order of their list"
    assert token.expiry is not None
    assert token.expiry - timezone.now() < timedelta(days=30)


@pytest.mark.parametrize(
    "values, field",
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["sign"]}, "scopes"),
        ({"days": 0}, "days"),
        ({"days": 367}, "days"),
    ],
)
def test_what_a_token_cannot_be(owner: User, values: dict[str, Any], field: str) -> None:
    good: dict[str, Any] = {"name": "ci", "scopes": ["read"], "days": 30}

    with pytest.raises(ValidationError) as caught:
        actions.create_token(by=owner, **(good | values))

    assert field in caught.value.message_dict


def test_making_and_revoking_write_one_entry_each(owner: User) -> None:
    token, _ = make(owner)
    actions.revoke_token(token, by=owner)
    actions.revoke_token(token, by=owner)

    entries = Entry.objects.filter(kind="accounts.apitoken").order_by("pk")
    assert [(entry.act, entry.object_id) for entry in entries] == [
        ("token.created", str(token.uid)),
        ("token.revoked", str(token.uid)),
    ]


def test_a_token_acts_for_its_person_and_notes_its_use(owner: User) -> None:
    token, client = make(owner)

    answer = client.get("/api/v1/me/")

    assert answer.status_code == 200
    assert answer.json()["username"] == "owner"
    assert answer.json()["token"]["scopes"] == ["read"]
    token.refresh_from_db()
    assert token.last_used is not None


def test_the_last_use_is_noted_once_a_minute(owner: User) -> None:
    token, client = make(owner)
    client.get("/api/v1/me/")
    token.refresh_from_db()
    first = token.last_used

    client.get("/api/v1/me/")

    token.refresh_from_db()
    assert token.last_used == first
    with time_machine.travel(timezone.now() + timedelta(seconds=61), tick=False):
        client.get("/api/v1/me/")
    token.refresh_from_db()
    assert first is not None
    assert token.last_used is not None
    assert token.last_used > first


def refused(answer: Any) -> None:
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert answer.json()["title"] == "Sign in first"


def test_no_token_unknown_token_and_nonsense_are_refused_alike(owner: User) -> None:
    refused(APIClient().get("/api/v1/me/"))
    for header in ("Bearer aif_" + "0" * 64, "Bearer", "Bearer two words", "Bearer \xe4", "Token abc", "Basic YTpi"):
        refused(APIClient(headers={"Authorization": header}).get("/api/v1/me/"))


def test_a_revoked_token_is_refused(owner: User) -> None:
    token, client = make(owner)
    actions.revoke_token(token, by=owner)

    refused(client.get("/api/v1/me/"))


def test_an_expired_token_is_refused_and_stays_on_the_list(owner: User, as_user: Any) -> None:
    _, client = make(owner, days=7)

    with time_machine.travel(timezone.now() + timedelta(days=7, seconds=1), tick=False):
        refused(client.get("/api/v1/me/"))
        page = as_user(owner).get("/profile/tokens/").content.decode()
    assert "Expired" in page


def test_the_token_of_an_inactive_person_is_refused(owner: User) -> None:
    _, client = make(owner)
    User.objects.filter(pk=owner.pk).update(is_active=False)

    refused(client.get("/api/v1/me/"))


@pytest.mark.parametrize(
    "scope, method, status",
    [("read", "get", 200), ("read", "patch", 403), ("write", "get", 403), ("write", "patch", 200)],
)
def test_scopes_are_enforced(owner: User, scope: str, method: str, status: int) -> None:
    _, client = make(owner, scope)

    answer = getattr(client, method)("/api/v1/me/", {"job_title": "Lead"} if method == "patch" else None)

    assert answer.status_code == status
    if status == 403:
        assert "scope" in answer.json()["detail"]


def test_a_token_makes_no_tokens(owner: User) -> None:
    _, client = make(owner, *Scope.values)

    answer = client.post("/api/v1/tokens/", {"name": "more", "scopes": ["read"]})

    assert answer.status_code == 403
    owner.via = "token"
    with pytest.raises(NotAllowed):
        actions.create_token(by=owner, name="more", scopes=["read"])


def test_too_many_requests_are_answered_with_429(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(APIView, "throttle_classes", [UserRateThrottle])
    monkeypatch.setattr(UserRateThrottle, "THROTTLE_RATES", {"user": "2/min"})
    _, client = make(owner)

    statuses = [client.get("/api/v1/me/").status_code for _ in range(3)]

    assert statuses == [200, 200, 429]
    last = client.get("/api/v1/me/")
    assert last["Content-Type"] == "application/problem+json"
    assert int(last["Retry-After"]) > 0


# --- The page -------------------------------------------------------------------------------------------------------


def test_the_page_shows_the_secret_once(owner: User, as_user: Any) -> None:
    client = as_user(owner)

    response = client.post("/profile/tokens/", {"name": "build pipeline", "scopes": ["read"], "days": 30})

    page = response.content.decode()
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    secret = page.split("<code>aif_")[1].split("</code>")[0]
    assert APIClient(headers={"Authorization": f"Bearer aif_{secret}"}).get("/api/v1/me/").status_code == 200
    assert secret not in client.get("/profile/tokens/").content.decode()


def test_the_page_says_what_is_wrong(owner: User, as_user: Any) -> None:
    response = as_user(owner).post("/profile/tokens/", {"name": "", "days": 30})

    assert response.status_code == 422
    assert not ApiToken.objects.exists()


def test_revoking_on_the_page(owner: User, outsider: User, org_admin: User, as_user: Any) -> None:
    token, _ = make(owner)
    address = f"/profile/tokens/{token.uid}/revoke/"

    assert as_user(None).post(address).status_code == 302
    assert as_user(outsider).post(address).status_code == 404
    assert as_user(owner).get(address).status_code == 405
    assert ApiToken.objects.exists()
    assert as_user(org_admin).post(address).url == f"/people/{owner.uid}/"
    assert not ApiToken.objects.exists()


# --- The command ----------------------------------------------------------------------------------------------------


def test_the_command_prints_a_token_that_works(owner: User) -> None:
    out, words = StringIO(), StringIO()

    call_command("api_token", "owner", name="ci", scopes="read,gate:decide", days=10, stdout=out, stderr=words)

    secret = out.getvalue().strip()
    answer = APIClient(headers={"Authorization": f"Bearer {secret}"}).get("/api/v1/me/").json()
    assert answer["token"]["scopes"] == ["read", "gate:decide"]
    assert secret not in words.getvalue()
    assert Entry.objects.filter(act="token.created").count() == 1


@pytest.mark.parametrize(
    "username, options, words",
    [
        ("nobody", {}, "no account"),
        ("owner", {"scopes": "sign"}, "Choose at least one"),
        ("owner", {"days": 4000}, "days"),
    ],
)
def test_the_command_says_what_is_wrong(owner: User, username: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("api_token", username, name="ci", **options)


def test_the_command_makes_none_for_the_inactive(owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(is_active=False)

    with pytest.raises(CommandError, match="not active"):
        call_command("api_token", "owner", name="ci")
