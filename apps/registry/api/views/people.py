from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.audit.as_of import requested_instant

from ... import actions
from ...models import Deputyship, RoleAssignment
from ...rosters import assignments_of, deputyships_of
from ..serializers import (
    DeputyAppointSerializer,
    DeputyshipSerializer,
    OwnerChangeSerializer,
    RoleGrantSerializer,
    RoleSerializer,
)
from ._shared import AS_OF, REASON, find_system, given_reason, valid


def _created(serializer: Any) -> Response:
    return Response(serializer.data, status=status.HTTP_201_CREATED)


class SystemRoles(APIView):
    """Who has which role on a system. Not in pages: a system has a handful."""

    @extend_schema(operation_id="roles_list", responses=RoleSerializer(many=True), parameters=[AS_OF])
    def get(self, request: Request, slug: str) -> Response:
        rows = assignments_of(find_system(request, slug), requested_instant(request))
        return Response(RoleSerializer(rows, many=True).data)

    @extend_schema(operation_id="roles_grant", request=RoleGrantSerializer, responses={201: RoleSerializer})
    def post(self, request: Request, slug: str) -> Response:
        """Give a role to a person or a team."""
        system = find_system(request, slug)
        terms = valid(RoleGrantSerializer(data=request.data))
        return _created(RoleSerializer(actions.grant_role(system, by=request.user, **terms)))


class RoleDetail(APIView):
    @extend_schema(operation_id="roles_withdraw", responses={204: None}, parameters=[REASON])
    def delete(self, request: Request, slug: str, pk: int) -> Response:
        """Take the role away. What its holder had signed by it no longer counts."""
        assignment = get_object_or_404(RoleAssignment, system=find_system(request, slug), pk=pk)
        actions.withdraw_role(assignment, by=request.user, reason=given_reason(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class SystemOwner(APIView):
    @extend_schema(operation_id="owner_change", request=OwnerChangeSerializer, responses=RoleSerializer)
    def put(self, request: Request, slug: str) -> Response:
        """Name the owner; a system has one."""
        system = find_system(request, slug)
        terms = valid(OwnerChangeSerializer(data=request.data))
        return Response(RoleSerializer(actions.change_owner(system, by=request.user, **terms)).data)


class SystemDeputyships(APIView):
    """Who stands in for whom, past ones included."""

    @extend_schema(operation_id="deputyships_list", responses=DeputyshipSerializer(many=True), parameters=[AS_OF])
    def get(self, request: Request, slug: str) -> Response:
        at = requested_instant(request)
        rows = deputyships_of(find_system(request, slug), at)
        return Response(DeputyshipSerializer(rows, many=True, context={"at": at}).data)

    @extend_schema(
        operation_id="deputyships_appoint", request=DeputyAppointSerializer, responses={201: DeputyshipSerializer}
    )
    def post(self, request: Request, slug: str) -> Response:
        """Name a deputy for at most 90 days."""
        system = find_system(request, slug)
        terms = valid(DeputyAppointSerializer(data=request.data))
        return _created(DeputyshipSerializer(actions.appoint_deputy(system, by=request.user, **terms)))


class DeputyshipDetail(APIView):
    @extend_schema(operation_id="deputyships_end", responses=DeputyshipSerializer)
    def delete(self, request: Request, slug: str, pk: int) -> Response:
        """End it before its time; the record stays."""
        row = get_object_or_404(Deputyship, system=find_system(request, slug), pk=pk)
        return Response(DeputyshipSerializer(actions.end_deputyship(row, by=request.user)).data)
