from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from apps.core.exceptions import StaleObject

from .. import actions, policies
from ..duplicates import similar_systems
from ..forms import NOT_ASSESSED, RegisterForm, SystemForm, TierForm
from ._shared import attempt, changes_since, find_system, frame, merged, posted


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def system_new(request: HttpRequest) -> HttpResponse:
    """Register a system; likely duplicates are shown once before it is saved."""
    office = policies.can_import(user=request.user)
    form = RegisterForm(posted(request), office=office)
    context: dict[str, Any] = {"form": form}
    if not form.is_bound:
        return render(request, "registry/system_new.html", context)
    if not form.is_valid():
        return render(request, "registry/system_new.html", context, status=422)
    facts = form.facts()
    if form.cleaned_data["confirmed"] != facts["name"]:
        context["duplicates"] = similar_systems(request.user, facts["name"], facts["purpose"])
        if context["duplicates"]:
            context["name"] = facts["name"]
            return render(request, "registry/system_new.html", context, status=409)
    made = []
    if refused := attempt(form, lambda: made.append(actions.register_system(by=request.user, **facts))):
        return render(request, "registry/system_new.html", context, status=refused)
    system = made[0]
    messages.success(request, f"{system.name} is registered. Next: name the people who work on it.")
    return redirect(system.get_absolute_url())


@login_required
@require_safe
def duplicates(request: HttpRequest) -> HttpResponse:
    """The fragment that appears while a name is typed."""
    name, purpose = request.GET.get("name", "").strip()[:400], request.GET.get("purpose", "")[:5000]
    context = {"duplicates": similar_systems(request.user, name, purpose), "name": name}
    return render(request, "registry/_duplicates.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def system_edit(request: HttpRequest, slug: str) -> HttpResponse:
    system = find_system(request, slug)
    policies.check_can_change(system, user=request.user)
    form = SystemForm(posted(request), instance=system)
    if form.is_bound:
        if not form.is_valid():
            return _edit_page(request, system, form, 422)
        facts, version = form.facts(), form.cleaned_data["version"]
        try:
            refused = attempt(
                form, lambda: actions.change_system(system, by=request.user, expected_version=version, **facts)
            )
        except StaleObject:
            return _stale_edit(request, slug, form)
        if refused:
            return _edit_page(request, system, form, refused)
        messages.success(request, "Saved.")
        return redirect(system.get_absolute_url())
    return _edit_page(request, system, form, 200)


def _edit_page(request: HttpRequest, system: Any, form: Any, status: int, **context: Any) -> HttpResponse:
    return render(request, "registry/system_edit.html", frame(system, form=form, **context), status=status)


def _stale_edit(request: HttpRequest, slug: str, form: SystemForm) -> HttpResponse:
    """What others changed, and the reader's own text ready to be saved on top of it."""
    system, version = find_system(request, slug), form.cleaned_data["version"]
    fields = list(SystemForm.Meta.fields)
    again = SystemForm(merged(form, system, version, fields), instance=system)
    return _edit_page(request, system, again, 409, stale=True, changes=changes_since(system, version, fields))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def system_tier(request: HttpRequest, slug: str) -> HttpResponse:
    system = find_system(request, slug)
    policies.check_can_set_tier(system, user=request.user)
    initial = {"tier": system.tier or NOT_ASSESSED, "reason": system.tier_reason, "version": system.version}
    form = TierForm(posted(request), initial=initial)
    status, context = 200, dict[str, Any]()
    if form.is_bound:
        status = 422
        if form.is_valid():
            terms = form.cleaned_data
            try:
                status = attempt(
                    form,
                    lambda: actions.set_tier(
                        system,
                        by=request.user,
                        tier=terms["tier"],
                        reason=terms["reason"],
                        expected_version=terms["version"],
                    ),
                )
            except StaleObject:
                system = find_system(request, slug)
                version, fields = terms["version"], ["phase", *SystemForm.Meta.fields, "tier", "tier_reason"]
                context = {"stale": True, "changes": changes_since(system, version, fields)}
                form = TierForm({**request.POST.dict(), "version": system.version})
                status = 409
            if not status:
                messages.success(request, "The tier is set.")
                return redirect(system.get_absolute_url())
    return render(request, "registry/system_tier.html", frame(system, form=form, **context), status=status)
