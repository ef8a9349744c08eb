from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.models import User
from apps.audit.as_of import requested_instant
from apps.core.exceptions import StaleObject
from apps.core.querysets import Reader

from .. import actions, policies
from ..forms import ModelForm, ReasonForm, UseOtherForm, VersionForm
from ..models import AISystem, ModelVersion, RegisteredModel, VersionUse
from ._shared import attempt, changes_since, find_system, frame, merged, posted


@dataclass
class VersionLine:
    version: ModelVersion
    registered_by: Any
    use: VersionUse | None = None


@dataclass
class ModelLine:
    model: RegisteredModel
    versions: list[VersionLine] = field(default_factory=list)


@dataclass
class Borrowed:
    """A version of another system's model that this system uses."""

    use: VersionUse
    version: ModelVersion
    model: RegisteredModel
    owner_slug: str
    owner_name: str


def _lines(system: AISystem, viewer: Any, at: datetime | None) -> tuple[list[ModelLine], list[Borrowed], int]:
    """The models of the system, what it borrows, and how many borrowed ones the viewer may not see."""
    read = Reader(at)
    models = {row.pk: ModelLine(row) for row in read(RegisteredModel).filter(system_id=system.pk).order_by("name")}
    uses = {row.model_version_id: row for row in read(VersionUse).filter(system_id=system.pk)}
    own = list(read(ModelVersion).filter(model_id__in=list(models)).order_by("-number"))
    people = User.objects.in_bulk({row.registered_by_id for row in own})
    for row in own:
        line = VersionLine(row, people[row.registered_by_id], uses.pop(row.pk, None))
        models[row.model_id].versions.append(line)
    borrowed = _borrowed(uses, viewer, read) if uses else []
    return list(models.values()), borrowed, len(uses) - len(borrowed)


def _borrowed(uses: dict[int, VersionUse], viewer: Any, read: Reader) -> list[Borrowed]:
    """Uses of other systems' versions, as far as ``viewer`` may see those systems now."""
    versions = {row.pk: row for row in read(ModelVersion).filter(pk__in=list(uses))} if read.at else None
    now = ModelVersion.objects.visible_to(viewer).filter(pk__in=list(uses)).select_related("model__system")
    rows = []
    for row in now.order_by("model__name", "-number"):
        version = versions.get(row.pk, row) if versions is not None else row
        home = row.model.system
        rows.append(Borrowed(uses[row.pk], version, row.model, home.slug, home.name))
    return rows


def _page(
    request: HttpRequest, system: AISystem, *, status: int = 200, at: datetime | None = None, **forms: Any
) -> HttpResponse:
    contributes = at is None and policies.can_contribute(system, user=request.user)
    lines, borrowed, hidden = _lines(system, request.user, at)
    context = frame(
        system,
        at=at,
        lines=lines,
        borrowed=borrowed,
        hidden=hidden,
        contributes=contributes,
        model_form=forms.get("model_form") or (ModelForm(prefix="model") if contributes else None),
        other_form=forms.get("other_form") or (UseOtherForm(prefix="other") if contributes else None),
    )
    return render(request, "registry/system_models.html", context, status=status)


@login_required
@require_safe
def system_models(request: HttpRequest, slug: str) -> HttpResponse:
    """Models, their versions, and which of them the system works with, now or at a past moment."""
    return _page(request, find_system(request, slug), at=requested_instant(request))


def _contributing(request: HttpRequest, slug: str) -> AISystem:
    system = find_system(request, slug)
    policies.check_can_contribute(system, user=request.user)
    return system


@login_required
@require_POST
def model_register(request: HttpRequest, slug: str) -> HttpResponse:
    system = _contributing(request, slug)
    form = ModelForm(request.POST, prefix="model")
    made: list[RegisteredModel] = []
    status = 422
    if form.is_valid():
        values = form.cleaned_data
        status = attempt(form, lambda: made.append(actions.register_model(system, by=request.user, **values)))
    if status:
        return _page(request, system, status=status, model_form=form)
    messages.success(request, f"{made[0]} is registered. Now add the version you work with.")
    return redirect("registry:version-register", slug=slug, pk=made[0].pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def version_register(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Add the next version of a model of this system."""
    system = _contributing(request, slug)
    model = get_object_or_404(RegisteredModel, system=system, pk=pk)
    form = VersionForm(posted(request))
    made: list[ModelVersion] = []
    status = 422 if form.is_bound else 200
    if form.is_bound and form.is_valid():
        status = attempt(form, lambda: made.append(actions.register_version(model, by=request.user, **form.values())))
    if made:
        messages.success(request, f"{made[0]} is registered. Say that it is in use once the system works with it.")
        return redirect("registry:system-models", slug=slug)
    return render(request, "registry/version_form.html", frame(system, form=form, model=model), status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def version_correct(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    system = _contributing(request, slug)
    version = get_object_or_404(ModelVersion.objects.select_related("model"), model__system=system, pk=pk)
    form = VersionForm(posted(request), instance=version)
    status, context = 422 if form.is_bound else 200, dict[str, Any]()
    if form.is_bound and form.is_valid():
        expected = form.cleaned_data["version"]
        try:
            status = attempt(
                form,
                lambda: actions.correct_version(version, by=request.user, expected_version=expected, **form.values()),
            )
        except StaleObject:
            version.refresh_from_db()
            fields = list(VersionForm.Meta.fields)
            form = VersionForm(merged(form, version, expected, fields), instance=version)
            context = {"stale": True, "changes": changes_since(version, expected, fields)}
            status = 409
        if not status:
            messages.success(request, "Saved.")
            return redirect("registry:system-models", slug=slug)
    context = frame(system, form=form, model=version.model, model_version=version, **context)
    return render(request, "registry/version_form.html", context, status=status)


@login_required
@require_POST
def version_use(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    system = _contributing(request, slug)
    version = get_object_or_404(ModelVersion.objects.visible_to(request.user), pk=pk)
    use = actions.use_version(system, by=request.user, model_version=version)
    messages.success(request, f"{use.model_version} is in use.")
    return redirect("registry:system-models", slug=slug)


@login_required
@require_POST
def version_use_other(request: HttpRequest, slug: str) -> HttpResponse:
    """Use a version of another system's model, named as people name it."""
    system = _contributing(request, slug)
    form = UseOtherForm(request.POST, prefix="other")
    status = 422
    if form.is_valid():
        terms = form.cleaned_data
        visible = ModelVersion.objects.visible_to(request.user).select_related("model")
        version = visible.filter(model__name=terms["model"], number=terms["number"]).first()
        if version is None:
            form.add_error("model", "There is no such version, or you may not see it.")
        else:
            purpose = terms["purpose"]
            status = attempt(
                form,
                lambda: actions.use_version(system, by=request.user, model_version=version, purpose=purpose),
            )
        if not status:
            messages.success(request, f"{version} is in use.")
            return redirect("registry:system-models", slug=slug)
    return _page(request, system, status=status, other_form=form)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def version_stop(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    system = _contributing(request, slug)
    use = get_object_or_404(VersionUse.objects.select_related("model_version__model"), system=system, pk=pk)
    form = ReasonForm(posted(request))
    status = 422 if form.is_bound else 200
    if form.is_bound and form.is_valid():
        reason = form.cleaned_data["reason"]
        if not (status := attempt(form, lambda: actions.stop_using_version(use, by=request.user, reason=reason))):
            messages.success(request, f"{use.model_version} is no longer in use.")
            return redirect("registry:system-models", slug=slug)
    return render(request, "registry/version_stop.html", frame(system, form=form, use=use), status=status)
