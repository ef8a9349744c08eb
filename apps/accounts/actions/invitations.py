"""Invitations: an e-mailed link, good once and for a while, with which a person makes their own account."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.core.validators import validate_email
from django.db import transaction
from django.urls import reverse
from django.utils import timezone as clock

from apps.accounts import policies
from apps.accounts.models import Invitation, Team, User, invitation_token, token_hash
from apps.audit.record import record
from apps.core import outbox
from apps.core.exceptions import RuleViolation

from .people import TAKEN, facts_of, make_account, unless_taken
from .teams import put_into_team

WAITING = "An invitation to this address is waiting. Send that one again instead."


def _facts(invitation: Invitation) -> dict[str, Any]:
    names = ("email", "full_name", "job_title", "team_id", "expires_at")
    return {name: getattr(invitation, name) for name in names}


def _locked(invitation: Invitation) -> Invitation:
    return Invitation.objects.select_for_update().get(pk=invitation.pk)


def _expiry() -> Any:
    return clock.now() + timedelta(days=settings.INVITATION_DAYS)


@transaction.atomic
def invite(*, by: User, email: str, full_name: str, job_title: str = "", team: Team | None = None) -> Invitation:
    """
    Invite somebody by e-mail; with ``team`` they are in it from the start.

    :raises NotAllowed: ``by`` is not the office; with a team also: came with a token.
    :raises ValidationError: no name or address, or an address that has an account or an invitation.
    """
    policies.check_can_manage_people(user=by)
    if team is not None:
        policies.check_in_person(by)
    email = email.strip()
    validate_email(email)
    _check_address_is_free(email)
    invitation = Invitation(
        email=email,
        full_name=full_name.strip(),
        job_title=job_title.strip(),
        team=team,
        invited_by=by,
        expires_at=_expiry(),
    )
    invitation.clean_fields()
    with unless_taken(email=WAITING):
        invitation.save(force_insert=True)
    record(act="invitation.sent", obj=invitation, by=by, after=_facts(invitation))
    outbox.put("invitation", invitation=invitation.pk)
    return invitation


def _check_address_is_free(email: str) -> None:
    if User.objects.filter(email__iexact=email).exists():
        raise ValidationError({"email": TAKEN})
    if Invitation.objects.waiting().filter(email__iexact=email).exists():
        raise ValidationError({"email": WAITING})


@transaction.atomic
def resend_invitation(invitation: Invitation, *, by: User) -> Invitation:
    """
    Send a new link and start its time anew; the old link stops working.

    :raises NotAllowed: ``by`` is not the office.
    :raises RuleViolation: accepted or withdrawn.
    """
    invitation = _locked(invitation)
    policies.check_can_change_invitation(invitation, user=by)
    before = _facts(invitation)
    invitation.expires_at = _expiry()
    invitation.save(update_fields=["expires_at"])
    record(act="invitation.resent", obj=invitation, by=by, before=before, after=_facts(invitation))
    outbox.put("invitation", invitation=invitation.pk)
    return invitation


@transaction.atomic
def withdraw_invitation(invitation: Invitation, *, by: User, reason: str = "") -> Invitation:
    """
    Make the link worthless.

    :raises NotAllowed: ``by`` is not the office.
    :raises RuleViolation: accepted or withdrawn.
    """
    invitation = _locked(invitation)
    policies.check_can_change_invitation(invitation, user=by)
    invitation.withdrawn_by, invitation.withdrawn_at = by, clock.now()
    invitation.save(update_fields=["withdrawn_by", "withdrawn_at"])
    record(
        act="invitation.withdrawn",
        obj=invitation,
        by=by,
        before={"withdrawn_at": None},
        after={"withdrawn_at": invitation.withdrawn_at},
        reason=reason,
    )
    return invitation


@outbox.handler("invitation")
def send_invitation(invitation: int) -> None:
    """
    Make the link and e-mail it. Made here, the secret is nowhere but in the e-mail: not in the queue, not in a backup.

    Run twice, the second link is the one that works, and it is the one in the newer e-mail.
    """
    row = Invitation.objects.select_for_update(of=("self",)).select_related("invited_by").get(pk=invitation)
    if not row.is_open:
        return
    token = invitation_token()
    row.token_sha256, row.sent_at = token_hash(token), clock.now()
    row.save(update_fields=["token_sha256", "sent_at"])
    link = settings.SITE_URL + reverse("accounts:invitation-accept", args=[token])
    text = (
        f"Hello {row.full_name},\n\n"
        f"{row.invited_by} invites you to {settings.INSTANCE_NAME}. Choose a user name and a password here:\n\n"
        f"{link}\n\n"
        f"The link works once, until {clock.localtime(row.expires_at):%d %B %Y, %H:%M %Z}. "
        "If you got several such e-mails, use the newest. If you do not know what this is about, ignore it."
    )
    send_mail(f"[{settings.INSTANCE_NAME}] You are invited", text, None, [row.email])


def find_invitation(token: str) -> Invitation | None:
    """The invitation whose newest link carries ``token``, whatever its state."""
    return Invitation.objects.filter(token_sha256=token_hash(token)).select_related("team", "invited_by").first()


def check_password_for(invitation: Invitation, *, username: str, password: str) -> None:
    """:raises ValidationError: the password is too weak, or too much like the person's names."""
    validate_password(password, User(username=username, full_name=invitation.full_name, email=invitation.email))


@transaction.atomic
def accept_invitation(token: str, *, username: str, password: str, timezone: str = "") -> User:
    """
    Make the account of the invited person. Who holds the link is taken to own the address.

    :raises RuleViolation: no such link, or expired, withdrawn, used.
    :raises ValidationError: a user name that is taken, a weak password.
    """
    invitation = Invitation.objects.select_for_update().filter(token_sha256=token_hash(token)).first()
    if invitation is None or not invitation.is_open:
        raise RuleViolation("This invitation cannot be used any more.", code="invitation_not_open")
    user = make_account(
        username=username,
        full_name=invitation.full_name,
        email=invitation.email,
        job_title=invitation.job_title,
        timezone=timezone,
        password=password,
    )
    invitation.accepted_by, invitation.accepted_at = user, clock.now()
    invitation.save(update_fields=["accepted_by", "accepted_at"])
    if invitation.team is not None:
        put_into_team(invitation.team, user, by=invitation.invited_by)
    record(
        act="invitation.accepted",
        obj=user,
        by=user,
        after=facts_of(user) | {"team_id": invitation.team_id, "invitation": invitation.pk},
    )
    return user
