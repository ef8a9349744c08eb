"""
Proving at the moment of signing that it is really you: a live session alone is never enough.

:func:`verify` runs before the transaction of the signature (hashing a password is slow, and failed tries must count
even though nothing else is kept); :func:`keep` writes the proof inside it, bound to the digest that was signed.
"""

from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import check_password
from django.core.cache import cache
from django.db import transaction

from apps.audit.record import record
from apps.core.exceptions import NotAllowed, RuleViolation

from .models import Proof, User

MAX_FAILURES = 5
WINDOW_SECONDS = 300
KINDS = {
    Authenticator.Type.TOTP: Proof.Method.PASSWORD_TOTP,
    Authenticator.Type.RECOVERY_CODES: Proof.Method.PASSWORD_RECOVERY,
}


@dataclass(frozen=True)
class Verified:
    """A re-authentication that just succeeded, not yet bound to a signature."""

    user_id: int
    method: str


def needs_code(user: User) -> bool:
    """Whether this person enrolled a second factor and so must give its code to sign."""
    return Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists()


def verify(user: User, *, password: str, code: str = "") -> Verified:
    """
    Check the password, and the second factor of who enrolled one. Call it outside of any transaction.

    Each try is counted before it is made, so that tries sent at once cannot outrun the limit; a success clears them.

    :raises NotAllowed: inactive, has no password of their own (single sign-on only), came with a token.
    :raises RuleViolation: wrong password or code (``field`` says which), or too many wrong tries.
    """
    # Not what the caller's copy says: it may be older than a change on another device.
    now = User.objects.get(pk=user.pk)
    _check_may_sign(user, now)
    with_code = needs_code(now)
    if with_code and not code.strip():
        raise RuleViolation(
            "Enter the code of your authenticator app as well. Nothing was signed.", code="code_needed", field="code"
        )
    _count_try(now)
    if not check_password(password, now.password):
        _note_failure(now, "password")
        raise RuleViolation("That is not your password. Nothing was signed.", code="wrong_password", field="password")
    method = _second_factor(now, code.strip()) if with_code else Proof.Method.PASSWORD
    cache.delete(_key(now))
    return Verified(user_id=now.pk, method=method)


def keep(verified: Verified, *, purpose: str, digest: str) -> Proof:
    """Write the proof of one signature over ``digest``; call it once, in the transaction of the signature."""
    return Proof.objects.create(user_id=verified.user_id, method=verified.method, purpose=purpose, digest=digest)


def _check_may_sign(caller: User, now: User) -> None:
    if not (caller.is_active and now.is_active):
        raise NotAllowed("This account is not active.")
    if getattr(caller, "via", "session") != "session":
        raise NotAllowed("Only a person in the browser can sign. A token, a task or a command cannot.")
    if not now.has_usable_password():
        raise NotAllowed(
            "Your account has no password of its own, so it cannot prove that it is you.",
            help="Set a password on your profile page, then sign.",
        )


def _second_factor(user: User, code: str) -> str:
    for authenticator in Authenticator.objects.filter(user=user, type__in=list(KINDS)):
        if authenticator.wrap().validate_code(code):
            authenticator.record_usage()
            return KINDS[authenticator.type]
    _note_failure(user, "code")
    raise RuleViolation(
        "That code is not valid now. Wait for the next code of your authenticator app; each works once.",
        code="wrong_code",
        field="code",
    )


def _key(user: User) -> str:
    return f"stepup-tries:{user.pk}"


def _count_try(user: User) -> None:
    """
    :raises RuleViolation: too many tries without a success.
    :raises RuntimeError: inside a transaction, whose end could take the count back.
    """
    with transaction.atomic(durable=True):
        # Adding one to a number in a cache is two steps; the lock makes them one.
        User.objects.select_for_update().get(pk=user.pk)
        tries = cache.get(_key(user), 0)
        if tries < MAX_FAILURES:
            cache.set(_key(user), tries + 1, WINDOW_SECONDS)
    if tries >= MAX_FAILURES:
        raise RuleViolation(
            "Too many wrong tries. Wait five minutes, then try again.", code="too_many_tries", field="password"
        )


@transaction.atomic
def _note_failure(user: User, what: str) -> None:
    record(act="stepup.failed", obj=user, by=user, after={"wrong": what})
