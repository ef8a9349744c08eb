"""Everybody's accounts, for the governance office and administrators."""

import uuid
from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import actions, policies
from apps.accounts.forms import OrgRoleForm, PeopleFilter, ReasonForm
from apps.accounts.models import ApiToken, OrganisationRole, OrgRole, Team, User
from apps.audit.timeline import object_timeline

from .common import OK, attempt, office_required

PAGE = 50
NEWEST = 20  # entries of the history on the page of a person


@office_required
@require_safe
def people_list(request: HttpRequest) -> HttpResponse:
    people_filter = PeopleFilter(request.GET)
    people = people_filter.apply(User.objects.people()).with_roles().order_by("full_name", "pk")
    page = Paginator(people, PAGE).get_page(request.GET.get("page"))
    return render(request, "accounts/people_list.html", {"filter": people_filter, "page": page})


def _person(uid: uuid.UUID) -> User:
    return get_object_or_404(User.objects.people(), uid=uid)


def _show(request: HttpRequest, person: User, *, status: int = OK, **forms: Any) -> HttpResponse:
    """The page of a person, with the form that was just refused in the place of its empty one."""
    asks = request.user
    context = {
        "person": person,
        "org_roles": _org_roles(person, asks),
        "teams": Team.objects.filter(group__user=person),
        "tokens": ApiToken.objects.filter(user=person) if asks.administers else None,
        "has_second_factor": Authenticator.objects.filter(user=person, type=Authenticator.Type.TOTP).exists(),
        "entries": object_timeline(person, user=asks, limit=NEWEST),
        "can_switch": policies.can_switch(person, user=asks),
        "can_grant": asks.administers,
        "can_reset_factor": policies.can_reset_second_factor(person, user=asks),
        "switch_form": ReasonForm(prefix="switch"),
        "factor_form": ReasonForm(prefix="factor"),
        "role_form": OrgRoleForm(prefix="role"),
        **forms,
    }
    return render(request, "accounts/person.html", context, status=status)


def _org_roles(person: User, asks: User) -> list[dict[str, Any]]:
    rows = OrganisationRole.objects.filter(user=person).select_related("granted_by").order_by("role")
    return [{"row": row, "can_withdraw": policies.can_withdraw_org_role(person, row.role, user=asks)} for row in rows]


@office_required
@require_safe
def person(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    return _show(request, _person(uid))


@office_required
@require_POST
def switch(request: HttpRequest, uid: uuid.UUID, on: bool) -> HttpResponse:
    """Switch an account off or on."""
    person = _person(uid)
    form = ReasonForm(request.POST, prefix="switch")
    act = actions.reactivate_user if on else actions.deactivate_user
    status = attempt(form, lambda: act(person, by=request.user, **form.cleaned_data))
    if status != OK:
        return _show(request, person, status=status, switch_form=form)
    messages.success(request, f"The account of {person} is switched {'on again' if on else 'off'}.")
    return redirect("accounts:person", uid=uid)


@office_required
@require_POST
def org_role_grant(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    person = _person(uid)
    form = OrgRoleForm(request.POST, prefix="role")
    status = attempt(form, lambda: actions.grant_org_role(person, by=request.user, **form.cleaned_data))
    if status != OK:
        return _show(request, person, status=status, role_form=form)
    messages.success(request, f"{person} is {OrgRole(form.cleaned_data['role']).label} now.")
    return redirect("accounts:person", uid=uid)


@office_required
@require_POST
def org_role_withdraw(request: HttpRequest, uid: uuid.UUID, role: str) -> HttpResponse:
    if role not in OrgRole.values:
        raise Http404
    person = _person(uid)
    actions.withdraw_org_role(person, role, by=request.user)
    messages.success(request, f"{person} is no longer {OrgRole(role).label}.")
    return redirect("accounts:person", uid=uid)


@office_required
@require_POST
def second_factor_reset(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    person = _person(uid)
    form = ReasonForm(request.POST, prefix="factor")
    status = attempt(form, lambda: actions.reset_second_factor(person, by=request.user, **form.cleaned_data))
    if status != OK:
        return _show(request, person, status=status, factor_form=form)
    messages.success(request, f"The second factor of {person} is removed.")
    return redirect("accounts:person", uid=uid)
