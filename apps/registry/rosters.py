"""
The people of a system, now or at a past instant, in the same few queries.

Rows from history are instances without their relations, so the people behind them are read here, once each.
"""

from datetime import datetime
from typing import Literal

from django.utils import timezone

from apps.accounts.models import Team, User
from apps.core.querysets import Reader

from .models import AISystem, Deputyship, RoleAssignment


def assignments_of(system: AISystem, at: datetime | None = None) -> list[RoleAssignment]:
    """Who has which role, oldest first, with users, teams and the members a team has now."""
    rows = list(Reader(at)(RoleAssignment).filter(system_id=system.pk).order_by("granted_at"))
    users = User.objects.in_bulk({pk for row in rows for pk in (row.user_id, row.granted_by_id) if pk})
    with_members = Team.objects.select_related("group").prefetch_related("group__user_set")
    teams = with_members.in_bulk({row.team_id for row in rows if row.team_id})
    for row in rows:
        row.user = users.get(row.user_id) if row.user_id else None
        row.team = teams.get(row.team_id) if row.team_id else None
        row.granted_by = users[row.granted_by_id]
    return rows


def deputyships_of(system: AISystem, at: datetime | None = None) -> list[Deputyship]:
    """Who stood, stands or will stand in for whom, the latest first."""
    rows = list(Reader(at)(Deputyship).filter(system_id=system.pk).order_by("-starts_at"))
    users = User.objects.in_bulk({pk for row in rows for pk in (row.principal_id, row.deputy_id, row.granted_by_id)})
    for row in rows:
        row.principal, row.deputy = users[row.principal_id], users[row.deputy_id]
        row.granted_by = users[row.granted_by_id]
    return rows


def state_of_deputyship(row: Deputyship, at: datetime | None = None) -> Literal["pending", "current", "ended"]:
    """To come, running or over, seen from ``at`` (default: now)."""
    now = at or timezone.now()
    if (row.ended_at is not None and row.ended_at <= now) or row.ends_at <= now:
        return "ended"
    return "current" if row.starts_at <= now else "pending"
