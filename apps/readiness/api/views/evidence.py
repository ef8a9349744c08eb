import hashlib
from datetime import timedelta
from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.api.mixins import IdempotentMixin, IfMatchMixin
from apps.gates.api.serializers import ReasonSerializer

from ... import actions, policies
from ...models import Evidence, EvidenceKind, ReviewItem
from ...views.common import person_may
from ...views.evidence import send_file
from ..serializers import EvidenceAddSerializer, EvidenceFactsSerializer, EvidenceSerializer
from ._shared import IDEMPOTENCY_KEY, IF_MATCH, NewestFirst, find_evidence, find_system, today, valid

STATES = [("valid", "Counts today"), ("expired", "Has run out"), ("withdrawn", "Withdrawn")]


class EvidenceFilter(django_filters.FilterSet):
    """Which evidence a list is about."""

    kind = django_filters.ChoiceFilter(choices=EvidenceKind.choices)
    state = django_filters.ChoiceFilter(choices=STATES, method="in_state", label="Whether it counts today")
    ends_within = django_filters.NumberFilter(
        method="ending", label="Runs out within this many days", min_value=0, max_value=3660
    )
    sha256 = django_filters.CharFilter(max_length=64, label="Digest of the file")
    q = django_filters.CharFilter(method="search", label="Words in title, file name or reference", max_length=200)

    class Meta:
        model = Evidence
        fields: list[str] = []

    def in_state(self, found: Any, name: str, value: str) -> QuerySet[Evidence]:
        if value == "withdrawn":
            return found.exclude(withdrawn_at=None)
        if value == "valid":
            return found.usable(today())
        return found.filter(withdrawn_at=None, valid_until__lt=today())

    def ending(self, found: Any, name: str, value: Any) -> QuerySet[Evidence]:
        last = today() + timedelta(days=int(value))
        return found.filter(withdrawn_at=None, valid_until__gte=today(), valid_until__lte=last)

    def search(self, found: Any, name: str, value: str) -> QuerySet[Evidence]:
        return found.filter(Q(title__icontains=value) | Q(filename__icontains=value) | Q(reference__icontains=value))


def evidence_json(evidence: Any, *, many: bool = False) -> Any:
    return EvidenceSerializer(evidence, many=many, context={"day": today()}).data


class SystemEvidence(IdempotentMixin, generics.ListAPIView):
    """The evidence of a system, newest first; and more of it."""

    serializer_class = EvidenceSerializer
    filterset_class = EvidenceFilter
    pagination_class = NewestFirst
    # The one address that takes files.
    parser_classes = [JSONParser, MultiPartParser]

    def get_queryset(self) -> QuerySet[Evidence]:
        if getattr(self, "swagger_fake_view", False):
            return Evidence.objects.none()
        system = find_system(self.request, self.kwargs["slug"])
        return Evidence.objects.filter(system=system).select_related("system", "supplied_by", "withdrawn_by")

    @extend_schema(operation_id="evidence_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(evidence_json(page or (), many=True))

    @extend_schema(
        operation_id="evidence_add",
        request={"application/json": EvidenceAddSerializer, "multipart/form-data": EvidenceAddSerializer},
        responses={201: EvidenceSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Supply evidence, and attach it to items in the same step. A file comes as multipart/form-data."""
        system = find_system(request, slug)
        person_may(policies.check_can_add_evidence, system, user=request.user)

        def work() -> Response:
            asked = valid(EvidenceAddSerializer(data=request.data))
            items = _items(request, asked.pop("attach_to", []))
            upload = asked.pop("file", None)
            evidence = actions.add_evidence(system, by=request.user, upload=upload, attach_to=items, **asked)
            answer = Response(evidence_json(evidence), status=status.HTTP_201_CREATED)
            answer["Location"] = f"/api/v1/evidence/{evidence.uid}/"
            return IfMatchMixin.tagged(answer, evidence)

        return self.once(request, work)

    @staticmethod
    def _digest(request: Request) -> str:
        """The request in a digest, with what is in the file instead of its name alone."""
        digest = hashlib.sha256(IdempotentMixin._digest(request).encode())
        for name in sorted(request.FILES):
            for chunk in request.FILES[name].chunks():
                digest.update(chunk)
            request.FILES[name].seek(0)
        return digest.hexdigest()


def _items(request: Request, names: list[str]) -> list[ReviewItem]:
    """:raises ValidationError: an item that is not there, or not for this reader to see."""
    found = []
    visible = ReviewItem.objects.visible_to(request.user).select_related("review__system", "item__section")
    for name in names:
        review, _, key = name.partition("/")
        match = visible.filter(review__uid=review, item__key=key).first()
        if match is None:
            raise ValidationError({"attach_to": [f"There is no item {name}."]})
        found.append(match)
    return found


class EvidenceDetail(IfMatchMixin, APIView):
    """One piece of evidence."""

    @extend_schema(operation_id="evidence", responses=EvidenceSerializer)
    def get(self, request: Request, uid: Any) -> Response:
        evidence = find_evidence(request, uid)
        return self.tagged(Response(evidence_json(evidence)), evidence)

    @extend_schema(
        operation_id="evidence_change",
        request=EvidenceFactsSerializer,
        responses=EvidenceSerializer,
        parameters=[IF_MATCH],
    )
    def patch(self, request: Request, uid: Any) -> Response:
        """Correct what is said about it. A file is never exchanged."""
        evidence = find_evidence(request, uid)
        person_may(policies.check_can_change_evidence, evidence, user=request.user)
        expected = self.expected_version(evidence)
        asked = valid(EvidenceFactsSerializer(data=request.data, partial=True))
        actions.change_evidence(evidence, by=request.user, expected_version=expected, **asked)
        evidence = find_evidence(request, uid)
        return self.tagged(Response(evidence_json(evidence)), evidence)


class EvidenceFile(APIView):
    """The file of a piece of evidence, as a download. ``Repr-Digest`` carries its SHA-256."""

    @extend_schema(
        operation_id="evidence_file",
        responses={(200, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY, "The file")},
    )
    def get(self, request: Request, uid: Any) -> FileResponse:
        return send_file(find_evidence(request, uid))


class EvidenceWithdraw(IfMatchMixin, APIView):
    """Say that evidence no longer counts. It stays readable; items that rest on it are looked at again."""

    @extend_schema(
        operation_id="evidence_withdraw",
        request=ReasonSerializer,
        responses=EvidenceSerializer,
        parameters=[IF_MATCH],
    )
    def post(self, request: Request, uid: Any) -> Response:
        evidence = find_evidence(request, uid)
        person_may(policies.check_can_withdraw_evidence, evidence, user=request.user)
        expected = self.expected_version(evidence)
        asked = valid(ReasonSerializer(data=request.data))
        actions.withdraw_evidence(evidence, by=request.user, expected_version=expected, **asked)
        evidence = find_evidence(request, uid)
        return self.tagged(Response(evidence_json(evidence)), evidence)
