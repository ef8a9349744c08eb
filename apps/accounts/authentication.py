"""API tokens: who they act for and how far they reach."""

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone
from knox.auth import TokenAuthentication
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from .models import ApiToken, Scope

if TYPE_CHECKING:
    # At run time the views module imports this one, by its settings.
    from rest_framework.views import APIView


class ApiTokenAuthentication(TokenAuthentication):
    """``Authorization: Bearer <token>``; notes the last use at most once a minute."""

    model = ApiToken

    def authenticate_credentials(self, token: bytes):  # type: ignore[no-untyped-def]
        user, auth_token = super().authenticate_credentials(token)
        user._via = "token"  # signing and granting ask for a person in the browser
        now = timezone.now()
        if auth_token.last_used is None or now - auth_token.last_used > timedelta(minutes=1):
            ApiToken.objects.filter(pk=auth_token.pk).update(last_used=now)
        return user, auth_token


class HasScope(BasePermission):
    """A token needs the scope of the view (``required_scope``), else ``read`` for reading and ``write`` for the rest."""

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
