import json
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.api.mixins import IdempotentMixin, IfMatchMixin
from apps.core.canonical import canonical_bytes, sha256_hex
from apps.core.models import IdempotencyKey
from apps.gates.api.serializers import ReasonSerializer

from ... import actions, policies
from ...content import section_content, statement_for
from ...effective import section_states
from ...models import Condition, Review, Section, SignOff
from ...views.common import person_may, why_not
from ..serializers import (
    CompleteSerializer,
    ConditionSerializer,
    SignOffSerializer,
    SignSerializer,
    SnapshotSerializer,
)
from ._shared import IDEMPOTENCY_KEY, IF_MATCH, NewestFirst, find_review, find_system, in_person, valid

JSON_FILE = {(200, "application/json"): OpenApiResponse(OpenApiTypes.OBJECT, "The stored bytes")}
NO_TOKENS = "A token cannot sign. Only a person signs, in the browser, and proves who they are for each signature."


def _section(review: Review, key: str) -> Section:
    return get_object_or_404(Section, template_id=review.template_id, key=key)


class SectionSnapshot(APIView):
    """What would be signed now: the content of a section in canonical JSON, its digest, and the words to be signed."""

    @extend_schema(operation_id="section_snapshot", responses=SnapshotSerializer)
    def get(self, request: Request, uid: Any, key: str) -> Response:
        review = find_review(request, uid)
        section = _section(review, key)
        content = section_content(review, section)
        refusal = why_not(lambda: policies.check_can_sign(review, section, user=request.user))
        body = {
            "review": review.uid,
            "section": section.key,
            "sha256": content.sha256,
            "canonical": content.canonical.decode(),
            "content": json.loads(content.canonical),
            "seen": content.seen,
            "statements": {
                "approval": statement_for(section),
                "rejection": statement_for(section, SignOff.Meaning.REJECTION),
            },
            "can_sign": not refusal,
            "why_not": refusal,
        }
        return Response(SnapshotSerializer(body).data)


def _effective(review: Review) -> set[int]:
    """Which signatures of a review count now."""
    states = section_states(review).values()
    return {state.sign_off.pk for state in states if state.effective and state.sign_off is not None}


def _sign_offs() -> QuerySet[SignOff]:
    return (
        SignOff.objects.select_related(
            "review__system",
            "review__template",
            "section",
            "signer",
            "on_behalf_of",
            "proof",
            "snapshot",
            "void__voided_by",
        )
        .defer("snapshot__body", "payload")
        .order_by("-id")
    )


def sign_off_json(found: Any, review: Review, *, many: bool = False) -> Any:
    return SignOffSerializer(found, many=many, context={"effective": _effective(review)}).data


