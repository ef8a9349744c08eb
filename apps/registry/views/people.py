from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.audit.as_of import requested_instant

from .. import actions, policies
from ..forms import DeputyForm, GrantForm, OwnerForm, ReasonForm
from ..models import AISystem, Deputyship, RoleAssignment
from ..people import Owed, People
from ..roles import Role
from ..rosters import assignments_of, deputyships_of, state_of_deputyship
from ._shared import attempt, find_system, frame, owner_of, posted

# What a role is for, in the words of the page.
MEANING = {
    Role.OWNER: "Answers for the system, changes its facts, names its people and moves it through the gates.",
    Role.CONTRIBUTOR: "Answers items, supplies evidence, registers model versions.",
    Role.TECHNICAL_APPROVER: "Verifies answers and signs the technical section.",
    Role.OPERATIONAL_APPROVER: "Verifies answers and signs the operational section.",
    Role.BUSINESS_APPROVER: "Verifies answers and signs the business section.",
    Role.GOVERNANCE_APPROVER: "Verifies, signs the governance section, approves waivers and resumptions.",
    Role.RISK_OWNER: "Sets the risk tier and accepts risks.",
    Role.KPI_OWNER: "Defines the KPIs and enters measurements.",
    Role.AUDITOR: "Sees everything, changes nothing.",
    Role.VIEWER: "Sees the system.",
}

# Nobody waits for these, so their absence falls to nobody.
OWES_NOTHING = {Role.AUDITOR, Role.VIEWER}


@dataclass
class Holder:
    """One line of the roles table."""

    assignment: RoleAssignment
    who: Any
    members: list[Any] | None = None
    may_withdraw: bool = False


@dataclass
class RoleLine:
    role: str
    label: str
    meaning: str
    holders: list[Holder] = field(default_factory=list)
    falls_to: Owed | None = None


@dataclass
class DeputyLine:
    deputyship: Deputyship
    role: str
    state: str
    may_end: bool = False


def _roles(system: AISystem, rows: list[RoleAssignment], *, viewer: Any, at: datetime | None) -> list[RoleLine]:
    manages = at is None and policies.can_manage_people(system, user=viewer)
    runs_office = policies.can_assign_in_bulk(user=viewer)
    people = People(system)
    lines = {role: RoleLine(role, str(Role(role).label), MEANING[Role(role)]) for role in MEANING}
    for row in rows:
        members = None
        if row.team is not None:
            members = [user for user in row.team.group.user_set.all() if user.is_active]
        may = (manages and (row.role != Role.OWNER or runs_office)) or (
            row.user_id == viewer.pk and row.role != Role.OWNER
        )
        lines[Role(row.role)].holders.append(Holder(row, row.holder, members, may and at is None))
    for line in lines.values():
        if at is None and line.role not in OWES_NOTHING and not people.holders(line.role):
            line.falls_to = people.who_owes(line.role)
    return list(lines.values())


def _deputies(system: AISystem, *, viewer: Any, manages: bool, at: datetime | None) -> list[DeputyLine]:
    lines = []
    for row in deputyships_of(system, at):
        state = state_of_deputyship(row, at)
        may = at is None and state != "ended" and (manages or viewer.pk in (row.principal_id, row.deputy_id))
        lines.append(DeputyLine(row, str(Role(row.role).label), state, may))
    return lines


def _held(rows: list[RoleAssignment], *, viewer: Any, manages: bool) -> list[tuple[Any, str]]:
    """Whose roles may get a deputy through ``viewer``: everybody's for who manages people, else one's own."""
    held = []
    for row in rows:
        people = list(row.team.group.user_set.all()) if row.team else [row.user]
        held += [(person, row.role) for person in people if person.is_active and (manages or person.pk == viewer.pk)]
    return list(dict.fromkeys(held))


