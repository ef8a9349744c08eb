"""One's own account."""

import uuid

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts import actions, stepup
from apps.accounts.forms import EmailForm, ProfileForm, TokenForm
from apps.accounts.models import ApiToken, OrgRole, Team

from .common import OK, attempt


@login_required
@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    user = request.user
    initial = {"full_name": user.full_name, "job_title": user.job_title, "timezone": user.timezone}
    form = ProfileForm(request.POST or None, initial=initial)
    status = OK
    if request.method == "POST":
        status = attempt(form, lambda: actions.change_profile(user, by=user, **form.cleaned_data))
        if status == OK:
            messages.success(request, "Your profile is saved.")
            return redirect("accounts:profile")
    context = {
        "form": form,
        "teams": Team.objects.filter(group__user=user),
        "org_roles": [OrgRole(role).label for role in sorted(user.org_roles)],
        "has_second_factor": stepup.needs_code(user),
    }
    return render(request, "accounts/profile.html", context, status=status)


@login_required
# Whoever holds the address can reset the password: an open session is not enough to change it.
@reauthentication_required
@require_http_methods(["GET", "POST"])
def email(request: HttpRequest) -> HttpResponse:
    user = request.user
    form = EmailForm(request.POST or None)
    status = OK
    if request.method == "POST":
        status = attempt(form, lambda: actions.change_profile(user, by=user, **form.cleaned_data))
        if status == OK:
            messages.success(request, "Your e-mail address is changed.")
            return redirect("accounts:profile")
    return render(request, "accounts/email.html", {"form": form}, status=status)


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def token_list(request: HttpRequest) -> HttpResponse:
    """One's tokens, and a form that makes one. The answer to the form is the only page that ever shows the secret."""
    user = request.user
    form = TokenForm(request.POST or None)
    made: tuple[ApiToken, str] | None = None
    status = OK

    def make() -> None:
        nonlocal made
        made = actions.create_token(by=user, **form.cleaned_data)

    if request.method == "POST":
        status = attempt(form, make)
        if made is not None:
            form = TokenForm()
    context = {
        "form": form,
        "made": made[0] if made else None,
        "secret": made[1] if made else "",
        "tokens": ApiToken.objects.filter(user=user),
    }
    return render(request, "accounts/token_list.html", context, status=status)


@login_required
@require_POST
def token_revoke(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    tokens = ApiToken.objects.select_related("user")
    if not request.user.administers:
        tokens = tokens.filter(user=request.user)
    token = get_object_or_404(tokens, uid=uid)
    actions.revoke_token(token, by=request.user)
    messages.success(request, f"The token “{token.name}” works no more.")
    if token.user_id != request.user.pk:
        return redirect("accounts:person", uid=token.user.uid)
    return redirect("accounts:token-list")
