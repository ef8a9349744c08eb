from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.models import User
from apps.accounts.stepup import needs_code
from apps.core.exceptions import RuleViolation
from apps.registry.models import PHASE_ORDER, AISystem, ModelVersion, Phase
from apps.registry.people import People

from . import actions, policies
from .evaluation import Evaluation, evaluate, policy_in_force
from .forms import AskForm, ReasonForm, ResumeForm, WaiverDecisionForm, WaiverForm
from .lookup import find_version
from .models import Decision, GatePolicy, GateRequirement, Suspension, Waiver
from .requirements import known_requirements
from .status import next_phase


def _system(request: HttpRequest, slug: str) -> AISystem:
    return get_object_or_404(AISystem.objects.visible_to(request.user).select_related("status"), slug=slug)


def _phase(phase: str) -> str:
    if phase not in Phase.values:
        raise Http404
    return phase


def _posted(request: HttpRequest) -> Any:
    """What was sent; an empty answer is an answer too."""
    return request.POST if request.method == "POST" else None


def _versions(request: HttpRequest) -> Any:
    return ModelVersion.objects.visible_to(request.user)


def _frame(request: HttpRequest, system: AISystem, **context: Any) -> dict[str, Any]:
    """What the header of a system's pages needs."""
    owner = next(iter(People(system).holders("owner")), None)
    return {
        "system": system,
        "owner": owner[0] if owner else None,
        "suspended": system.status.suspended if hasattr(system, "status") else False,
        **context,
    }


def _tell(request: HttpRequest, decision: Decision) -> None:
    level = messages.SUCCESS if decision.granted else messages.WARNING
    messages.add_message(request, level, decision.sentence)


