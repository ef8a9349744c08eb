"""
Sign-ins, failures and changes of what proves a person, as entries of the ledger.

Django and allauth announce them by signal. Names and addresses that were typed stay in the private part of an entry.
"""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.signals import password_changed, password_reset, password_set
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest

from .record import record


def connect() -> None:
    """Start listening; called once, when the app is ready."""
    listeners = {
        user_logged_in: _signed_in,
        user_logged_out: _signed_out,
        user_login_failed: _failed,
        password_changed: _password_changed,
        password_set: _password_changed,
        password_reset: _password_reset,
        authenticator_added: _second_factor_added,
        authenticator_removed: _second_factor_removed,
        authenticator_reset: _second_factor_renewed,
    }
    for signal, listener in listeners.items():
        signal.connect(listener, dispatch_uid=f"audit{listener.__name__}")


def _origin(request: HttpRequest | None) -> dict[str, str]:
    """Where a request came from; personal data."""
    if request is None:
        return {}
    try:
        address = get_adapter().get_client_ip(request)
    except Exception:  # no address at all, as from a client in a test or a request made by hand
        address = ""
    return {"address": str(address), "browser": request.headers.get("User-Agent", "")[:200]}


@transaction.atomic
def _note(act: str, *, user: Any, by: Any, request: HttpRequest | None, **after: Any) -> None:
    record(act=act, obj=user, by=by, after={**after, **_origin(request)} or None)


def _signed_in(sender: Any, request: HttpRequest | None, user: Any, **kwargs: Any) -> None:
    _note("signin.succeeded", user=user, by=user, request=request)


def _signed_out(sender: Any, request: HttpRequest | None, user: Any, **kwargs: Any) -> None:
    if user is not None:
        _note("signin.ended", user=user, by=user, request=request)


def _failed(sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any) -> None:
    """A failed sign-in, or a failed confirmation by somebody who is signed in already."""
    typed = str(credentials.get("email") or credentials.get("username") or "")[:254]
    signed_in = getattr(request, "user", None)
    if signed_in is not None and signed_in.is_authenticated:
        _note("confirmation.failed", user=signed_in, by=signed_in, request=request)
        return
    people = get_user_model().objects.filter(Q(username__iexact=typed) | Q(email__iexact=typed)) if typed else []
    _note("signin.failed", user=next(iter(people), None), by=None, request=request, typed=typed)


def _password_changed(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    _note("user.password_changed", user=user, by=user, request=request)


def _password_reset(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    _note("user.password_reset", user=user, by=user, request=request)


def _second_factor_added(sender: Any, request: HttpRequest, user: Any, authenticator: Any, **kwargs: Any) -> None:
    _note("user.second_factor_added", user=user, by=user, request=request, kind=str(authenticator.type))


def _second_factor_removed(sender: Any, request: HttpRequest, user: Any, authenticator: Any, **kwargs: Any) -> None:
    _note("user.second_factor_removed", user=user, by=user, request=request, kind=str(authenticator.type))


def _second_factor_renewed(sender: Any, request: HttpRequest, user: Any, authenticator: Any, **kwargs: Any) -> None:
    _note("user.second_factor_renewed", user=user, by=user, request=request, kind=str(authenticator.type))
