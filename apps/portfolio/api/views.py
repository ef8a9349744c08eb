from typing import Any

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.audit.timeline import rows_of
from apps.core.api.renderers import OrjsonRenderer
from apps.registry.models import AISystem

from ..exports import FORMATS, export_response
from ..forms import PortfolioFilter
from ..funnel import funnel_for
from ..history import KINDS, entries_of
from ..work import work_of
from .serializers import EventSerializer, ExportSerializer, SummarySerializer, WorkSerializer


class MyWork(APIView):
    """What awaits the person the token or session belongs to, most blocking first."""

    @extend_schema(operation_id="my_work", responses=WorkSerializer)
    def get(self, request: Request) -> Response:
        tasks = [task.as_json() for task in work_of(request.user)]
        return Response({"count": len(tasks), "results": tasks})


class Summary(APIView):
    """The portfolio in numbers: by phase, business function and tier, with the scale rate."""

    @extend_schema(operation_id="portfolio_summary", responses=SummarySerializer)
    def get(self, request: Request) -> Response:
        return Response(funnel_for(request.user).as_json())


class _File(BaseRenderer):
    """Lets a client ask for the file by its type; the view answers with the file itself."""

    render_style = "binary"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return OrjsonRenderer().render(data)


class CsvFile(_File):
    media_type = "text/csv"
    format = "csv"


class XlsxFile(_File):
    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    format = "xlsx"


class Export(APIView):
    """The systems you may see as a file, narrowed by the filters of the list. It is put on record."""

    renderer_classes = [OrjsonRenderer, CsvFile, XlsxFile]

    @extend_schema(
        operation_id="portfolio_export",
        parameters=[ExportSerializer],
        responses={
            (200, "text/csv"): OpenApiTypes.STR,
            (200, XlsxFile.media_type): OpenApiTypes.BINARY,
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        form = PortfolioFilter(request.query_params)
        errors = {} if form.is_valid() else {name: list(messages) for name, messages in form.errors.items()}
        file_format = FORMATS.get(request.query_params.get("file_format", "csv"))
        if file_format is None:
            errors["file_format"] = [f"One of: {', '.join(FORMATS)}."]
        if errors or file_format is None:
            raise ValidationError(errors)
        return export_response(request.user, form.choice(), file_format)


@extend_schema(
    parameters=[
        OpenApiParameter("kind", str, enum=list(KINDS), description="Only changes to this part of the system."),
    ]
)
class SystemHistory(generics.ListAPIView):
    """Every change to a system on record, newest first, in the words of its history page."""

    serializer_class = EventSerializer
    filter_backends: list = []

    def get_queryset(self) -> Any:
        system = get_object_or_404(AISystem.objects.visible_to(self.request.user), slug=self.kwargs["slug"])
        kind = self.request.query_params.get("kind", "")
        if kind and kind not in KINDS:
            raise ValidationError({"kind": [f"One of: {', '.join(KINDS)}."]})
        return entries_of(system, kind)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self.paginator.ordering = ("-pk",)
        entries = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response([row.as_json() for row in rows_of(entries or [], user=request.user)])
