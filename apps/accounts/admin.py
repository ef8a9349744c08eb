"""
Look-up and correction for administrators. Saves go through actions, nothing is deleted, no secret is shown.

What has a page of its own (roles, teams, invitations, switching accounts off) is linked instead of done twice.
"""

from importlib import import_module
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from . import actions
from .models import ApiToken, Invitation, OrganisationRole, Proof, Team, User

# Their pages would show session keys and secrets of second factors, or change teams and addresses behind our actions.
for module in ("django.contrib.auth", "allauth.account", "allauth.mfa", "allauth.usersessions"):
    import_module(f"{module}.admin")
admin.site.unregister([Group, EmailAddress, Authenticator, UserSession])


class NothingDeleted(admin.ModelAdmin):
    """A page on which nothing can be deleted, whoever asks."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnly(NothingDeleted):
    """A page to look things up."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class UserForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ["username", "full_name", "email", "job_title", "timezone"]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        # The action looks again; here the answer stands beside the field.
        others = User.objects.exclude(pk=self.instance.pk)
        for name in ("username", "email"):
            if given.get(name) and others.filter(**{f"{name}__iexact": given[name]}).exists():
                self.add_error(name, "Somebody else has this already.")
        return given

    def validate_constraints(self) -> None:
        """Done above, in words."""


@admin.register(User)
class UserAdmin(NothingDeleted):
    form = UserForm
    list_display = ["full_name", "username", "email", "job_title", "is_active", "roles", "last_login"]
    list_filter = ["is_active", "organisation_roles__role", "groups"]
    search_fields = ["full_name", "username", "email", "job_title"]
    ordering = ["full_name"]
    list_per_page = 50
    state = ["page", "uid", "is_active", "is_staff", "is_superuser", "roles", "last_login", "date_joined"]

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[User]:
        return super().get_queryset(request).prefetch_related("organisation_roles")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*UserForm.Meta.fields, *(self.state if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["username", *self.state] if obj else []

    @admin.display(description="organisation roles")
    def roles(self, user: User) -> str:
        return ", ".join(row.get_role_display() for row in user.organisation_roles.all()) or "none"

    @admin.display(description="roles, teams and status")
    def page(self, user: User) -> SafeString:
        return format_html(
            '<a href="{}">Managed on the page of the person</a>', reverse("accounts:person", args=[user.uid])
        )

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        given = {name: form.cleaned_data[name] for name in form.cleaned_data}
        if change:
            actions.change_profile(User.objects.get(pk=obj.pk), by=request.user, **given)
        else:
            obj.pk = actions.create_user(by=request.user, **given).pk


@admin.register(Team)
class TeamAdmin(NothingDeleted):
    list_display = ["name", "description", "created_at"]
    search_fields = ["name", "description"]
    fields = ["name", "description", "members"]
    readonly_fields = ["members"]

    @admin.display(description="members")
    def members(self, team: Team) -> SafeString | str:
        if team.pk is None:
            return "Added on the page of the team, once it is there"
        names = ", ".join(str(user) for user in team.group.user_set.order_by("full_name")) or "nobody"
        return format_html('{} (<a href="{}">change</a>)', names, reverse("accounts:team", args=[team.pk]))

    def save_model(self, request: HttpRequest, obj: Team, form: Any, change: bool) -> None:
        given = {name: form.cleaned_data[name] for name in ("name", "description")}
        if change:
            actions.rename_team(obj, by=request.user, **given)
        else:
            obj.pk = actions.create_team(by=request.user, **given).pk


@admin.register(OrganisationRole)
class OrganisationRoleAdmin(ReadOnly):
    """Given and withdrawn on the page of the person."""

    list_display = ["user", "role", "granted_by", "granted_at"]
    list_filter = ["role"]
    search_fields = ["user__full_name", "user__username"]
    list_select_related = ["user", "granted_by"]


@admin.register(Invitation)
class InvitationAdmin(ReadOnly):
    list_display = ["email", "full_name", "state", "team", "invited_by", "invited_at", "expires_at"]
    search_fields = ["email", "full_name"]
    list_select_related = ["team", "invited_by"]
    exclude = ["token_sha256"]


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnly):
    """A list only: the address of a token's page would be its digest."""

    list_display = ["name", "user", "scopes", "created", "expiry", "last_used"]
    list_display_links = None
    search_fields = ["name", "user__full_name", "user__username"]
    list_select_related = ["user"]
    actions = None

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_view_permission(request)


@admin.register(Proof)
class ProofAdmin(ReadOnly):
    list_display = ["at", "user", "purpose", "method"]
    list_filter = ["method", "purpose"]
    search_fields = ["user__full_name", "user__username", "digest"]
    list_select_related = ["user"]
