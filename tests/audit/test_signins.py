"""Sign-ins and what proves a person, as entries of the ledger."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client

from apps.accounts.models import User
from apps.audit.models import Entry
from tests.fixtures_people import PASSWORD

pytestmark = pytest.mark.django_db


def sign_in(client: Client, login: str, password: str = PASSWORD) -> Any:
    return client.post("/accounts/login/", {"login": login, "password": password})


def entries() -> list[Any]:
    return list(Entry.objects.select_related("private").order_by("pk"))


@pytest.mark.parametrize("login", ["owner", "OWNER", "owner@example.org"])
def test_signing_in_and_out_is_recorded(client: Client, owner: User, login: str) -> None:
    assert sign_in(client, login).status_code == 302
    client.post("/accounts/logout/")

    assert [entry.act for entry in entries()] == ["signin.succeeded", "signin.ended"]
    first = entries()[0]
    assert (first.object_id, first.actor_uid) == (str(owner.uid), owner.uid)
    assert first.private.data["after"]["address"] == "127.0.0.1"
    assert b"127.0.0.1" not in bytes(first.body)


@pytest.mark.parametrize("login", ["owner", "owner@example.org"])
def test_a_failed_sign_in_is_recorded_with_the_account_it_aimed_at(client: Client, owner: User, login: str) -> None:
    sign_in(client, login, "wrong")

    (entry,) = entries()
    assert (entry.act, entry.object_id, entry.actor_uid) == ("signin.failed", str(owner.uid), None)
    assert entry.private.data["after"]["typed"] == login
    assert login.encode() not in bytes(entry.body)
    assert b"wrong" not in bytes(entry.body) + str(entry.private.data).encode()


def test_a_name_nobody_has_is_recorded_in_the_private_part_only(client: Client, owner: User) -> None:
    sign_in(client, "mallory@example.org", "wrong")

    (entry,) = entries()
    assert (entry.act, entry.kind, entry.object_id) == ("signin.failed", "", "")
    assert b"mallory" not in bytes(entry.body)
    assert entry.private.data["after"]["typed"] == "mallory@example.org"


def test_the_inactive_do_not_get_in(client: Client, owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(is_active=False)

    sign_in(client, "owner")

    assert client.get("/profile/").status_code == 302
    assert [entry.act for entry in entries()] == ["signin.failed"]


def test_a_changed_password_is_recorded(client: Client, owner: User) -> None:
    sign_in(client, "owner")
    new = "eight green lanterns"

    form = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    response = client.post("/accounts/password/change/", form)

    assert response.status_code == 302
    assert entries()[-1].act == "user.password_changed"
    assert client.get("/profile/").status_code == 200, "this session goes on"


def test_a_password_is_reset_by_email(client: Client, owner: User) -> None:
    client.post("/accounts/password/reset/", {"email": "Owner@example.org"})
    (address,) = [word for word in mail.outbox[0].body.split() if "/accounts/password/reset/key/" in word]

    page = client.get(address.removeprefix("http://testserver"), follow=True)
    new = "eight green lanterns"
    client.post(page.redirect_chain[-1][0], {"password1": new, "password2": new})

    assert sign_in(client, "owner", new).status_code == 302
    assert [entry.act for entry in entries()] == ["user.password_reset", "signin.succeeded"]


def test_who_was_made_without_a_password_sets_one_by_email(client: Client, owner: User) -> None:
    owner.set_unusable_password()
    owner.save()

    client.post("/accounts/password/reset/", {"email": owner.email})

    assert "/accounts/password/reset/key/" in mail.outbox[0].body


def test_an_address_nobody_has_gets_the_same_answer(client: Client, owner: User) -> None:
    known = client.post("/accounts/password/reset/", {"email": owner.email})
    unknown = client.post("/accounts/password/reset/", {"email": "mallory@example.org"})

    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])


def test_a_wrong_password_when_asked_to_confirm_is_recorded(client: Client, owner: User) -> None:
    sign_in(client, "owner")

    client.post("/accounts/reauthenticate/", {"password": "wrong"})

    assert entries()[-1].act == "confirmation.failed"
    assert entries()[-1].actor_uid == owner.uid


def test_a_second_factor_taken_away_is_recorded(client: Client, owner: User) -> None:
    sign_in(client, "owner")
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    Authenticator.objects.create(user=owner, type=Authenticator.Type.TOTP, data={"secret": "JBSWY3DPEHPK3PXP"})

    client.post("/accounts/2fa/totp/deactivate/")

    assert [entry.act for entry in entries()][-1] == "user.second_factor_removed"
