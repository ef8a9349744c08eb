"""Errors as ``application/problem+json`` (RFC 9457), in the words the pages use."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import IntegrityError
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import exception_handler

from apps.core.exceptions import NotAllowed, NotReady, RuleViolation, StaleObject
from apps.core.middleware import current_request_id

TITLES = {
    400: "Bad request",
    401: "Sign in first",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Not possible now",
    412: "Changed since you read it",
    413: "Too large",
    415: "Unsupported media type",
    422: "Not valid",
    428: "If-Match is required",
    429: "Too many requests",
    503: "Cannot tell right now",
}


class PreconditionRequired(exceptions.APIException):
    """A governed object is changed only by who says which version they saw."""

    status_code = status.HTTP_428_PRECONDITION_REQUIRED
    default_detail = "Send If-Match with the ETag you read, so that nobody's work is lost."
    default_code = "if_match_required"


def _flatten(detail: Any, path: str = "") -> list[dict[str, str]]:
    """Field errors as a flat list of ``{field, message}``."""
    if isinstance(detail, dict):
        return [row for key, value in detail.items() for row in _flatten(value, f"{path}.{key}" if path else str(key))]
    if isinstance(detail, list):
        rows: list[dict[str, str]] = []
        for index, value in enumerate(detail):
            rows += _flatten(value, f"{path}[{index}]") if isinstance(value, dict) else _flatten(value, path)
        return rows
    return [{"field": path or "non_field_errors", "message": str(detail)}]


def problem(status_code: int, detail: str, *, code: str = "", **extra: Any) -> dict[str, Any]:
    """The body of an error answer; ``extra`` members are added where they hold something."""
    body = {
        "type": "about:blank",
        "title": TITLES.get(status_code, "Error"),
        "status": status_code,
        "detail": detail,
        "code": code,
        "request_id": current_request_id(),
    }
    return {**{key: value for key, value in body.items() if value}, **{k: v for k, v in extra.items() if v}}


def _translate(error: Exception) -> tuple[int, dict[str, Any]] | None:
    """Errors of our own and of Django in the shape of a problem."""
    if isinstance(error, StaleObject):
        return 412, problem(412, str(error), code=error.code, help=error.help)
    if isinstance(error, RuleViolation):
        return 409, problem(409, str(error), code=error.code, help=error.help, field=error.field)
    if isinstance(error, NotAllowed):
        return 403, problem(403, str(error), code="not_allowed", help=error.help)
    if isinstance(error, NotReady):
        return 503, problem(503, str(error), code="not_ready")
    if isinstance(error, DjangoValidationError):
        detail = error.message_dict if hasattr(error, "error_dict") else {"non_field_errors": error.messages}
        return 422, problem(422, "Some of what you sent is not valid.", code="invalid", errors=_flatten(detail))
    if isinstance(error, IntegrityError):
        return 409, problem(409, "This contradicts something already recorded.", code="conflict")
    return None


def problem_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: every refusal is a problem+json; input that fits no field is 422."""
    translated = _translate(error)
    if translated is not None:
        from rest_framework.views import set_rollback

        set_rollback()
        return Response(translated[1], status=translated[0], content_type="application/problem+json")
    if isinstance(error, PermissionDenied) and not isinstance(error, exceptions.APIException):
        error = exceptions.PermissionDenied()
    if isinstance(error, Http404):
        error = exceptions.NotFound("There is nothing here, or you may not see it.")
    response = exception_handler(error, context)
    if response is None or not isinstance(error, exceptions.APIException):
        return response
    code = str(getattr(error, "default_code", ""))
    if isinstance(error, exceptions.ValidationError):
        response.status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
        response.data = problem(
            422, "Some of what you sent is not valid.", code="invalid", errors=_flatten(error.detail)
        )
    else:
        response.data = problem(response.status_code, str(error.detail), code=code)
    response.content_type = "application/problem+json"
    return response