def _page(
    request: HttpRequest, system: AISystem, *, status: int = 200, at: datetime | None = None, **forms: Any
) -> HttpResponse:
    rows = assignments_of(system, at)
    manages = at is None and policies.can_manage_people(system, user=request.user)
    held = _held(rows, viewer=request.user, manages=manages) if at is None else []
    context = frame(
        system,
        at=at,
        owner=next((row.user for row in rows if row.role == Role.OWNER), None),
        lines=_roles(system, rows, viewer=request.user, at=at),
        deputies=_deputies(system, viewer=request.user, manages=manages, at=at),
        manages=manages,
        has_owner=any(row.role == Role.OWNER for row in rows),
        grant_form=forms.get("grant_form") or (GrantForm(prefix="grant") if manages else None),
        deputy_form=forms.get("deputy_form") or (DeputyForm(prefix="deputy", held=held) if held else None),
    )
    return render(request, "registry/system_people.html", context, status=status)


@login_required
@require_safe
def system_people(request: HttpRequest, slug: str) -> HttpResponse:
    """Who has which role, now or at a past moment."""
    return _page(request, find_system(request, slug), at=requested_instant(request))


@login_required
@require_POST
def role_grant(request: HttpRequest, slug: str) -> HttpResponse:
    system = find_system(request, slug)
    policies.check_can_manage_people(system, user=request.user)
    form = GrantForm(request.POST, prefix="grant")
    status = 422
    if form.is_valid():
        terms = form.cleaned_data
        if not (status := attempt(form, lambda: actions.grant_role(system, by=request.user, **terms))):
            who = terms["user"] or terms["team"]
            messages.success(request, f"{who} is now {Role(terms['role']).label.lower()}.")
            return redirect("registry:system-people", slug=slug)
    return _page(request, system, status=status, grant_form=form)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def role_withdraw(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    system = find_system(request, slug)
    assignment = get_object_or_404(
        RoleAssignment.objects.select_related("system", "user", "team"), system=system, pk=pk
    )
    policies.check_can_withdraw(assignment, user=request.user)
    form = ReasonForm(posted(request))
    status = 422 if form.is_bound else 200
    if form.is_bound and form.is_valid():
        holder, label = assignment.holder, assignment.get_role_display().lower()
        reason = form.cleaned_data["reason"]
        status = attempt(form, lambda: actions.withdraw_role(assignment, by=request.user, reason=reason))
        if not status:
            messages.success(request, f"{holder} is no longer {label}.")
            still_there = AISystem.objects.visible_to(request.user).filter(pk=system.pk).exists()
            return redirect("registry:system-people", slug=slug) if still_there else redirect("portfolio:home")
    return render(
        request, "registry/role_withdraw.html", frame(system, form=form, assignment=assignment), status=status
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def owner_change(request: HttpRequest, slug: str) -> HttpResponse:
    system = find_system(request, slug)
    policies.check_can_manage_people(system, user=request.user)
    form = OwnerForm(posted(request))
    status = 422 if form.is_bound else 200
    if form.is_bound and form.is_valid():
        terms = form.cleaned_data
        if not (status := attempt(form, lambda: actions.change_owner(system, by=request.user, **terms))):
            messages.success(request, f"{terms['user']} owns {system.name} now.")
            return redirect("registry:system-people", slug=slug)
    owner = owner_of(system)
    return render(request, "registry/owner_change.html", frame(system, owner=owner, form=form), status=status)


@login_required
@require_POST
def deputy_appoint(request: HttpRequest, slug: str) -> HttpResponse:
    system = find_system(request, slug)
    manages = policies.can_manage_people(system, user=request.user)
    held = _held(assignments_of(system, None), viewer=request.user, manages=manages)
    if not held:
        policies.check_can_manage_people(system, user=request.user)
    form = DeputyForm(request.POST, prefix="deputy", held=held)
    status = 422
    if form.is_valid():
        terms = form.terms()
        if not (status := attempt(form, lambda: actions.appoint_deputy(system, by=request.user, **terms))):
            messages.success(request, f"{terms['deputy']} stands in for {terms['principal']}.")
            return redirect("registry:system-people", slug=slug)
    return _page(request, system, status=status, deputy_form=form)


@login_required
@require_POST
def deputy_end(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    system = find_system(request, slug)
    deputyship = get_object_or_404(Deputyship, system=system, pk=pk)
    actions.end_deputyship(deputyship, by=request.user)
    messages.success(request, "The deputyship has ended.")
    return redirect("registry:system-people", slug=slug)
