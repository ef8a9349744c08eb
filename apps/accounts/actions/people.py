"""Accounts: made, corrected, switched off and on. Never deleted, because signatures and entries point at them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.urls import reverse

from apps.accounts import policies
from apps.accounts.models import ApiToken, User
from apps.accounts.querysets import AUTOMATION
from apps.accounts.signals import activity_changed
from apps.audit.record import record
from apps.core import outbox
from apps.core.exceptions import RuleViolation
from apps.core.mail import queue_mail

PROFILE_FIELDS = ("full_name", "job_title", "timezone", "email")
TAKEN = "Somebody with this e-mail address has an account already."


def facts_of(user: User) -> dict[str, Any]:
    """What goes on record about an account. Never the password, not even its hash."""
    names = ("username", *PROFILE_FIELDS, "is_active", "is_staff", "is_superuser")
    return {name: getattr(user, name) for name in names}


def lock_administrators() -> None:
    """Let one change of administrators at a time pass, so that two of them cannot remove each other."""
    list(User.objects.administrators().select_for_update().order_by("pk").values_list("pk", flat=True))


def locked(user: User) -> User:
    """The account as it is now, held until the end of the transaction."""
    return User.objects.select_for_update().get(pk=user.pk)


def validate_new_names(*, username: str, email: str) -> None:
    """:raises ValidationError: a name or address that is taken, whatever its case, or reserved."""
    errors: dict[str, str] = {}
    if username.lower() == AUTOMATION or User.objects.filter(username__iexact=username).exists():
        errors["username"] = "This user name is taken. Choose another one."
    if email and User.objects.filter(email__iexact=email).exists():
        errors["email"] = TAKEN
    if errors:
        raise ValidationError(errors)


@contextmanager
def unless_taken(**errors: str) -> Iterator[None]:
    """
    Store something whose uniqueness was checked a moment ago.

    :raises ValidationError: with ``errors``, where somebody else was faster.
    """
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise ValidationError(errors) from error


def make_account(*, password: str | None, **fields: Any) -> User:
    """
    Store a new account; no policy, no entry: part of the actions that have both.

    :raises ValidationError: fields or password that will not do.
    """
    fields = {name: value.strip() for name, value in fields.items()}
    user = User(**fields)
    if password is not None:
        try:
            validate_password(password, user)
        except ValidationError as error:
            raise ValidationError({"password": error.messages}) from error
    user.set_password(password)
    validate_new_names(username=user.username, email=user.email)
    user.full_clean(exclude=["password"], validate_constraints=False)
    with unless_taken(username="This user name or e-mail address was taken a moment ago."):
        user.save(force_insert=True)
    return user


@transaction.atomic
def create_user(
    *,
    by: User,
    username: str,
    full_name: str,
    email: str = "",
    job_title: str = "",
    timezone: str = "",
    password: str | None = None,
) -> User:
    """
    Make an account at once, without an invitation. Without ``password`` the person is e-mailed how to set one.

    :raises NotAllowed: ``by`` is not the office.
    :raises ValidationError: a name or address that is taken, an unknown time zone, a weak password.
    """
    policies.check_can_manage_people(user=by)
    user = make_account(
        username=username,
        full_name=full_name,
        email=email,
        job_title=job_title,
        timezone=timezone,
        password=password,
    )
    record(act="user.created", obj=user, by=by, after=facts_of(user))
    if password is None:
        queue_mail(
            user,
            subject="Your account",
            body=f"{by} made an account for you. Your user name is {user.username}.\n\nSet a password here:",
            path=reverse("account_reset_password"),
        )
    return user


@transaction.atomic
def change_profile(user: User, *, by: User, **fields: Any) -> User:
    """
    Change some of ``full_name, job_title, timezone, email``. Nothing is recorded where nothing differs.

    A changed address is told to the old one as well, because whoever holds the address can reset the password.

    :raises NotAllowed: neither one's own profile nor an administrator.
    :raises ValidationError: an empty name, an unknown time zone, an address that is taken.
    """
    if unknown := fields.keys() - set(PROFILE_FIELDS):
        raise TypeError(f"Not part of a profile: {', '.join(sorted(unknown))}")
    user = locked(user)
    policies.check_can_change_profile(user, user=by)
    before = facts_of(user)
    fields = {name: value.strip() for name, value in fields.items() if value.strip() != before[name]}
    if not fields:
        return user
    for name, value in fields.items():
        setattr(user, name, value)
    user.clean_fields(exclude={field.name for field in User._meta.fields} - fields.keys())
    if "email" in fields:
        _change_email(user, old=before["email"])
    with unless_taken(email=TAKEN):
        user.save(update_fields=list(fields))
    record(
        act="user.profile_changed",
        obj=user,
        by=by,
        before={name: before[name] for name in fields},
        after=fields,
    )
    return user


def _change_email(user: User, *, old: str) -> None:
    if user.email and User.objects.filter(email__iexact=user.email).exclude(pk=user.pk).exists():
        raise ValidationError({"email": TAKEN})
    # Addresses that allauth remembers would go on working for password resets.
    EmailAddress.objects.filter(user=user).delete()
    if old:
        outbox.put(
            "mail",
            to=old,
            subject="Your e-mail address was changed",
            body="Your account no longer uses this e-mail address. If you did not ask for that, tell an administrator.",
        )


@transaction.atomic
def deactivate_user(user: User, *, by: User, reason: str) -> User:
    """
    Switch an account off: it signs in no more, its tokens are gone, its sessions end. Roles stay on record.

    :raises NotAllowed: not the office; one's own account; a holder of an organisation role, by a non-administrator.
    :raises RuleViolation: switched off already, or the last administrator.
    """
    lock_administrators()
    user = locked(user)
    policies.check_can_switch(user, user=by)
    if not user.is_active:
        raise RuleViolation(f"The account of {user} is not active already.", code="inactive")
    policies.check_is_not_last_admin(user)
    user.is_active = False
    # The sessions of before stay dead when the account is switched on again.
    user.session_epoch += 1
    user.save(update_fields=["is_active", "session_epoch"])
    UserSession.objects.filter(user=user).delete()
    tokens, _ = ApiToken.objects.filter(user=user).delete()
    record(
        act="user.deactivated",
        obj=user,
        by=by,
        before={"is_active": True},
        after={"is_active": False, "tokens_revoked": tokens},
        reason=reason,
    )
    activity_changed.send(sender=User, user=user, by=by)
    return user


@transaction.atomic
def reactivate_user(user: User, *, by: User, reason: str) -> User:
    """
    Switch an account on again, with the roles it had. Tokens have to be made anew.

    :raises NotAllowed: as for :func:`deactivate_user`.
    :raises RuleViolation: it is active.
    """
    user = locked(user)
    policies.check_can_switch(user, user=by)
    if user.is_active:
        raise RuleViolation(f"The account of {user} is active already.", code="active")
    user.is_active = True
    user.save(update_fields=["is_active"])
    record(
        act="user.reactivated",
        obj=user,
        by=by,
        before={"is_active": False},
        after={"is_active": True},
        reason=reason,
    )
    activity_changed.send(sender=User, user=user, by=by)
    return user


@transaction.atomic
def reset_second_factor(user: User, *, by: User, reason: str) -> User:
    """
    Take away the second factor of somebody who lost it. The person is told, and enrols a new one.

    :raises NotAllowed: no administrator in person; one's own account.
    :raises RuleViolation: none is enrolled.
    """
    user = locked(user)
    policies.check_can_reset_second_factor(user, user=by)
    removed, _ = Authenticator.objects.filter(user=user).delete()
    if not removed:
        raise RuleViolation(f"{user} has not enrolled a second factor.", code="no_second_factor")
    record(act="user.second_factor_reset", obj=user, by=by, reason=reason)
    queue_mail(
        user,
        subject="Your second factor was removed",
        body=f"{by} removed the second factor of your account. Enrol a new one here:",
        path=reverse("mfa_index"),
    )
    return user
