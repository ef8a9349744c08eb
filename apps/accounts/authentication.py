"""API tokens: who they act for and how far they reach."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from .models import ApiToken, Scope

if TYPE_CHECKING:
    # At run time the views module imports this one, by its settings.
    from rest_framework.views import APIView


class ApiTokenAuthentication(TokenAuthentication):
    """
    ``Authorization: Bearer <token>``; notes the last use at most once a minute.

    An expired token is refused like an unknown one. Its row stays, so that its person sees why nothing works.
    """

    model = ApiToken
    # One answer for unknown, revoked, expired and switched off: who holds a stray token learns nothing from it.
    refusal = "This token is not valid: unknown, expired or revoked. Make a new one on your profile page."

    def authenticate_credentials(self, token: bytes) -> tuple[Any, ApiToken]:
        now = timezone.now()
        try:
            digest = hash_token(token.decode())
        except UnicodeDecodeError:
            raise AuthenticationFailed(self.refusal) from None
        # Found by its SHA-512: how long the look-up takes says nothing about the token.
        found = ApiToken.objects.select_related("user").filter(pk=digest).first()
        if found is None or found.expiry is None or found.expiry <= now or not found.user.is_active:
            raise AuthenticationFailed(self.refusal)
        found.user.via = "token"  # signing and granting ask for a person in the browser
        if found.last_used is None or now - found.last_used > timedelta(minutes=1):
            ApiToken.objects.filter(pk=found.pk).update(last_used=now)
        return found.user, found


class HasScope(BasePermission):
    """A token needs the scope of the view (``required_scope``), else ``read`` to read and ``write`` for the rest."""

    message = "This token does not carry the scope this request needs. Make one that does on your profile page."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if not isinstance(request.auth, ApiToken):
            return True
        needed = getattr(view, "required_scope", None)
        if callable(needed):
            needed = needed(request)
        if needed is None:
            needed = Scope.READ if request.method in SAFE_METHODS else Scope.WRITE
        return needed in request.auth.scopes


class IsInPerson(BasePermission):
    """A person with a session. For what no token may do, whatever its scopes."""

    message = "An API token cannot do this. Sign in and do it in the browser."

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return not isinstance(request.auth, ApiToken)
