from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.api.mixins import IdempotentMixin, IfMatchMixin

from ... import actions
from ...models import ModelVersion, RegisteredModel, VersionUse
from ..serializers import (
    ModelRegisterSerializer,
    ModelSerializer,
    VersionRegisterSerializer,
    VersionSerializer,
    VersionUseRegisterSerializer,
    VersionUseSerializer,
)
from ._shared import IDEMPOTENCY_KEY, IF_MATCH, REASON, ById, find_system, given_reason, valid


def _find_model(request: Request, name: str) -> RegisteredModel:
    if "\x00" in name:
        raise Http404  # PostgreSQL cannot even compare with it
    visible = RegisteredModel.objects.visible_to(request.user).select_related("system")
    return get_object_or_404(visible, name=name)


class SystemModels(generics.ListAPIView):
    """The models that belong to a system."""

    serializer_class = ModelSerializer
    pagination_class = ById

    def get_queryset(self) -> QuerySet[RegisteredModel]:
        if getattr(self, "swagger_fake_view", False):
            return RegisteredModel.objects.none()
        system = find_system(self.request, self.kwargs["slug"])
        return RegisteredModel.objects.filter(system=system).select_related("system")

    @extend_schema(operation_id="models_register", request=ModelRegisterSerializer, responses={201: ModelSerializer})
    def post(self, request: Request, slug: str) -> Response:
        system = find_system(request, slug)
        terms = valid(ModelRegisterSerializer(data=request.data))
        model = actions.register_model(system, by=request.user, **terms)
        return Response(ModelSerializer(model).data, status=status.HTTP_201_CREATED)


class ModelDetail(APIView):
    @extend_schema(operation_id="model", responses=ModelSerializer)
    def get(self, request: Request, name: str) -> Response:
        return Response(ModelSerializer(_find_model(request, name)).data)


class ModelVersions(IdempotentMixin, generics.ListAPIView):
    """The versions of a model, the newest first."""

    serializer_class = VersionSerializer

    class pagination_class(ById):  # noqa: N801 - the framework's name for it
        ordering = "-number"

    def get_queryset(self) -> QuerySet[ModelVersion]:
        if getattr(self, "swagger_fake_view", False):
            return ModelVersion.objects.none()
        model = _find_model(self.request, self.kwargs["name"])
        return ModelVersion.objects.filter(model=model).select_related("model", "registered_by")

    @extend_schema(
        operation_id="versions_register",
        request=VersionRegisterSerializer,
        responses={201: VersionSerializer},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, name: str) -> Response:
        """Register the next version; its number comes with the answer."""

        def work() -> Response:
            model = _find_model(request, name)
            terms = valid(VersionRegisterSerializer(data=request.data))
            version = actions.register_version(model, by=request.user, **terms)
            answer = Response(VersionSerializer(version).data, status=status.HTTP_201_CREATED)
            return IfMatchMixin.tagged(answer, version)

        return self.once(request, work)


class VersionDetail(IfMatchMixin, APIView):
    """One version of a model."""

    def _find(self, request: Request, name: str, number: int) -> ModelVersion:
        versions = ModelVersion.objects.visible_to(request.user).select_related("model__system", "registered_by")
        return get_object_or_404(versions, model=_find_model(request, name), number=number)

    @extend_schema(operation_id="model_version", responses=VersionSerializer)
    def get(self, request: Request, name: str, number: int) -> Response:
        version = self._find(request, name, number)
        return self.tagged(Response(VersionSerializer(version).data), version)

    @extend_schema(
        operation_id="versions_correct",
        request=VersionRegisterSerializer,
        responses=VersionSerializer,
        parameters=[IF_MATCH],
    )
    def patch(self, request: Request, name: str, number: int) -> Response:
        """Correct it. Another digest makes signatures about this version void."""
        version = self._find(request, name, number)
        expected = self.expected_version(version)
        values = valid(VersionRegisterSerializer(data=request.data))
        version = actions.correct_version(version, by=request.user, expected_version=expected, **values)
        return self.tagged(Response(VersionSerializer(version).data), version)


class SystemVersionUses(generics.ListAPIView):
    """The model versions a system works with."""

    serializer_class = VersionUseSerializer
    pagination_class = ById

    def get_queryset(self) -> QuerySet[VersionUse]:
        if getattr(self, "swagger_fake_view", False):
            return VersionUse.objects.none()
        system = find_system(self.request, self.kwargs["slug"])
        visible = ModelVersion.objects.visible_to(self.request.user)
        uses = VersionUse.objects.filter(system=system, model_version__in=visible)
        return uses.select_related("model_version__model")

    @extend_schema(
        operation_id="version_uses_add", request=VersionUseRegisterSerializer, responses={201: VersionUseSerializer}
    )
    def post(self, request: Request, slug: str) -> Response:
        """State that the system works with a version, its own or another system's."""
        system = find_system(request, slug)
        terms: dict[str, Any] = valid(VersionUseRegisterSerializer(data=request.data))
        visible = ModelVersion.objects.visible_to(request.user).select_related("model__system")
        version = visible.filter(model__name=terms["model"], number=terms["number"]).first()
        if version is None:
            raise ValidationError({"model": ["There is no such version, or you may not see it."]})
        use = actions.use_version(system, by=request.user, model_version=version, purpose=terms["purpose"])
        return Response(VersionUseSerializer(use).data, status=status.HTTP_201_CREATED)


class VersionUseDetail(APIView):
    @extend_schema(operation_id="version_uses_end", responses={204: None}, parameters=[REASON])
    def delete(self, request: Request, slug: str, pk: int) -> Response:
        """State that the system no longer works with this version."""
        use = get_object_or_404(VersionUse, system=find_system(request, slug), pk=pk)
        actions.stop_using_version(use, by=request.user, reason=given_reason(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
