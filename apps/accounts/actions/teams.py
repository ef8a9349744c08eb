"""Teams: people who get roles together. A team stays once it exists, because history names it."""

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.accounts import policies
from apps.accounts.models import Team, User
from apps.accounts.signals import team_joined, team_left
from apps.audit.record import record

from .people import unless_taken

TAKEN = "There is a team of this name already."


def _check_name_is_free(name: str, *, apart_from: Team | None = None) -> None:
    others = Team.objects.filter(name__iexact=name)
    if apart_from is not None:
        others = others.exclude(pk=apart_from.pk)
    if others.exists():
        raise ValidationError({"name": TAKEN})


def _facts(team: Team) -> dict[str, str]:
    return {"name": team.name, "description": team.description}


@transaction.atomic
def create_team(*, by: User, name: str, description: str = "") -> Team:
    """
    Make an empty team.

    :raises NotAllowed: ``by`` is not the office.
    :raises ValidationError: no name, or one that is taken.
    """
    policies.check_can_manage_people(user=by)
    name = name.strip()
    _check_name_is_free(name)
    team = Team(name=name, description=description.strip())
    team.clean_fields(exclude=["group"])
    with unless_taken(name=TAKEN):
        team.group = Group.objects.create(name=f"Team {name}")
        team.save(force_insert=True)
    record(act="team.created", obj=team, by=by, after=_facts(team))
    return team


@transaction.atomic
def rename_team(team: Team, *, by: User, name: str, description: str | None = None) -> Team:
    """
    Change name and description (left as it is when None). Nothing is recorded where nothing differs.

    :raises NotAllowed: ``by`` is not the office.
    :raises ValidationError: no name, or one that is taken.
    """
    team = Team.objects.select_for_update().get(pk=team.pk)
    policies.check_can_manage_people(user=by)
    before = _facts(team)
    team.name = name.strip()
    if description is not None:
        team.description = description.strip()
    if _facts(team) == before:
        return team
    _check_name_is_free(team.name, apart_from=team)
    team.clean_fields(exclude=["group"])
    with unless_taken(name=TAKEN):
        team.save(update_fields=["name", "description"])
        Group.objects.filter(pk=team.group_id).update(name=f"Team {team.name}")
    record(act="team.changed", obj=team, by=by, before=before, after=_facts(team))
    return team


@transaction.atomic
def add_to_team(team: Team, user: User, *, by: User, reason: str = "") -> None:
    """
    Let ``user`` have the roles of ``team``.

    :raises NotAllowed: ``by`` is not the office in person, or adds themselves.
    :raises RuleViolation: ``user`` is not active, or a member.
    """
    team = Team.objects.select_for_update().get(pk=team.pk)
    policies.check_can_add_to_team(team, user, user=by)
    put_into_team(team, user, by=by)
    record(act="team.member_added", obj=team, by=by, after={"user_id": user.pk}, reason=reason)


def put_into_team(team: Team, user: User, *, by: User) -> None:
    """The membership itself; no policy, no entry: part of the actions that have both."""
    team.group.user_set.add(user)
    team_joined.send(sender=Team, user=user, team=team, by=by)


@transaction.atomic
def remove_from_team(team: Team, user: User, *, by: User, reason: str = "") -> None:
    """
    Take the roles of ``team`` from ``user``.

    :raises NotAllowed: ``by`` is not the office in person.
    :raises RuleViolation: ``user`` is no member.
    """
    team = Team.objects.select_for_update().get(pk=team.pk)
    policies.check_can_remove_from_team(team, user, user=by)
    team.group.user_set.remove(user)
    record(act="team.member_removed", obj=team, by=by, before={"user_id": user.pk}, reason=reason)
    team_left.send(sender=Team, user=user, team=team, by=by)