@login_required
@require_safe
def system_gates(request: HttpRequest, slug: str) -> HttpResponse:
    """The road of one system: the gate ahead, decisions so far, waivers, suspensions."""
    system = _system(request, slug)
    ahead = next_phase(system)
    in_policy = policy_in_force().body["gates"]
    context = _frame(
        request,
        system,
        ahead=ahead,
        evaluation=evaluate(system, ahead or system.phase) if (ahead or system.phase in in_policy) else None,
        phases=[
            (Phase(p), PHASE_ORDER.index(p) < PHASE_ORDER.index(system.phase)) for p in PHASE_ORDER if p in in_policy
        ],
        decisions=Decision.objects.filter(system=system).select_related("decided_by", "model_version__model")[:20],
        waivers=Waiver.objects.filter(system=system).select_related("requested_by", "decided_by")[:20],
        suspensions=Suspension.objects.filter(system=system).select_related("suspended_by", "resumption")[:20],
        can_suspend=policies.can_suspend(system, user=request.user),
    )
    return render(request, "gates/system_gates.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, slug: str, phase: str) -> HttpResponse:
    """GET asks (nothing is kept), POST records the answer."""
    system, phase = _system(request, slug), _phase(phase)
    if request.method == "POST":
        version = find_version(system, request.POST.get("version", ""), among=_versions(request))
        decision = actions.record_decision(system, by=request.user, phase=phase, version=version)
        _tell(request, decision)
        return redirect("gates:decision", uid=decision.uid)
    form = AskForm(request.GET or None)
    asked: dict[str, Any] = {"at": None, "version": None}
    if form.is_bound and form.is_valid():
        try:
            asked["version"] = find_version(system, form.cleaned_data["version"], among=_versions(request))
            asked["at"] = form.cleaned_data["at"]
        except RuleViolation as error:
            form.add_error("version", str(error))
    evaluation = evaluate(system, phase, at=asked["at"], version=asked["version"])
    return render(
        request,
        "gates/ask.html",
        _frame(
            request,
            system,
            form=form,
            phase=Phase(phase),
            evaluation=evaluation,
            asked_at=asked["at"],
            asked_version=asked["version"],
            waivable=_waivable(evaluation, request.user),
            may_enter=policies.can_enter_phase(system, user=request.user) and phase != system.phase,
        ),
        status=422 if form.is_bound and form.errors else 200,
    )


def _is_behind(phase: str, system: AISystem) -> bool:
    return PHASE_ORDER.index(phase) < PHASE_ORDER.index(system.phase)


def _waivable(evaluation: Evaluation, user: Any) -> list:
    if not policies.can_request_waiver(evaluation.system, user=user):
        return []
    return [result for result in evaluation.missing if result.waivable]


@login_required
@require_POST
def enter(request: HttpRequest, slug: str, phase: str) -> HttpResponse:
    system, phase = _system(request, slug), _phase(phase)
    given = request.POST.get("version", "")
    decision = actions.enter_phase(
        system, by=request.user, phase=phase, expected_version=int(given) if given.isdigit() else None
    )
    _tell(request, decision)
    if decision.granted:
        return redirect(system)
    return redirect("gates:decision", uid=decision.uid)


@login_required
@require_safe
def decision(request: HttpRequest, uid: Any) -> HttpResponse:
    found = get_object_or_404(
        Decision.objects.visible_to(request.user).select_related(
            "system__status", "policy", "decided_by", "model_version__model"
        ),
        uid=uid,
    )
    missing = [r for r in found.results if r["status"] == "not_met"]
    settled = [r for r in found.results if r["status"] != "not_met"]
    return render(
        request,
        "gates/decision.html",
        _frame(request, found.system, decision=found, missing=missing, settled=settled),
    )


@login_required
@require_safe
def decision_json(request: HttpRequest, uid: Any) -> HttpResponse:
    """The very bytes whose SHA-256 the decision carries."""
    found = get_object_or_404(Decision.objects.visible_to(request.user), uid=uid)
    response = HttpResponse(bytes(found.body), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="decision-{found.uid}.json"'
    return response


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def waiver_new(request: HttpRequest, slug: str, phase: str) -> HttpResponse:
    system, phase = _system(request, slug), _phase(phase)
    policies.check_can_request_waiver(system, user=request.user)
    key = request.GET.get("requirement") or request.POST.get("requirement", "")
    evaluation = evaluate(system, phase)
    result = next((r for r in evaluation.results if r.key == key), None)
    if result is None:
        raise Http404
    form = WaiverForm(_posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            waiver = actions.request_waiver(system, by=request.user, phase=phase, requirement=key, **form.cleaned_data)
        except RuleViolation as error:
            form.add_error(error.field or None, str(error))
        else:
            messages.success(request, "Your request is with the people who may approve it.")
            return redirect("gates:waiver", uid=waiver.uid)
    return render(
        request,
        "gates/waiver_new.html",
        _frame(request, system, form=form, result=result, phase=Phase(phase)),
        status=422 if form.errors else 200,
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def waiver(request: HttpRequest, uid: Any) -> HttpResponse:
    """One waiver; POST with ``approve``, ``refuse`` or ``withdraw`` decides it."""
    found = get_object_or_404(
        Waiver.objects.visible_to(request.user).select_related("system__status", "requested_by", "decided_by"), uid=uid
    )
    form = WaiverDecisionForm(_posted(request), initial={"version": found.version})
    if request.method == "POST" and form.is_valid():
        try:
            _decide(request, found, form)
        except RuleViolation as error:
            form.add_error(error.field or None, str(error))
        else:
            return redirect("gates:waiver", uid=found.uid)
    return render(
        request,
        "gates/waiver.html",
        _frame(
            request,
            found.system,
            waiver=found,
            form=form,
            can_decide=policies.can_decide_waiver(found, user=request.user),
            can_withdraw=policies.can_withdraw_waiver(found, user=request.user),
        ),
        status=422 if form.errors else 200,
    )


def _decide(request: HttpRequest, found: Waiver, form: WaiverDecisionForm) -> None:
    note = form.cleaned_data["note"]
    if "withdraw" in request.POST:
        actions.withdraw_waiver(found, by=request.user, reason=note or "no longer needed")
        messages.success(request, "The waiver is withdrawn.")
        return
    approve = "approve" in request.POST
    actions.decide_waiver(
        found, by=request.user, approve=approve, note=note, expected_version=form.cleaned_data["version"]
    )
    messages.success(request, "The waiver is approved." if approve else "The waiver is refused.")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def suspend(request: HttpRequest, slug: str) -> HttpResponse:
    system = _system(request, slug)
    policies.check_can_suspend(system, user=request.user)
    form = ReasonForm(_posted(request))
    if request.method == "POST" and form.is_valid():
        actions.suspend(system, by=request.user, reason=form.cleaned_data["reason"])
        messages.warning(request, "Suspended. Its gates refuse until a resumption is signed.")
        return redirect("gates:system-gates", slug=slug)
    return render(request, "gates/suspend.html", _frame(request, system, form=form), status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def resume(request: HttpRequest, slug: str) -> HttpResponse:
    system = _system(request, slug)
    suspension = Suspension.objects.filter(system=system, resumption=None).select_related("suspended_by").first()
    form = ResumeForm(_posted(request), needs_code=needs_code(cast(User, request.user)))
    if request.method == "POST" and suspension is not None and form.is_valid():
        try:
            actions.resume(suspension, by=request.user, zone=timezone.get_current_timezone_name(), **form.cleaned_data)
        except RuleViolation as error:
            form.add_error(error.field if error.field in form.fields else None, str(error))
        else:
            messages.success(request, "Signed. Its gates answer again.")
            return redirect("gates:system-gates", slug=slug)
    return render(
        request,
        "gates/resume.html",
        _frame(
            request,
            system,
            form=form,
            suspension=suspension,
            statement=actions.RESUME_STATEMENT,
            can_resume=suspension is not None and policies.can_resume(suspension, user=request.user),
        ),
        status=422 if form.errors else 200,
    )


@login_required
@require_safe
def policy(request: HttpRequest) -> HttpResponse:
    """What each gate asks for, per tier, as loaded; and the versions loaded before."""
    key = request.GET.get("version")
    shown = GatePolicy.objects.filter(version=key).first() if key else policy_in_force()
    if shown is None:
        raise Http404
    known = known_requirements()
    lines: dict[str, list[dict[str, Any]]] = {}
    for line in GateRequirement.objects.filter(policy=shown):
        title = known[line.name].title if line.name in known else line.name
        detail = ", ".join(str(v) for v in line.params.values() if not isinstance(v, list))
        lines.setdefault(line.phase, []).append({"line": line, "title": title, "detail": detail})
    gates = [
        {"phase": Phase(p), "about": shown.body["gates"].get(p, {}), "lines": lines[p]}
        for p in PHASE_ORDER
        if p in lines
    ]
    return render(request, "gates/policy.html", {"policy": shown, "gates": gates, "versions": GatePolicy.objects.all()})
