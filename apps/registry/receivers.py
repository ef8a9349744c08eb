"""What the registry does, in the same transaction, when accounts say that a person's teams or account changed."""

from typing import Any

from django.db.models import QuerySet

from apps.accounts.models import Team, User
from apps.core.exceptions import NotAllowed

from .actions.people import end_what_rested_on
from .models import AISystem, RoleAssignment
from .roles import Role
from .signals import announce


def _by_team(team: Team) -> QuerySet[RoleAssignment]:
    return RoleAssignment.objects.filter(team=team).select_related("system").order_by("system_id", "pk")


def _announce_all(systems: list[AISystem], *, by: User, reason: str) -> None:
    for system in {system.pk: system for system in systems}.values():
        announce(system, by=by, fields={"people"}, reason=reason)


def team_joined(sender: Any, user: User, team: Team, by: User, **kwargs: Any) -> None:
    """
    A team's roles come with its duties.

    :raises NotAllowed: the team approves the governance of a system that ``user`` owns.
    """
    rows = list(_by_team(team))
    approved = [row.system_id for row in rows if row.role == Role.GOVERNANCE_APPROVER]
    owned = RoleAssignment.objects.filter(system__in=approved, role=Role.OWNER, user=user).select_related("system")
    if both := owned.first():
        raise NotAllowed(
            f"{team} approves the governance of {both.system}, which {user} owns. One person is not both.",
            help="Give the system another owner first, or leave this person out of the team.",
        )
    _announce_all([row.system for row in rows], by=by, reason=f"{user} joined {team}")


def team_left(sender: Any, user: User, team: Team, by: User, **kwargs: Any) -> None:
    """Who leaves a team loses its roles, and with them what rested on those."""
    rows = list(_by_team(team))
    for row in rows:
        end_what_rested_on(row.system, row.role, had_it=[user.pk], by=by)
    _announce_all([row.system for row in rows], by=by, reason=f"{user} left {team}")


def activity_changed(sender: Any, user: User, by: User, **kwargs: Any) -> None:
    """Somebody who cannot sign in owes nothing: their systems look for who does."""
    held = RoleAssignment.objects.held_by(user).select_related("system")
    _announce_all([row.system for row in held], by=by, reason=f"The account of {user} was switched on or off")
