"""Invitations: sent by the office, accepted by who holds the link."""

from allauth.account.utils import perform_login
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts import actions
from apps.accounts.forms import AcceptForm, InvitationForm
from apps.accounts.models import Invitation, User

from .common import OK, attempt, office_required

PAGE = 50


@office_required
@require_safe
def invitation_list(request: HttpRequest) -> HttpResponse:
    show = request.GET.get("show", "")
    rows = Invitation.objects.settled() if show == "settled" else Invitation.objects.waiting()
    rows = rows.select_related("team", "invited_by", "accepted_by", "withdrawn_by")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    return render(request, "accounts/invitation_list.html", {"page": page, "show": show})


@office_required
@require_http_methods(["GET", "POST"])
def invitation_new(request: HttpRequest) -> HttpResponse:
    form = InvitationForm(request.POST or None)
    status = OK
    if request.method == "POST":
        status = attempt(form, lambda: actions.invite(by=request.user, **form.cleaned_data))
        if status == OK:
            messages.success(request, f"An e-mail to {form.cleaned_data['email']} is on its way.")
            return redirect("accounts:invitation-list")
    return render(request, "accounts/invitation_form.html", {"form": form}, status=status)


@office_required
@require_POST
def invitation_resend(request: HttpRequest, pk: int) -> HttpResponse:
    invitation = actions.resend_invitation(get_object_or_404(Invitation, pk=pk), by=request.user)
    messages.success(request, f"A new link to {invitation.email} is on its way. The old one works no more.")
    return redirect("accounts:invitation-list")


@office_required
@require_POST
def invitation_withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    invitation = actions.withdraw_invitation(get_object_or_404(Invitation, pk=pk), by=request.user)
    messages.success(request, f"The invitation of {invitation.email} is withdrawn.")
    return redirect("accounts:invitation-list")


@never_cache
@require_http_methods(["GET", "POST"])
def invitation_accept(request: HttpRequest, token: str) -> HttpResponse:
    """Where the e-mailed link leads. Anonymous on purpose: the token is the right to be here."""
    invitation = actions.find_invitation(token)
    if invitation is None or not invitation.is_open:
        status = 404 if invitation is None else 410
        return render(request, "accounts/invitation_closed.html", {"invitation": invitation}, status=status)
    if request.user.is_authenticated:
        return render(request, "accounts/invitation_signed_in.html", {"invitation": invitation}, status=409)
    form = AcceptForm(request.POST or None)
    status = OK
    if request.method == "POST":
        made: list[User] = []

        def accept() -> None:
            chosen = {name: form.cleaned_data[name] for name in ("username", "password", "timezone")}
            made.append(actions.accept_invitation(token, **chosen))

        status = attempt(form, accept)
        if made:
            return perform_login(request, made[0], email_verification="none", redirect_url=reverse("portfolio:home"))
    return render(request, "accounts/invitation_accept.html", {"form": form, "invitation": invitation}, status=status)
