from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ...models import ChecklistTemplate
from ..serializers import TemplateRowSerializer, TemplateSerializer


class Templates(APIView):
    """The checklist versions that were loaded, newest first."""

    @extend_schema(operation_id="readiness_templates", responses=TemplateRowSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(TemplateRowSerializer(ChecklistTemplate.objects.all(), many=True).data)


class TemplateDetail(APIView):
    """One checklist with its sections and items; ``current`` is the one in force."""

    @extend_schema(operation_id="readiness_template", responses=TemplateSerializer)
    def get(self, request: Request, version: str) -> Response:
        wanted: dict[str, Any] = {"in_force": True} if version == "current" else {"version": version}
        template = get_object_or_404(ChecklistTemplate, **wanted)
        return Response(TemplateSerializer(template_json(template)).data)


def template_json(template: ChecklistTemplate) -> dict[str, Any]:
    sections = template.sections.prefetch_related("items")
    return {
        **TemplateRowSerializer(template).data,
        "source": template.source,
        "header": template.body,
        "sections": [
            {
                "key": section.key,
                "title": section.title,
                "signing_role": section.signing_role,
                "statement": section.statement,
                "guidance": section.guidance,
                "items": sorted(section.items.all(), key=lambda item: item.position),
            }
            for section in sections
        ],
    }
