from typing import Any

import orjson
from django.conf import settings
from django.shortcuts import get_object_or_404
from django.utils.dateparse import parse_date, parse_datetime
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.models import ApiToken, Scope
from apps.core.api.mixins import IdempotentMixin, IfMatchMixin
from apps.core.api.pagination import CursorPage
from apps.core.api.renderers import OrjsonRenderer
from apps.core.exceptions import NotAllowed
from apps.registry.models import AISystem, ModelVersion, Phase

from .. import actions
from ..evaluation import evaluate, version_json
from ..forms import future_instant
from ..lookup import find_version
from ..models import Decision, GatePolicy, Suspension, Waiver
from .serializers import (
    AnswerSerializer,
    AskSerializer,
    DecisionAnswerSerializer,
    DecisionRowSerializer,
    EnterPhaseSerializer,
    ReasonSerializer,
    SuspensionSerializer,
    WaiverDecisionSerializer,
    WaiverSerializer,
)


class NewestFirst(CursorPage):
    ordering = ("-decided_at", "-pk")


def system_or_404(request: Request, slug: str) -> AISystem:
    return get_object_or_404(AISystem.objects.visible_to(request.user), slug=slug)


def _page(system: str, phase: str) -> str:
    return f"{settings.SITE_URL}/systems/{system}/gates/{phase}/"


def _linked(answer: dict[str, Any]) -> dict[str, Any]:
    """Links as full addresses: a CI log is read far from the portal."""
    results = [{**result, "link": f"{settings.SITE_URL}{result['link']}"} for result in answer["results"]]
    return {**answer, "results": results, "url": _page(answer["system"], answer["phase"])}


def decision_json(decision: Decision) -> dict[str, Any]:
    """A recorded decision in the words of the dry run."""
    return {
        **_linked(
            {
                "system": decision.system.slug,
                "phase": decision.phase,
                "granted": decision.granted,
                "sentence": decision.sentence,
                "evaluated_for": decision.decided_at,
                "tier": decision.system.effective_tier,
                "model_version": version_json(decision.model_version),
                "policy": {
                    "key": decision.policy.key,
                    "version": decision.policy.version,
                    "sha256": decision.policy.sha256,
                },
                "missing": sum(r["status"] == "not_met" and r["severity"] == "blocking" for r in decision.results),
                "results": decision.results,
            }
        ),
        "uid": str(decision.uid),
        "decided_at": decision.decided_at,
        "sha256": decision.sha256,
    }


def asked_instant(request: Request) -> Any:
    """
    The future instant of ``?at=``: a day (its end) or an RFC 3339 time; none for now.

    :raises ValidationError: not a date, or one that has passed.
    """
    text = request.query_params.get("at", "").strip()
    if not text:
        return None
    try:
        if (day := parse_date(text)) is not None:
            return future_instant(day)
        moment = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValidationError({"at": ["Give a day such as 2027-01-31, or a time with its zone."]})
    future_instant(moment.date())
    return moment


class GateDecisions(IdempotentMixin, APIView):
    """May this system enter this phase? GET answers and keeps nothing; POST records the decision."""

    def required_scope(self, request: Request) -> str:
        return Scope.READ if request.method in ("GET", "HEAD", "OPTIONS") else Scope.GATE

    @extend_schema(
        operation_id="gate_dry_run",
        parameters=[
            AskSerializer,
            OpenApiParameter("at", str, description="A later day or time: what will have run out by then."),
        ],
        responses=AnswerSerializer,
    )
    def get(self, request: Request, slug: str, phase: str) -> Response:
        system = system_or_404(request, slug)
        asked = AskSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        version = _asked_version(request, system, asked.validated_data)
        evaluation = evaluate(system, _known(phase), at=asked_instant(request), version=version)
        return Response(_linked(evaluation.as_json()))

    @extend_schema(operation_id="gate_decide", request=AskSerializer, responses={201: DecisionAnswerSerializer})
    def post(self, request: Request, slug: str, phase: str) -> Response:
        system = system_or_404(request, slug)
        asked = AskSerializer(data=request.data)
        asked.is_valid(raise_exception=True)

        def work() -> Response:
            version = _asked_version(request, system, asked.validated_data)
            decision = actions.record_decision(system, by=request.user, phase=_known(phase), version=version)
            return Response(_plain(decision_json(decision)), status=status.HTTP_201_CREATED)

        return self.once(request, work)


def _plain(body: dict[str, Any]) -> dict[str, Any]:
    """JSON types only, as they are sent: so the answer can be stored for a repeated request."""
    return orjson.loads(OrjsonRenderer().render(body))


def _asked_version(request: Request, system: AISystem, asked: dict[str, str]) -> ModelVersion | None:
    if not asked["version"] and not asked["digest"]:
        return None
    return find_version(system, asked["version"], asked["digest"], among=ModelVersion.objects.visible_to(request.user))


def _known(phase: str) -> str:
    if phase not in Phase.values:
        raise ValidationError({"phase": [f"Unknown phase. One of: {', '.join(Phase.values)}."]})
    return phase


