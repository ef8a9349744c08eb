"""The product's addresses and the two floors: the least that a list of 100 rows can cost on this stack."""

from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from rest_framework import generics, serializers

from apps.core.api.pagination import CursorPage
from apps.registry.models import AISystem

COLUMNS = ["slug", "name", "unit", "business_function", "phase", "tier", "purpose", "created_at", "updated_at"]
STATEMENT = (
    f"SELECT coalesce(json_agg(rows), '[]')::text FROM (SELECT {', '.join(COLUMNS)} FROM registry_aisystem"  # noqa: S608
    " ORDER BY id LIMIT 100) rows"
)
STATEMENT_SQLITE = (
    f"SELECT json_group_array(json_object({', '.join(f'{c!r}, {c}' for c in COLUMNS)}))"  # noqa: S608
    f" FROM (SELECT {', '.join(COLUMNS)} FROM registry_aisystem ORDER BY id LIMIT 100)"
)


def one_statement(request: HttpRequest) -> HttpResponse:
    """100 rows as JSON by the database itself, behind the same middleware as everything."""
    with connection.cursor() as cursor:
        cursor.execute(STATEMENT if connection.vendor == "postgresql" else STATEMENT_SQLITE)
        return HttpResponse(cursor.fetchone()[0], content_type="application/json")


class RowSerializer(serializers.ModelSerializer):
    class Meta:
        model = AISystem
        fields = COLUMNS


class Rows(generics.ListAPIView):
    """100 rows through a plain ModelSerializer, for anybody, without asking for rights."""

    authentication_classes: list[Any] = []
    permission_classes: list[Any] = []
    throttle_classes: list[Any] = []
    serializer_class = RowSerializer
    pagination_class = CursorPage
    queryset = AISystem.objects.all()


urlpatterns = [
    path("bench/statement/", one_statement),
    path("bench/serializer/", Rows.as_view()),
    path("", include("factory.urls")),
]
