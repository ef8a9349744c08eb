"""The life of an invitation, from the e-mail to the account."""

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from apps.accounts import actions
from apps.accounts.models import Invitation, Team, User
from apps.audit.models import Entry
from apps.core import outbox
from apps.core.exceptions import NotAllowed, RuleViolation
from apps.core.models import OutboxMessage

pytestmark = pytest.mark.django_db

PASSWORD = "seven quiet harbours"


@pytest.fixture
def team(office: User) -> Team:
    return actions.create_team(by=office, name="Platform")


@pytest.fixture
def invitation(office: User, team: Team) -> Invitation:
    return actions.invite(by=office, email="nadia@example.org", full_name="Nadia Osei", job_title="Analyst", team=team)


def newest_token() -> str:
    """The token in the link of the newest e-mail, which is the only place that has it."""
    outbox.drain()
    (found,) = re.findall(r"http://testserver/join/([\w-]+)/", str(mail.outbox[-1].body))
    return found


def test_the_link_is_in_the_email_and_nowhere_else(invitation: Invitation) -> None:
    token = newest_token()

    invitation.refresh_from_db()
    assert mail.outbox[0].to == ["nadia@example.org"]
    assert token not in str(list(OutboxMessage.objects.values()))
    assert token != invitation.token_sha256
    assert invitation.sent_at is not None
    assert actions.find_invitation(token) == invitation


def test_accepting_makes_an_account_in_the_team_once(invitation: Invitation, team: Team) -> None:
    token = newest_token()

    user = actions.accept_invitation(token, username="nadia", password=PASSWORD, timezone="Europe/Vienna")

    assert (user.full_name, user.email, user.job_title) == ("Nadia Osei", "nadia@example.org", "Analyst")
    assert user.check_password(PASSWORD)
    assert list(team.group.user_set.all()) == [user]
    with pytest.raises(RuleViolation):
        actions.accept_invitation(token, username="nadia2", password=PASSWORD)
    assert User.objects.filter(email="nadia@example.org").count() == 1


def test_each_step_writes_one_entry_without_addresses_in_its_body(invitation: Invitation, office: User) -> None:
    actions.resend_invitation(invitation, by=office)
    actions.accept_invitation(newest_token(), username="nadia", password=PASSWORD)

    entries = Entry.objects.exclude(kind="accounts.team").order_by("pk")
    assert [entry.act for entry in entries] == ["invitation.sent", "invitation.resent", "invitation.accepted"]
    assert not any(b"nadia" in bytes(entry.body).lower() for entry in entries)


def test_a_link_expires(invitation: Invitation, settings: Any) -> None:
    token = newest_token()

    with time_machine.travel(timezone.now() + timedelta(days=settings.INVITATION_DAYS, seconds=1), tick=False):
        invitation.refresh_from_db()
        assert invitation.state == Invitation.State.EXPIRED
        with pytest.raises(RuleViolation):
            actions.accept_invitation(token, username="nadia", password=PASSWORD)


def test_sending_again_renews_an_expired_invitation_and_ends_the_old_link(
    invitation: Invitation, office: User, settings: Any
) -> None:
    old = newest_token()

    with time_machine.travel(timezone.now() + timedelta(days=settings.INVITATION_DAYS + 1), tick=False):
        actions.resend_invitation(invitation, by=office)
        new = newest_token()
        assert actions.find_invitation(old) is None
        assert actions.accept_invitation(new, username="nadia", password=PASSWORD).username == "nadia"


def test_a_withdrawn_link_is_worthless_even_when_the_email_goes_out_late(invitation: Invitation, office: User) -> None:
    actions.withdraw_invitation(invitation, by=office, reason="Wrong person")
    outbox.drain()

    assert mail.outbox == []
    with pytest.raises(RuleViolation, match="withdrawn"):
        actions.resend_invitation(invitation, by=office)
    with pytest.raises(RuleViolation, match="withdrawn"):
        actions.withdraw_invitation(invitation, by=office)


def test_one_invitation_per_address_waits(invitation: Invitation, office: User) -> None:
    with pytest.raises(ValidationError, match="waiting"):
        actions.invite(by=office, email="NADIA@example.org", full_name="Nadia")
    with pytest.raises(IntegrityError), transaction.atomic():
        Invitation.objects.create(
            email="Nadia@example.org", full_name="N", invited_by=office, expires_at=timezone.now()
        )


def test_who_has_an_account_is_not_invited(office: User, owner: User) -> None:
    with pytest.raises(ValidationError, match="account already"):
        actions.invite(by=office, email=owner.email.upper(), full_name="Owner")


def test_only_the_office_invites(owner: User) -> None:
    with pytest.raises(NotAllowed):
        actions.invite(by=owner, email="nadia@example.org", full_name="Nadia Osei")


def test_a_token_invites_nobody_into_a_team(office: User, team: Team) -> None:
    office.via = "token"

    with pytest.raises(NotAllowed, match="token"):
        actions.invite(by=office, email="nadia@example.org", full_name="Nadia Osei", team=team)


def test_a_weak_password_leaves_the_invitation_open(invitation: Invitation) -> None:
    token = newest_token()

    with pytest.raises(ValidationError):
        actions.accept_invitation(token, username="nadia", password="nadia.osei")

    found = actions.find_invitation(token)
    assert found is not None
    assert found.is_open


# --- The page behind the link ---------------------------------------------------------------------------------------


def test_the_page_makes_the_account_and_signs_in(client: Client, invitation: Invitation) -> None:
    address = f"/join/{newest_token()}/"
    assert "Nadia Osei" in client.get(address).content.decode()

    form = {"username": "nadia", "password": PASSWORD, "password_again": PASSWORD, "timezone": "Europe/Vienna"}
    response = client.post(address, form)

    assert response.status_code == 302
    assert client.get("/profile/").status_code == 200
    again = client.get(address)
    assert again.status_code == 410
    assert "account is there already" in again.content.decode()


@pytest.mark.parametrize(
    "values, words",
    [
        ({"password_again": "something else"}, "passwords differ"),
        ({"username": "office"}, "is taken"),
        ({"password": "1234567890", "password_again": "1234567890"}, "numeric"),
    ],
)
def test_the_page_says_what_is_wrong(client: Client, invitation: Invitation, values: Any, words: str) -> None:
    form = {"username": "nadia", "password": PASSWORD, "password_again": PASSWORD} | values

    response = client.post(f"/join/{newest_token()}/", form)

    assert response.status_code == 422
    assert words in response.content.decode()


def test_a_wrong_link_gets_a_friendly_page(client: Client) -> None:
    response = client.get("/join/nonsense/")

    assert response.status_code == 404
    assert "This link does not work" in response.content.decode()


def test_an_expired_or_withdrawn_link_says_who_to_ask(client: Client, invitation: Invitation, office: User) -> None:
    address = f"/join/{newest_token()}/"
    with time_machine.travel(timezone.now() + timedelta(days=60), tick=False):
        response = client.get(address)
        assert response.status_code == 410
        assert "has expired" in response.content.decode()
    actions.withdraw_invitation(invitation, by=office)

    response = client.get(address)

    assert response.status_code == 410
    assert "was withdrawn" in response.content.decode()


def test_who_is_signed_in_makes_no_second_account_by_mistake(as_user: Any, owner: User, invitation: Invitation) -> None:
    response = as_user(owner).get(f"/join/{newest_token()}/")

    assert response.status_code == 409
    assert "signed in as Owner" in response.content.decode()