class SystemDecisions(generics.ListAPIView):
    """The recorded decisions of one system, newest first."""

    serializer_class = DecisionRowSerializer
    queryset = Decision.objects.none()

    pagination_class = NewestFirst

    def get_queryset(self) -> Any:
        system = system_or_404(self.request, self.kwargs["slug"])
        return Decision.objects.filter(system=system).select_related("decided_by", "model_version__model")


class DecisionDetail(APIView):
    """One recorded decision with all its results."""

    @extend_schema(responses=DecisionAnswerSerializer)
    def get(self, request: Request, uid: Any) -> Response:
        rows = Decision.objects.visible_to(request.user).select_related("system", "policy", "model_version__model")
        return Response(decision_json(get_object_or_404(rows, uid=uid)))


class EnterPhase(IfMatchMixin, IdempotentMixin, APIView):
    """Move a system to a phase. The decision comes back either way; the phase changed if ``granted``."""

    @extend_schema(request=EnterPhaseSerializer, responses={201: DecisionAnswerSerializer})
    def post(self, request: Request, slug: str) -> Response:
        system = system_or_404(request, slug)
        asked = EnterPhaseSerializer(data=request.data)
        asked.is_valid(raise_exception=True)

        def work() -> Response:
            decision = actions.enter_phase(
                system, by=request.user, expected_version=self.expected_version(system), **asked.validated_data
            )
            return Response(_plain(decision_json(decision)), status=status.HTTP_201_CREATED)

        return self.once(request, work)


class SystemWaivers(IdempotentMixin, generics.ListCreateAPIView):
    """The waivers of a system; POST asks for one."""

    serializer_class = WaiverSerializer
    queryset = Waiver.objects.none()

    def get_queryset(self) -> Any:
        system = system_or_404(self.request, self.kwargs["slug"])
        return Waiver.objects.filter(system=system).select_related("system", "requested_by", "decided_by")

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        system = system_or_404(request, kwargs["slug"])
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)

        def work() -> Response:
            waiver = actions.request_waiver(system, by=request.user, **asked.validated_data)
            return Response(self.get_serializer(waiver).data, status=status.HTTP_201_CREATED)

        return self.once(request, work)


class WaiverDetail(IfMatchMixin, APIView):
    """One waiver; POST approves or refuses it. Taking responsibility needs a person in the browser, not a token."""

    def _waiver(self, request: Request, uid: Any) -> Waiver:
        rows = Waiver.objects.visible_to(request.user).select_related("system", "requested_by", "decided_by")
        return get_object_or_404(rows, uid=uid)

    @extend_schema(responses=WaiverSerializer)
    def get(self, request: Request, uid: Any) -> Response:
        waiver = self._waiver(request, uid)
        return self.tagged(Response(WaiverSerializer(waiver).data), waiver)

    @extend_schema(request=WaiverDecisionSerializer, responses=WaiverSerializer)
    def post(self, request: Request, uid: Any) -> Response:
        waiver = self._waiver(request, uid)
        if isinstance(request.auth, ApiToken):
            raise NotAllowed("A token cannot decide on a waiver.", help="Sign in and decide on its page.")
        asked = WaiverDecisionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        waiver = actions.decide_waiver(
            waiver, by=request.user, expected_version=self.expected_version(waiver), **asked.validated_data
        )
        return self.tagged(Response(WaiverSerializer(waiver).data), waiver)


class WaiverWithdrawal(APIView):
    """Take a request back, or end a running waiver early."""

    @extend_schema(request=ReasonSerializer, responses=WaiverSerializer)
    def post(self, request: Request, uid: Any) -> Response:
        waiver = get_object_or_404(Waiver.objects.visible_to(request.user), uid=uid)
        asked = ReasonSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        waiver = actions.withdraw_waiver(waiver, by=request.user, **asked.validated_data)
        return Response(WaiverSerializer(waiver).data)


class SystemSuspensions(generics.ListCreateAPIView):
    """Suspensions of a system; POST suspends it. Resuming is signed in the browser."""

    serializer_class = SuspensionSerializer
    queryset = Suspension.objects.none()

    def get_queryset(self) -> Any:
        system = system_or_404(self.request, self.kwargs["slug"])
        return Suspension.objects.filter(system=system).select_related("suspended_by", "resumption")

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        system = system_or_404(request, kwargs["slug"])
        asked = self.get_serializer(data=request.data)
        asked.is_valid(raise_exception=True)
        suspension = actions.suspend(system, by=request.user, **asked.validated_data)
        return Response(self.get_serializer(suspension).data, status=status.HTTP_201_CREATED)


class PolicyInForce(APIView):
    """The gate policy in force: every phase with its requirements, parameters and tiers."""

    @extend_schema(responses={200: dict})
    def get(self, request: Request) -> Response:
        policy = get_object_or_404(GatePolicy, in_force=True)
        requirements = policy.requirements.values("phase", "name", "params", "tiers", "severity", "waivable")
        return Response(
            {
                "key": policy.key,
                "version": policy.version,
                "sha256": policy.sha256,
                "title": policy.title,
                "source": policy.source,
                "requirements": list(requirements),
            }
        )
