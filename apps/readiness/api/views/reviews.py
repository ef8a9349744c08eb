from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.api.mixins import IdempotentMixin, IfMatchMixin
from apps.gates.api.serializers import ReasonSerializer
from apps.registry.models import Phase

from ... import actions, policies
from ...boards import board
from ...models import Review
from ...views.common import person_may
from ..serializers import (
    ReviewOpenSerializer,
    ReviewRowSerializer,
    ReviewSerializer,
    VersionsSerializer,
)
from ._shared import (
    AS_OF,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    NewestFirst,
    find_review,
    find_system,
    find_versions,
    moment_of,
    review_json,
    review_row,
    valid,
)


class ReviewFilter(django_filters.FilterSet):
    phase = django_filters.ChoiceFilter(choices=Phase.choices)
    state = django_filters.ChoiceFilter(choices=Review.State.choices)

    class Meta:
        model = Review
        fields: list[str] = []


class SystemReviews(IdempotentMixin, generics.ListAPIView):
    """The reviews of a system, newest first; and a new one."""

    serializer_class = ReviewRowSerializer
    filterset_class = ReviewFilter
    pagination_class = NewestFirst

    def get_queryset(self) -> QuerySet[Review]:
        if getattr(self, "swagger_fake_view", False):
            return Review.objects.none()
        system = find_system(self.request, self.kwargs["slug"])
        return Review.objects.filter(system=system).select_related("system", "template", "opened_by")

    @extend_schema(operation_id="reviews_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([review_row(review) for review in page or ()])

    @extend_schema(
        operation_id="reviews_open",
        request=ReviewOpenSerializer,
        responses={201: ReviewSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, slug: str) -> Response:
        """Open a review towards a phase. It starts as a copy of the newest one, without signatures."""
        system = find_system(request, slug)
        person_may(policies.check_can_open_review, system, user=request.user)

        def work() -> Response:
            asked = valid(ReviewOpenSerializer(data=request.data))
            versions = find_versions(request, asked["versions"]) if "versions" in asked else None
            review = actions.open_review(system, by=request.user, phase=asked["phase"], versions=versions)
            answer = Response(detail(review), status=status.HTTP_201_CREATED)
            answer["Location"] = f"/api/v1/reviews/{review.uid}/"
            return IfMatchMixin.tagged(answer, review)

        return self.once(request, work)


def detail(review: Review, at: Any = None) -> dict[str, Any]:
    return ReviewSerializer(review_json(board(review, at=at))).data


class ReviewDetail(IfMatchMixin, APIView):
    """One review with its sections, signatures and items."""

    @extend_schema(operation_id="review", responses=ReviewSerializer, parameters=[AS_OF])
    def get(self, request: Request, uid: Any) -> Response:
        review = find_review(request, uid)
        at = moment_of(request, review)
        answer = Response(detail(review, at))
        return answer if at else self.tagged(answer, review)


class ReviewClose(IfMatchMixin, APIView):
    """Close a review: nothing in it changes any more, and its signatures no longer count."""

    @extend_schema(
        operation_id="review_close", request=ReasonSerializer, responses=ReviewSerializer, parameters=[IF_MATCH]
    )
    def post(self, request: Request, uid: Any) -> Response:
        review = find_review(request, uid)
        person_may(policies.check_can_close_review, review, user=request.user)
        expected = self.expected_version(review)
        asked = valid(ReasonSerializer(data=request.data))
        review = actions.close_review(review, by=request.user, expected_version=expected, **asked)
        return self.tagged(Response(detail(find_review(request, uid))), review)


class ReviewVersions(IfMatchMixin, APIView):
    """Say which model versions a review is about. Signatures given so far end when they change."""

    @extend_schema(
        operation_id="review_versions", request=VersionsSerializer, responses=ReviewSerializer, parameters=[IF_MATCH]
    )
    def put(self, request: Request, uid: Any) -> Response:
        review = find_review(request, uid)
        person_may(policies.check_can_change_versions, review, user=request.user)
        expected = self.expected_version(review)
        asked = valid(VersionsSerializer(data=request.data))
        versions = find_versions(request, asked["versions"])
        actions.change_reviewed_versions(review, by=request.user, versions=versions, expected_version=expected)
        review = find_review(request, uid)
        return self.tagged(Response(detail(review)), review)
