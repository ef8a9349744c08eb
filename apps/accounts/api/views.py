"""People for machines: who I am, pickers, teams, one's own tokens; accounts and invitations for the office."""

import uuid
from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, status
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts import actions, policies
from apps.accounts.authentication import HasScope, IsInPerson
from apps.accounts.models import ApiToken, Invitation, OrgRole, Team, User
from apps.core.api.pagination import CursorPage

from .serializers import (
    AccountChangeSerializer,
    AccountSerializer,
    ApiTokenSerializer,
    InvitationSerializer,
    MemberSerializer,
    MeSerializer,
    NewTokenSerializer,
    OrgRoleSerializer,
    PersonSerializer,
    SwitchSerializer,
    TeamSerializer,
    me_json,
)

SEARCH = OpenApiParameter("q", str, description="Words that occur in the names.")


class IsOffice(BasePermission):
    """The governance office and administrators; the refusal says who to ask."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        policies.check_can_manage_people(user=request.user)
        return True


class ByName(CursorPage):
    ordering = ("full_name", "pk")


class ByTeamName(CursorPage):
    ordering = ("name", "pk")


class NewestFirst(CursorPage):
    ordering = ("-invited_at", "-pk")


class NewestTokensFirst(CursorPage):
    ordering = ("-created", "-pk")


def _valid(serializer: Any) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def _person(username: str) -> User:
    return get_object_or_404(User.objects.people(), username=username)


class Me(APIView):
    @extend_schema(summary="Who I am", responses=MeSerializer)
    def get(self, request: Request) -> Response:
        return Response(me_json(request.user, request.auth if isinstance(request.auth, ApiToken) else None))

    @extend_schema(
        summary="Change my profile",
        description="The e-mail address is changed on the profile page, which asks for the password again.",
        request=MeSerializer,
        responses=MeSerializer,
    )
    def patch(self, request: Request) -> Response:
        fields = _valid(MeSerializer(data=request.data, partial=True))
        user = actions.change_profile(request.user, by=request.user, **fields)
        return Response(me_json(user, request.auth if isinstance(request.auth, ApiToken) else None))


@extend_schema(summary="Find people", parameters=[SEARCH])
class PeopleList(generics.ListAPIView):
    """Active people, for pickers. No addresses."""

    serializer_class = PersonSerializer
    pagination_class = ByName
    filter_backends: list[Any] = []

    def get_queryset(self) -> Any:
        found = User.objects.people().active().called(self.request.query_params.get("q", ""))
        return found.values("pk", "uid", "username", "full_name", "job_title")


class TeamList(generics.ListAPIView):
    serializer_class = TeamSerializer
    pagination_class = ByTeamName
    filter_backends: list[Any] = []

    def get_queryset(self) -> Any:
        found = Team.objects.called(self.request.query_params.get("q", "")).with_size()
        return found.values("id", "name", "description", "size")

    @extend_schema(summary="Find teams", parameters=[SEARCH])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(summary="Make a team", request=TeamSerializer, responses={201: TeamSerializer})
    def post(self, request: Request) -> Response:
        team = actions.create_team(by=request.user, **_valid(TeamSerializer(data=request.data)))
        return Response(_team_json(team.pk), status=status.HTTP_201_CREATED)


def _team_json(pk: int) -> dict[str, Any]:
    return get_object_or_404(Team.objects.with_size().values("id", "name", "description", "size"), pk=pk)


class TeamDetail(APIView):
    @extend_schema(summary="A team", responses=TeamSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return Response(_team_json(pk))

    @extend_schema(summary="Rename a team", request=TeamSerializer, responses=TeamSerializer)
    def patch(self, request: Request, pk: int) -> Response:
        team = get_object_or_404(Team, pk=pk)
        policies.check_can_manage_people(user=request.user)
        fields = _valid(TeamSerializer(data=request.data, partial=True))
        actions.rename_team(team, by=request.user, **({"name": team.name} | fields))
        return Response(_team_json(pk))


class TeamMembers(generics.ListAPIView):
    serializer_class = PersonSerializer
    pagination_class = ByName
    filter_backends: list[Any] = []
    queryset = User.objects.none()

    def get_queryset(self) -> Any:
        team = get_object_or_404(Team, pk=self.kwargs["pk"])
        members = User.objects.active().filter(groups=team.group_id)
        return members.values("pk", "uid", "username", "full_name", "job_title")

    @extend_schema(summary="The active members of a team")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(summary="Add somebody to a team", request=MemberSerializer, responses={204: None})
    def post(self, request: Request, pk: int) -> Response:
        team = get_object_or_404(Team, pk=pk)
        policies.check_can_manage_people(user=request.user)
        given = _valid(MemberSerializer(data=request.data))
        actions.add_to_team(team, _person(given["username"]), by=request.user, reason=given["reason"])
        return Response(status=status.HTTP_204_NO_CONTENT)


class TeamMember(APIView):
    @extend_schema(summary="Remove somebody from a team", responses={204: None})
    def delete(self, request: Request, pk: int, username: str) -> Response:
        team = get_object_or_404(Team, pk=pk)
        policies.check_can_manage_people(user=request.user)
        actions.remove_from_team(team, _person(username), by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class TokenList(generics.ListAPIView):
    serializer_class = ApiTokenSerializer
    pagination_class = NewestTokensFirst
    filter_backends: list[Any] = []
    queryset = ApiToken.objects.none()

    def get_permissions(self) -> list[BasePermission]:
        # A token that could make tokens would outlive its own revocation.
        return [*super().get_permissions(), *([IsInPerson()] if self.request.method == "POST" else [])]

    def get_queryset(self) -> Any:
        return ApiToken.objects.filter(user=self.request.user)

    @extend_schema(summary="My API tokens")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        summary="Make an API token",
        description="In a browser session only. The secret is in this answer and nowhere else.",
        request=NewTokenSerializer,
        responses={201: NewTokenSerializer},
    )
    def post(self, request: Request) -> Response:
        token, secret = actions.create_token(by=request.user, **_valid(NewTokenSerializer(data=request.data)))
        answer = {**ApiTokenSerializer(token).data, "secret": secret}
        return Response(answer, status=status.HTTP_201_CREATED, headers={"Cache-Control": "no-store"})


class TokenDetail(APIView):
    @extend_schema(summary="Revoke one of my API tokens", responses={204: None})
    def delete(self, request: Request, uid: uuid.UUID) -> Response:
        token = get_object_or_404(ApiToken.objects.filter(user=request.user), uid=uid)
        actions.revoke_token(token, by=request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)


class OfficeView(APIView):
    permission_classes = [IsAuthenticated, HasScope, IsOffice]


INVITATIONS = Invitation.objects.select_related("invited_by", "accepted_by", "withdrawn_by")


class InvitationList(OfficeView, generics.ListAPIView):
    serializer_class = InvitationSerializer
    pagination_class = NewestFirst
    filter_backends: list[Any] = []
    queryset = INVITATIONS

    @extend_schema(summary="Invitations, newest first")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(summary="Invite somebody by e-mail", responses={201: InvitationSerializer})
    def post(self, request: Request) -> Response:
        fields = _valid(InvitationSerializer(data=request.data))
        invitation = actions.invite(by=request.user, **fields)
        return Response(InvitationSerializer(invitation).data, status=status.HTTP_201_CREATED)


class InvitationDetail(OfficeView):
    @extend_schema(summary="An invitation", responses=InvitationSerializer)
    def get(self, request: Request, pk: int) -> Response:
        return Response(InvitationSerializer(get_object_or_404(INVITATIONS, pk=pk)).data)


class InvitationResend(OfficeView):
    @extend_schema(summary="Send a new link", request=None, responses=InvitationSerializer)
    def post(self, request: Request, pk: int) -> Response:
        invitation = actions.resend_invitation(get_object_or_404(Invitation, pk=pk), by=request.user)
        return Response(InvitationSerializer(invitation).data)


class InvitationWithdraw(OfficeView):
    @extend_schema(summary="Withdraw an invitation", request=None, responses=InvitationSerializer)
    def post(self, request: Request, pk: int) -> Response:
        invitation = actions.withdraw_invitation(get_object_or_404(Invitation, pk=pk), by=request.user)
        return Response(InvitationSerializer(invitation).data)


def _account_json(username: str) -> dict[str, Any]:
    return AccountSerializer(get_object_or_404(User.objects.people().with_roles(), username=username)).data


class AccountList(OfficeView, generics.ListAPIView):
    """All accounts, for the office."""

    serializer_class = AccountSerializer
    pagination_class = ByName
    filter_backends: list[Any] = []
    queryset = User.objects.none()

    def get_queryset(self) -> Any:
        text = self.request.query_params.get("q", "")
        return User.objects.people().called(text, with_email=True).with_roles()

    @extend_schema(summary="Accounts", parameters=[SEARCH])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    @extend_schema(
        summary="Make an account",
        description="The person is e-mailed how to set a password.",
        responses={201: AccountSerializer},
    )
    def post(self, request: Request) -> Response:
        user = actions.create_user(by=request.user, **_valid(AccountSerializer(data=request.data)))
        return Response(_account_json(user.username), status=status.HTTP_201_CREATED)


class AccountDetail(OfficeView):
    @extend_schema(summary="An account", responses=AccountSerializer)
    def get(self, request: Request, username: str) -> Response:
        return Response(_account_json(username))

    @extend_schema(
        summary="Correct an account", request=AccountChangeSerializer(partial=True), responses=AccountSerializer
    )
    def patch(self, request: Request, username: str) -> Response:
        fields = _valid(AccountChangeSerializer(data=request.data, partial=True))
        actions.change_profile(_person(username), by=request.user, **fields)
        return Response(_account_json(username))


class AccountDeactivate(OfficeView):
    @extend_schema(
        summary="Switch an account off",
        description="Its tokens are revoked and its sessions end.",
        request=SwitchSerializer,
        responses=AccountSerializer,
    )
    def post(self, request: Request, username: str) -> Response:
        person = _person(username)
        actions.deactivate_user(person, by=request.user, **_valid(SwitchSerializer(data=request.data)))
        return Response(_account_json(username))


class AccountReactivate(OfficeView):
    @extend_schema(summary="Switch an account on again", request=SwitchSerializer, responses=AccountSerializer)
    def post(self, request: Request, username: str) -> Response:
        person = _person(username)
        actions.reactivate_user(person, by=request.user, **_valid(SwitchSerializer(data=request.data)))
        return Response(_account_json(username))


class OrgRoleGrant(OfficeView):
    @extend_schema(summary="Give an organisation role", request=OrgRoleSerializer, responses=AccountSerializer)
    def post(self, request: Request, username: str) -> Response:
        person = _person(username)
        policies.check_can_administer(user=request.user)
        actions.grant_org_role(person, by=request.user, **_valid(OrgRoleSerializer(data=request.data)))
        return Response(_account_json(username))


class OrgRoleWithdraw(OfficeView):
    @extend_schema(summary="Withdraw an organisation role", responses=AccountSerializer)
    def delete(self, request: Request, username: str, role: str) -> Response:
        person = _person(username)
        if role not in OrgRole.values:
            raise Http404
        actions.withdraw_org_role(person, role, by=request.user)
        return Response(_account_json(username))
