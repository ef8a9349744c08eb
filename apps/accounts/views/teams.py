"""Teams: everybody may see who is in which, the office changes them."""

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts import actions, policies
from apps.accounts.forms import MemberForm, TeamForm
from apps.accounts.models import Team, User

from .common import OK, attempt, office_required

OFFERED = 300  # names in the list that a browser offers while typing; any other can be typed


@login_required
@require_safe
def team_list(request: HttpRequest) -> HttpResponse:
    query = request.GET.get("q", "").strip()
    teams = Team.objects.called(query).with_size()
    return render(request, "accounts/team_list.html", {"teams": teams, "q": query})


@login_required
@require_safe
def team(request: HttpRequest, pk: int) -> HttpResponse:
    return _show(request, get_object_or_404(Team, pk=pk))


def _show(request: HttpRequest, team: Team, *, status: int = OK, form: MemberForm | None = None) -> HttpResponse:
    can_change = policies.can_manage_people(user=request.user)
    members = User.objects.filter(groups=team.group_id).order_by("full_name", "pk")
    context: dict[str, Any] = {"team": team, "members": members, "can_change": can_change}
    if can_change:
        context["form"] = form or MemberForm()
        context["offered"] = (
            User.objects.people().active().exclude(groups=team.group_id).order_by("full_name")[:OFFERED]
        )
    return render(request, "accounts/team.html", context, status=status)


@office_required
@require_http_methods(["GET", "POST"])
def team_new(request: HttpRequest) -> HttpResponse:
    form = TeamForm(request.POST or None)
    status = OK
    if request.method == "POST":
        made: list[Team] = []
        status = attempt(form, lambda: made.append(actions.create_team(by=request.user, **form.cleaned_data)))
        if made:
            messages.success(request, f"The team {made[0]} is there. Now add its people.")
            return redirect("accounts:team", pk=made[0].pk)
    return render(request, "accounts/team_form.html", {"form": form}, status=status)


@office_required
@require_http_methods(["GET", "POST"])
def team_edit(request: HttpRequest, pk: int) -> HttpResponse:
    team = get_object_or_404(Team, pk=pk)
    form = TeamForm(request.POST or None, initial={"name": team.name, "description": team.description})
    status = OK
    if request.method == "POST":
        status = attempt(form, lambda: actions.rename_team(team, by=request.user, **form.cleaned_data))
        if status == OK:
            messages.success(request, "The team is saved.")
            return redirect("accounts:team", pk=pk)
    return render(request, "accounts/team_form.html", {"form": form, "team": team}, status=status)


@office_required
@require_POST
def member_add(request: HttpRequest, pk: int) -> HttpResponse:
    team = get_object_or_404(Team, pk=pk)
    form = MemberForm(request.POST)

    def add() -> None:
        actions.add_to_team(team, form.cleaned_data["person"], by=request.user, reason=form.cleaned_data["reason"])

    status = attempt(form, add)
    if status != OK:
        return _show(request, team, status=status, form=form)
    messages.success(request, f"{form.cleaned_data['person']} is in {team} now.")
    return redirect("accounts:team", pk=pk)


@office_required
@require_POST
def member_remove(request: HttpRequest, pk: int, uid: uuid.UUID) -> HttpResponse:
    team = get_object_or_404(Team, pk=pk)
    person = get_object_or_404(User, uid=uid)
    actions.remove_from_team(team, person, by=request.user)
    messages.success(request, f"{person} is no longer in {team}.")
    return redirect("accounts:team", pk=pk)
