"""Shapes of people, teams, tokens and invitations for machines."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from apps.accounts.models import ApiToken, Invitation, OrgRole, Scope, Team, User


class PersonSerializer(serializers.Serializer):
    """What everybody may know of a person: enough to pick the right one."""

    uid = serializers.UUIDField()
    username = serializers.CharField()
    full_name = serializers.CharField()
    job_title = serializers.CharField()


class TokenInUseSerializer(serializers.Serializer):
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.CharField())
    expires_at = serializers.DateTimeField()


class MeSerializer(serializers.Serializer):
    """The person behind a request, and how far its token reaches."""

    uid = serializers.UUIDField(read_only=True)
    username = serializers.CharField(read_only=True)
    email = serializers.CharField(read_only=True)
    full_name = serializers.CharField(max_length=150)
    job_title = serializers.CharField(max_length=150, allow_blank=True)
    timezone = serializers.CharField(max_length=60, allow_blank=True)
    org_roles = serializers.ListField(child=serializers.CharField(), read_only=True)
    teams = serializers.ListField(child=serializers.CharField(), read_only=True)
    token = TokenInUseSerializer(read_only=True, allow_null=True)


def me_json(user: User, token: ApiToken | None) -> dict[str, Any]:
    return {
        "uid": user.uid,
        "username": user.username,
        "email": user.email,
        "full_name": user.full_name,
        "job_title": user.job_title,
        "timezone": user.timezone,
        "org_roles": sorted(user.org_roles),
        "teams": list(Team.objects.filter(group__user=user).values_list("name", flat=True)),
        "token": {"name": token.name, "scopes": token.scopes, "expires_at": token.expiry} if token else None,
    }


class TeamSerializer(serializers.Serializer):
    id = serializers.IntegerField(read_only=True)
    name = serializers.CharField(max_length=120)
    description = serializers.CharField(allow_blank=True, required=False, default="")
    size = serializers.IntegerField(read_only=True, help_text="Active members.")


class MemberSerializer(serializers.Serializer):
    username = serializers.CharField()
    reason = serializers.CharField(allow_blank=True, required=False, default="", max_length=1000)


class ApiTokenSerializer(serializers.Serializer):
    uid = serializers.UUIDField(read_only=True)
    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices), help_text="Within what the person may do. No token signs."
    )
    created_at = serializers.DateTimeField(source="created", read_only=True)
    expires_at = serializers.DateTimeField(source="expiry", read_only=True)
    last_used_at = serializers.DateTimeField(source="last_used", read_only=True, allow_null=True)


class NewTokenSerializer(ApiTokenSerializer):
    days = serializers.IntegerField(
        write_only=True,
        required=False,
        min_value=1,
        max_value=settings.API_TOKEN_MAX_DAYS,
        help_text="How long it lives.",
    )
    secret = serializers.CharField(read_only=True, help_text="Shown in this answer only.")


class InvitationSerializer(serializers.ModelSerializer):
    state = serializers.ChoiceField(choices=Invitation.State.choices, read_only=True)
    team = serializers.PrimaryKeyRelatedField(queryset=Team.objects.all(), required=False, allow_null=True)
    invited_by = serializers.CharField(source="invited_by.username", read_only=True)
    accepted_by = serializers.CharField(source="accepted_by.username", read_only=True, default=None, allow_null=True)
    withdrawn_by = serializers.CharField(source="withdrawn_by.username", read_only=True, default=None, allow_null=True)

    class Meta:
        model = Invitation
        fields = [
            "id",
            "email",
            "full_name",
            "job_title",
            "team",
            "state",
            "invited_by",
            "invited_at",
            "sent_at",
            "expires_at",
            "accepted_by",
            "accepted_at",
            "withdrawn_by",
            "withdrawn_at",
        ]
        read_only_fields = ["invited_at", "sent_at", "expires_at", "accepted_at", "withdrawn_at"]


class AccountSerializer(serializers.Serializer):
    """An account as the office sees it."""

    uid = serializers.UUIDField(read_only=True)
    username = serializers.CharField(max_length=150)
    full_name = serializers.CharField(max_length=150)
    email = serializers.EmailField(allow_blank=True, required=False, default="")
    job_title = serializers.CharField(max_length=150, allow_blank=True, required=False, default="")
    timezone = serializers.CharField(max_length=60, allow_blank=True, required=False, default="")
    is_active = serializers.BooleanField(read_only=True)
    org_roles = serializers.SerializerMethodField()
    teams = serializers.SerializerMethodField()
    last_login = serializers.DateTimeField(read_only=True, allow_null=True)

    def get_org_roles(self, user: User) -> list[str]:
        return sorted(row.role for row in user.organisation_roles.all())

    def get_teams(self, user: User) -> list[str]:
        return sorted(group.team.name for group in user.groups.all() if hasattr(group, "team"))


class AccountChangeSerializer(AccountSerializer):
    """The facts of an account that an administrator may correct."""

    username = serializers.CharField(read_only=True)


class SwitchSerializer(serializers.Serializer):
    reason = serializers.CharField(max_length=1000)


class OrgRoleSerializer(serializers.Serializer):
    role = serializers.ChoiceField(choices=OrgRole.choices)
    reason = serializers.CharField(allow_blank=True, required=False, default="", max_length=1000)
