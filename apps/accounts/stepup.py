"""
Proving at the moment of signing that it is really you: a live session alone is never enough.

:func:`verify` runs before the transaction of the signature (hashing a password is slow, and failed tries must count
even though nothing else is kept); :func:`keep` writes the proof inside it, bound to the digest that was signed.
"""

from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import check_password
from django.core.cache import cache

from apps.core.exceptions import NotAllowed, RuleViolation

from .models import Proof, User

MAX_FAILURES = 5
WINDOW_SECONDS = 300


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
    Check the password, and the second factor of who enrolled one.

    :raises NotAllowed: inactive, has no password of their own (single sign-on only), came with a token.
    :raises RuleViolation: wrong password or code (``field`` says which), or too many wrong tries.
    """
    if not user.is_active:
        raise NotAllowed("This account is not active.")
    if getattr(user, "_via", "session") != "session":
        raise NotAllowed("Only a person in the browser can sign. A token, a task or a command cannot.")
    if not user.has_usable_password():
        raise NotAllowed(
            "Your account has no password of its own, so it cannot prove that it is you.",
            help="Set a password on your profile page, then sign.",
        )
    _check_not_blocked(user)
    # Not user.check_password: the caller's copy may be older than a password change on another device.
    stored = User.objects.values_list("password", flat=True).get(pk=user.pk)
    if not check_password(password, stored):
        _count_failure(user)
        raise RuleViolation("That is not your password. Nothing was signed.", code="wrong_password", field="password")
    method = _second_factor(user, code) if needs_code(user) else Proof.Method.PASSWORD
    cache.delete(_key(user))
    return Verified(user_id=user.pk, method=method)


def keep(verified: Verified, *, purpose: str, digest: str) -> Proof:
    """Write the proof of one signature over ``digest``; call it once, in the transaction of the signature."""
    return Proof.objects.create(user_id=verified.user_id, method=verified.method, purpose=purpose, digest=digest)


def _second_factor(user: User, code: str) -> str:
    kinds = {
        Authenticator.Type.TOTP: Proof.Method.PASSWORD_TOTP,
        Authenticator.Type.RECOVERY_CODES: Proof.Method.PASSWORD_RECOVERY,
    }
    for authenticator in Authenticator.objects.filter(user=user, type__in=list(kinds)):
        if code and authenticator.wrap().validate_code(code):
            authenticator.record_usage()
            return kinds[authenticator.type]
    _count_failure(user)
    raise RuleViolation(
        "That code is not valid now. Enter the newest code of your authenticator app.", code="wrong_code", field="code"
    )


def _key(user: User) -> str:
    return f"stepup-failures:{user.pk}"


def _check_not_blocked(user: User) -> None:
    if cache.get(_key(user), 0) >= MAX_FAILURES:
        raise RuleViolation(
            "Too many wrong tries. Wait five minutes, then try again.", code="too_many_tries", field="password"
        )


def _count_failure(user: User) -> None:
    cache.add(_key(user), 0, WINDOW_SECONDS)
    cache.incr(_key(user))
