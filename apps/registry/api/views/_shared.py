from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from apps.core.api.pagination import CursorPage

from ...models import AISystem

IF_MATCH = OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description="The ETag you read.", required=True)
IDEMPOTENCY_KEY = OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)
AS_OF = OpenApiParameter("as_of", str, description="A past day (its end) or RFC 3339 time.")
REASON = OpenApiParameter("reason", str, description="Why. It stays on record.", required=True)


class ById(CursorPage):
    ordering = "id"


def find_system(request: Request, slug: str) -> AISystem:
    """The system of an address; 404 for who may not see it."""
    return get_object_or_404(AISystem.objects.visible_to(request.user), slug=slug)


def valid(serializer: Any) -> dict[str, Any]:
    """:raises ValidationError: what was sent does not fit."""
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def given_reason(request: Request) -> str:
    """The reason of a DELETE, which has no body."""
    reason = request.query_params.get("reason", "").strip()
    if not reason:
        raise ValidationError({"reason": ["Say why: ?reason=..."]})
    return reason
