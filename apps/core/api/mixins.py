"""What the doors for machines share: ETags with If-Match, and Idempotency-Key."""

import hashlib
from typing import Any

from django.db import IntegrityError, transaction
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.problems import PreconditionRequired
from apps.core.exceptions import RuleViolation, StaleObject
from apps.core.models import GovernedModel, IdempotencyKey


class IfMatchMixin:
    """
    Governed objects answer with an ``ETag`` and are changed only with ``If-Match``.

    :meth:`expected_version` gives the action the version the caller saw: 428 without the header, 412 when it is not
    the current one. The action compares again under its lock.
    """

    request: Request

    def expected_version(self, obj: GovernedModel) -> int:
        given = self.request.headers.get("If-Match", "").strip()
        if not given:
            raise PreconditionRequired
        if given.removeprefix("W/") != obj.etag:
            raise StaleObject
        return obj.version

    @staticmethod
    def tagged(response: Response, obj: GovernedModel) -> Response:
        response["ETag"] = obj.etag
        return response


class IdempotentMixin:
    """
    Repeat a request with the same ``Idempotency-Key`` and get the first answer again; the work is done once.

    The answer is stored in the transaction of the work itself, so a killed process leaves both or neither. The same
    key with another body is refused (409 ``idempotency_key_reused``).
    """

    def once(self, request: Request, work: Any) -> Response:
        key = request.headers.get("Idempotency-Key", "").strip()
        if not key:
            return work()
        if len(key) > 200:
            raise ValidationError({"Idempotency-Key": ["At most 200 characters."]})
        digest = self._digest(request)
        if (stored := self._stored(request, key, digest)) is not None:
            return stored
        try:
            with transaction.atomic():
                response = work()
                IdempotencyKey.objects.create(
                    user=request.user, key=key, request_digest=digest, status=response.status_code, body=response.data
                )
                return response
        except IntegrityError:
            # Two identical requests raced: the other one won and its answer is stored by now.
            if (stored := self._stored(request, key, digest)) is not None:
                return stored
            raise

    @staticmethod
    def _digest(request: Request) -> str:
        import orjson

        parts = [request.method or "", request.get_full_path()]
        body = orjson.dumps({k: str(v) for k, v in request.data.items()}, option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256("\n".join(parts).encode() + body).hexdigest()

    @staticmethod
    def _stored(request: Request, key: str, digest: str) -> Response | None:
        found = IdempotencyKey.objects.filter(user=request.user, key=key).first()
        if found is None:
            return None
        if found.request_digest != digest:
            raise RuleViolation(
                "This Idempotency-Key was used for a different request. Use a new key for new work.",
                code="idempotency_key_reused",
            )
        return Response(found.body, status=found.status, headers={"Idempotent-Replay": "true"})
