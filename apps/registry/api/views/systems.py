from typing import Any

from django.conf import settings
from django.db.models import F, FilteredRelation, Q, QuerySet
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.audit.as_of import requested_instant
from apps.core.api.mixins import IdempotentMixin, IfMatchMixin
from apps.core.api.pagination import CursorPage

from ... import actions
from ...duplicates import similar_systems
from ...models import AISystem
from ...permissions import system_perms
from ...roles import Role
from ...rosters import assignments_of
from ..filters import SystemFilter
from ..serializers import (
    FACTS,
    LikenessSerializer,
    SystemChangeSerializer,
    SystemRegisterSerializer,
    SystemRowSerializer,
    SystemSerializer,
    TierSerializer,
)
from ._shared import AS_OF, IDEMPOTENCY_KEY, IF_MATCH, find_system, valid

OWN = ["id", "uid", "slug", "name", "business_function", "unit", "phase", "tier", "version", "created_at", "updated_at"]
GATE = {
    "next_phase": "status__next_phase",
    "granted": "status__next_granted",
    "missing": "status__missing",
    "met": "status__met",
    "required": "status__required",
    "holds": "status__holds",
    "at_risk_since": "status__at_risk_since",
    "suspended": "status__suspended",
    "sentence": "status__sentence",
}
ORDER_COLUMNS = ["name", "created_at", "updated_at"]
ORDERINGS = [sign + column for column in ORDER_COLUMNS for sign in ("", "-")]


def as_rows(systems: Any, *more: str) -> QuerySet[Any, dict[str, Any]]:
    """One flat dictionary for each system: no instances are built for a list."""
    owned = systems.annotate(owning=FilteredRelation("assignments", condition=Q(assignments__role=Role.OWNER)))
    owned = owned.annotate(owner_username=F("owning__user__username"), owner_name=F("owning__user__full_name"))
    return owned.values(*OWN, *more, "owner_username", "owner_name", "status__system_id", *GATE.values())


def row_json(row: dict[str, Any]) -> dict[str, Any]:
    """A row of :func:`as_rows` as the API shows it."""
    del row["id"]
    username, name = row.pop("owner_username"), row.pop("owner_name")
    known = row.pop("status__system_id") is not None
    gate = {label: row.pop(column) for label, column in GATE.items()}
    row["owner"] = {"username": username, "name": name or username} if username else None
    row["gate"] = gate if known else None
    return row


class SystemPage(CursorPage):
    ordering = ("name", "id")

    def get_ordering(self, request: Request, queryset: Any, view: Any) -> tuple[str, ...]:
        asked = request.query_params.get("ordering", "name")
        if asked not in ORDERINGS:
            raise ValidationError({"ordering": [f"One of {', '.join(ORDERINGS)}."]})
        return (asked, "-id" if asked.startswith("-") else "id")


class Systems(IdempotentMixin, generics.ListAPIView):
    """The systems you may see; and a new one."""

    serializer_class = SystemRowSerializer
    filterset_class = SystemFilter
    pagination_class = SystemPage

    def get_queryset(self) -> QuerySet[AISystem]:
        return AISystem.objects.visible_to(self.request.user)

    @extend_schema(operation_id="systems_list", parameters=[OpenApiParameter("ordering", str, enum=ORDERINGS)])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        # The keys of a page come first, through the permission filter: what a row shows beside them is then read for
        # its hundred systems, not for all that the person may see.
        keys = self.filter_queryset(self.get_queryset()).values("id", *ORDER_COLUMNS)
        page = [row["id"] for row in self.paginate_queryset(keys) or ()]
        rows = {row["id"]: row for row in as_rows(AISystem.objects.filter(pk__in=page))}
        return self.get_paginated_response([row_json(rows[key]) for key in page if key in rows])

    @extend_schema(
        operation_id="systems_register",
        request=SystemRegisterSerializer,
        responses={201: SystemSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request) -> Response:
        """Register a system. Ask ``/duplicates/`` first whether it is there already."""

        def work() -> Response:
            facts = valid(SystemRegisterSerializer(data=request.data))
            system = actions.register_system(by=request.user, **facts)
            answer = Response(detail_json(request, system), status=status.HTTP_201_CREATED)
            answer["Location"] = f"/api/v1/systems/{system.slug}/"
            return IfMatchMixin.tagged(answer, system)

        return self.once(request, work)


def detail_json(request: Request, system: AISystem) -> dict[str, Any]:
    """A system as it is, with what the reader may do."""
    details = [*(fact for fact in FACTS if fact not in OWN), "tier_reason"]
    row = row_json(as_rows(AISystem.objects.filter(pk=system.pk), *details).get())
    return SystemSerializer({**row, **_about(request, system)}).data


def _about(request: Request, system: AISystem) -> dict[str, Any]:
    return {
        "permissions": sorted(system_perms(request.user, system)),
        "url": f"{settings.SITE_URL}{system.get_absolute_url()}",
    }


def _past_json(request: Request, system: AISystem, at: Any) -> dict[str, Any]:
    """A system as it was. What the gate said then is in its decisions."""
    try:
        then = system.history.as_of(at)
    except AISystem.DoesNotExist as error:
        raise Http404 from error
    owner = next((row.user for row in assignments_of(system, at) if row.role == Role.OWNER), None)
    fields = {name: getattr(then, name) for name in (*OWN[1:], *FACTS, "tier_reason")}
    shown = {"username": owner.username, "name": owner.get_full_name()} if owner else None
    return SystemSerializer({**fields, "owner": shown, "gate": None, **_about(request, system)}).data


class SystemDetail(IfMatchMixin, APIView):
    """One system."""

    @extend_schema(operation_id="system", responses=SystemSerializer, parameters=[AS_OF])
    def get(self, request: Request, slug: str) -> Response:
        system = find_system(request, slug)
        if at := requested_instant(request):
            return Response(_past_json(request, system, at))
        return self.tagged(Response(detail_json(request, system)), system)

    @extend_schema(
        operation_id="system_change",
        request=SystemChangeSerializer,
        responses=SystemSerializer,
        parameters=[IF_MATCH],
    )
    def patch(self, request: Request, slug: str) -> Response:
        """Change facts. The phase moves through its gate, the tier has an address of its own."""
        system = find_system(request, slug)
        expected = self.expected_version(system)
        facts = valid(SystemChangeSerializer(system, data=request.data, partial=True))
        system = actions.change_system(system, by=request.user, expected_version=expected, **facts)
        return self.tagged(Response(detail_json(request, system)), system)


class SystemTier(IfMatchMixin, APIView):
    """The risk tier of a system."""

    @extend_schema(
        operation_id="system_tier", request=TierSerializer, responses=SystemSerializer, parameters=[IF_MATCH]
    )
    def put(self, request: Request, slug: str) -> Response:
        system = find_system(request, slug)
        expected = self.expected_version(system)
        terms = valid(TierSerializer(data=request.data))
        system = actions.set_tier(system, by=request.user, expected_version=expected, **terms)
        return self.tagged(Response(detail_json(request, system)), system)


class Duplicates(APIView):
    """Systems that may be the one you are about to register, most alike first."""

    @extend_schema(
        operation_id="duplicates",
        parameters=[OpenApiParameter("name", str, required=True), OpenApiParameter("purpose", str)],
        responses=LikenessSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        name = request.query_params.get("name", "").strip()
        if not name:
            raise ValidationError({"name": ["Which name?"]})
        found = similar_systems(request.user, name[:400], request.query_params.get("purpose", "")[:5000])
        return Response(LikenessSerializer(found, many=True).data)
