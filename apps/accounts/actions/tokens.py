"""API tokens. The secret leaves :func:`create_token` once and is kept as a hash only."""

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.accounts import policies
from apps.accounts.models import ApiToken, Scope, User
from apps.audit.record import record

# So that a token found in a file or a log is known for what it is.
PREFIX = "aif_"


def _facts(token: ApiToken) -> dict[str, object]:
    return {"name": token.name, "scopes": token.scopes, "expiry": token.expiry, "user_id": token.user_id}


def _check(name: str, scopes: list[str], days: int) -> None:
    errors: dict[str, str] = {}
    if not name:
        errors["name"] = "Give it a name by which you will know what uses it."
    elif len(name) > ApiToken._meta.get_field("name").max_length:
        errors["name"] = "At most 100 characters."
    if not scopes or set(scopes) - set(Scope.values):
        errors["scopes"] = f"Choose at least one of: {', '.join(Scope.values)}."
    if not 1 <= days <= settings.API_TOKEN_MAX_DAYS:
        errors["days"] = f"A token lives from 1 to {settings.API_TOKEN_MAX_DAYS} days."
    if errors:
        raise ValidationError(errors)


@transaction.atomic
def create_token(*, by: User, name: str, scopes: Iterable[str], days: int | None = None) -> tuple[ApiToken, str]:
    """
    Make a token that acts for ``by`` within ``scopes`` for ``days`` (a setting where None).

    Returns the row and the secret, which nobody can read again.

    :raises NotAllowed: ``by`` is not active, or came with a token.
    :raises ValidationError: no name, an unknown scope, a life that is too long.
    """
    policies.check_can_create_token(user=by)
    name, wanted = name.strip(), set(scopes)
    days = settings.API_TOKEN_DAYS if days is None else days
    _check(name, list(wanted), days)
    token, secret = ApiToken.objects.create(
        user=by,
        expiry=timedelta(days=days),
        prefix=PREFIX,
        name=name,
        scopes=[scope for scope in Scope.values if scope in wanted],
    )
    record(act="token.created", obj=token, by=by, after=_facts(token))
    return token, secret


@transaction.atomic
def revoke_token(token: ApiToken, *, by: User, reason: str = "") -> None:
    """
    End a token at once.

    :raises NotAllowed: neither the person it acts for nor an administrator.
    """
    policies.check_can_revoke_token(token, user=by)
    deleted, _ = ApiToken.objects.filter(pk=token.pk).delete()
    if deleted:
        record(act="token.revoked", obj=token, by=by, before=_facts(token), reason=reason)
