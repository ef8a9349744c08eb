from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.api.mixins import IfMatchMixin
from apps.gates.api.serializers import ReasonSerializer

from ... import actions, policies
from ...boards import attached, board, discussion, verdicts
from ...models import EvidenceLink, ReviewItem
from ...views.common import person_may
from ..serializers import (
    AnswerSerializer,
    AssignSerializer,
    AttachSerializer,
    CommentAddSerializer,
    CommentSerializer,
    ItemSerializer,
    NotApplicableSerializer,
    RejectSerializer,
    VerifySerializer,
)
from ._shared import AS_OF, IF_MATCH, REASON, find_evidence, find_item, item_row, moment_of, today, valid


def item_json(found: ReviewItem, at: Any = None) -> dict[str, Any]:
    """One item with its answer and everything around it, as it is or as it was."""
    shown = board(found.review, at=at)
    row = next(row for row in shown.rows if row.item.pk == found.item_id)
    it = row.review_item
    pieces = [line["evidence"] for line in attached(row, at)]
    body = {
        **item_row(row),
        "review": found.review.uid,
        "answer": it.answer,
        "answered_at": it.answered_at,
        "proposes_not_applicable": it.proposes_not_applicable,
        "not_applicable_condition": it.not_applicable_condition,
        "verified_at": it.verified_at,
        "verification_note": it.verification_note,
        "attached": pieces,
        "verdicts": verdicts(it, at),
        "discussion": discussion(it, at),
        "url": f"{settings.SITE_URL}{found.get_absolute_url()}",
    }
    return ItemSerializer(body, context={"day": today()}).data


class ItemDoor(IfMatchMixin, APIView):
    """What the addresses of one item share."""

    def changed(
        self, request: Request, uid: Any, key: str, serializer: Any, act: Callable[..., Any], check: Callable[..., None]
    ) -> Response:
        """Do ``act`` on the item in the version the caller saw, and answer with the item as it is then."""
        found = find_item(request, uid, key)
        person_may(check, found, user=request.user)
        expected = self.expected_version(found)
        asked = valid(serializer(data=request.data)) if serializer else {}
        act(found, by=request.user, expected_version=expected, **asked)
        return self.shown(request, uid, key)

    def shown(self, request: Request, uid: Any, key: str, code: int = status.HTTP_200_OK) -> Response:
        found = find_item(request, uid, key)
        return self.tagged(Response(item_json(found), status=code), found)


def door(name: str, serializer: Any, act: Callable[..., Any], check: Callable[..., None], words: str) -> type[ItemDoor]:
    """An address that does one thing to an item."""

    class Door(ItemDoor):
        __doc__ = words

        @extend_schema(operation_id=f"item_{name}", request=serializer, responses=ItemSerializer, parameters=[IF_MATCH])
        def post(self, request: Request, uid: Any, key: str) -> Response:
            return self.changed(request, uid, key, serializer, act, check)

    Door.__name__ = Door.__qualname__ = f"Item{name.title().replace('_', '')}"
    return Door


class ItemDetail(ItemDoor):
    """One item of a review: its answer, evidence, verdicts and discussion."""

    @extend_schema(operation_id="item", responses=ItemSerializer, parameters=[AS_OF])
    def get(self, request: Request, uid: Any, key: str) -> Response:
        found = find_item(request, uid, key)
        if at := moment_of(request, found.review):
            return Response(item_json(found, at))
        return self.shown(request, uid, key)

    @extend_schema(
        operation_id="item_answer", request=AnswerSerializer, responses=ItemSerializer, parameters=[IF_MATCH]
    )
    def patch(self, request: Request, uid: Any, key: str) -> Response:
        """Write the answer; with ``submit`` hand it over for verification."""
        return self.changed(request, uid, key, AnswerSerializer, actions.answer_item, policies.check_can_answer)


ItemSubmit = door(
    "submit", None, actions.submit_item, policies.check_can_submit, "Hand the stored answer over for verification."
)
ItemNotApplicable = door(
    "not_applicable",
    NotApplicableSerializer,
    actions.propose_not_applicable,
    policies.check_can_propose_not_applicable,
    "Propose that the item does not apply; a second person decides.",
)
ItemVerify = door(
    "verify",
    VerifySerializer,
    actions.verify_item,
    policies.check_can_judge,
    "Confirm an answer, or that the item does not apply.",
)
ItemReject = door(
    "reject",
    RejectSerializer,
    actions.reject_item,
    policies.check_can_judge,
    "Send an answer back, saying what is missing.",
)
ItemReopen = door("reopen", ReasonSerializer, actions.reopen_item, policies.check_can_reopen, "Take an item up again.")


class ItemAssign(ItemDoor):
    """Ask somebody to answer an item by a day."""

    @extend_schema(
        operation_id="item_assign", request=AssignSerializer, responses=ItemSerializer, parameters=[IF_MATCH]
    )
    def post(self, request: Request, uid: Any, key: str) -> Response:
        def act(found: ReviewItem, *, assigned_to: Any, **terms: Any) -> Any:
            return actions.assign_item(found, to=assigned_to, **terms)

        return self.changed(request, uid, key, AssignSerializer, act, policies.check_can_assign)


class ItemComments(APIView):
    """Add to the discussion of an item. Nothing it says is part of what is signed."""

    @extend_schema(operation_id="item_comment", request=CommentAddSerializer, responses={201: CommentSerializer})
    def post(self, request: Request, uid: Any, key: str) -> Response:
        found = find_item(request, uid, key)
        person_may(policies.check_can_comment, found, user=request.user)
        asked = valid(CommentAddSerializer(data=request.data))
        comment = actions.add_comment(found, by=request.user, **asked)
        return Response(CommentSerializer(comment).data, status=status.HTTP_201_CREATED)


class ItemEvidence(ItemDoor):
    """Attach evidence of the system to an item. Send ``If-Match`` if it matters what the item was like."""

    @extend_schema(operation_id="item_attach", request=AttachSerializer, responses={201: ItemSerializer})
    def post(self, request: Request, uid: Any, key: str) -> Response:
        found = find_item(request, uid, key)
        person_may(policies.check_can_attach, found, user=request.user)
        expected = self.expected_version(found) if request.headers.get("If-Match") else None
        asked = valid(AttachSerializer(data=request.data))
        evidence = find_evidence(request, asked["evidence"])
        actions.attach_evidence(found, by=request.user, evidence=evidence, expected_version=expected)
        return self.shown(request, uid, key, status.HTTP_201_CREATED)


class ItemEvidenceDetail(ItemDoor):
    """Take evidence away from an item; the evidence itself stays with the system."""

    @extend_schema(operation_id="item_detach", responses=ItemSerializer, parameters=[REASON])
    def delete(self, request: Request, uid: Any, key: str, evidence_uid: Any) -> Response:
        found = find_item(request, uid, key)
        links = EvidenceLink.objects.select_related("evidence__system", "review_item__review__system")
        link = get_object_or_404(links, review_item=found, evidence__uid=evidence_uid)
        person_may(policies.check_can_detach, link, user=request.user)
        asked = valid(ReasonSerializer(data={"reason": request.query_params.get("reason", "")}))
        actions.detach_evidence(link, by=request.user, **asked)
        return self.shown(request, uid, key)