class ReviewSignOffs(IdempotentMixin, generics.ListAPIView):
    """All signatures of a review, void ones included, newest first; and a new one by a person in the browser."""

    serializer_class = SignOffSerializer
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[SignOff]:
        return _sign_offs()

    @extend_schema(operation_id="sign_offs_list")
    def get(self, request: Request, uid: Any) -> Response:
        review = find_review(request, uid)
        page = self.paginate_queryset(self.get_queryset().filter(review=review))
        return self.get_paginated_response(sign_off_json(page or (), review, many=True))

    @extend_schema(
        operation_id="sign_off",
        request=SignSerializer,
        responses={201: SignOffSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, uid: Any) -> Response:
        """Sign a section with what its snapshot answered: 409 ``content_changed`` where it is not what is there now."""
        review = find_review(request, uid)
        in_person(request, NO_TOKENS)
        return self.once(request, lambda: self._sign(request, review))

    def once(self, request: Request, work: Any) -> Response:
        """
        As in :class:`IdempotentMixin`, but the answer is stored after the signature, not in its transaction.

        Tries of a password count even when nothing is signed, so they cannot be part of a transaction. A process killed
        in between answers a repetition with 409 ``signed_already``: no second signature is possible.
        """
        key = request.headers.get("Idempotency-Key", "").strip()
        if not key or len(key) > 200:
            return super().once(request, work)
        digest = self._digest(request)
        if (stored := self._stored(request, key, digest)) is not None:
            return stored
        response = work()
        IdempotencyKey.objects.get_or_create(
            user=request.user,
            key=key,
            defaults={"request_digest": digest, "status": response.status_code, "body": response.data},
        )
        return response

    @staticmethod
    def _digest(request: Request) -> str:
        """The request in a digest that holds nothing of the password."""
        body = {name: str(value) for name, value in request.data.items() if name not in ("password", "code")}
        return sha256_hex(canonical_bytes([request.method, request.get_full_path(), body]))

    @staticmethod
    def _sign(request: Request, review: Review) -> Response:
        asked = valid(SignSerializer(data=request.data))
        section = _section(review, asked.pop("section"))
        made = actions.sign_off(
            review, section, by=request.user, zone=asked.pop("zone", timezone.get_current_timezone_name()), **asked
        )
        found = _sign_offs().get(pk=made.pk)
        answer = Response(sign_off_json(found, review), status=status.HTTP_201_CREATED)
        answer["Location"] = f"/api/v1/sign-offs/{made.uid}/"
        return answer


class SignOffDetail(APIView):
    """One signature with everything that belongs to it."""

    @extend_schema(operation_id="sign_off_detail", responses=SignOffSerializer)
    def get(self, request: Request, uid: Any) -> Response:
        found = get_object_or_404(_sign_offs().visible_to(request.user), uid=uid)
        return Response(sign_off_json(found, found.review))


class SignOffSnapshot(APIView):
    """The very bytes that were signed; their SHA-256 is ``content_sha256``."""

    @extend_schema(operation_id="sign_off_snapshot", responses=JSON_FILE)
    def get(self, request: Request, uid: Any) -> HttpResponse:
        found = get_object_or_404(SignOff.objects.visible_to(request.user).select_related("snapshot"), uid=uid)
        return HttpResponse(bytes(found.snapshot.body), content_type="application/json")


class SignOffPayload(APIView):
    """The canonical JSON of the signature itself; its SHA-256 is ``signature_sha256``."""

    @extend_schema(operation_id="sign_off_payload", responses=JSON_FILE)
    def get(self, request: Request, uid: Any) -> HttpResponse:
        found = get_object_or_404(SignOff.objects.visible_to(request.user), uid=uid)
        return HttpResponse(bytes(found.payload), content_type="application/json")


class SignOffWithdraw(APIView):
    """The signer takes the signature back, in the browser."""

    @extend_schema(operation_id="sign_off_withdraw", request=ReasonSerializer, responses=SignOffSerializer)
    def post(self, request: Request, uid: Any) -> Response:
        found = get_object_or_404(_sign_offs().visible_to(request.user), uid=uid)
        in_person(request, "A token cannot take a signature back.")
        person_may(policies.check_can_withdraw_sign_off, found, user=request.user)
        asked = valid(ReasonSerializer(data=request.data))
        actions.withdraw_sign_off(found, by=request.user, **asked)
        found = _sign_offs().get(pk=found.pk)
        return Response(sign_off_json(found, found.review))


# --- Conditions -------------------------------------------------------------------------------------------------------


def _conditions() -> QuerySet[Condition]:
    return Condition.objects.select_related("system", "sign_off__signer", "sign_off__void", "owner", "done_by")


class SystemConditions(generics.ListAPIView):
    """The conditions stated in signatures of a system, newest first."""

    serializer_class = ConditionSerializer
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[Condition]:
        if getattr(self, "swagger_fake_view", False):
            return Condition.objects.none()
        return _conditions().filter(system=find_system(self.request, self.kwargs["slug"]))


class ConditionDetail(IfMatchMixin, APIView):
    """One condition of a signature."""

    @extend_schema(operation_id="condition", responses=ConditionSerializer)
    def get(self, request: Request, pk: int) -> Response:
        found = get_object_or_404(_conditions().visible_to(request.user), pk=pk)
        return self.tagged(Response(ConditionSerializer(found).data), found)


class ConditionComplete(IfMatchMixin, APIView):
    """Its owner, or the signer, says how it was fulfilled."""

    @extend_schema(
        operation_id="condition_complete",
        request=CompleteSerializer,
        responses=ConditionSerializer,
        parameters=[IF_MATCH],
    )
    def post(self, request: Request, pk: int) -> Response:
        found = get_object_or_404(_conditions().visible_to(request.user), pk=pk)
        person_may(policies.check_can_complete_condition, found, user=request.user)
        expected = self.expected_version(found)
        asked = valid(CompleteSerializer(data=request.data))
        actions.complete_condition(found, by=request.user, expected_version=expected, **asked)
        found = _conditions().get(pk=pk)
        return self.tagged(Response(ConditionSerializer(found).data), found)
