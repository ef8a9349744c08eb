from collections.abc import Iterable
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.utils import timezone

from apps.core.querysets import GovernedQuerySet

# Written out, because every request asks it and putting it together from querysets costs more than answering it. Three
# small tables read by index, joined by UNION ALL: an OR reads the whole portfolio for a person who sees little of it.
_VISIBLE = """
SELECT own.content_object_id FROM registry_aisystemuserpermission own
 WHERE own.user_id = %s AND own.permission_id = %s
UNION ALL
SELECT shared.content_object_id FROM registry_aisystemgrouppermission shared
  JOIN accounts_user_groups membership ON membership.group_id = shared.group_id
 WHERE membership.user_id = %s AND shared.permission_id = %s
UNION ALL
SELECT deputy.system_id FROM registry_deputyship deputy
 WHERE deputy.deputy_id = %s AND deputy.starts_at <= %s AND deputy.ends_at > %s AND deputy.ended_at IS NULL
"""


def visible_system_ids(user: Any) -> RawSQL:
    """Ids of the systems ``user`` may see, as a subquery: by own role, by team, by a running deputyship."""
    view = view_permission_id()
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    return RawSQL(_VISIBLE, [user.pk, view, user.pk, view, user.pk, now, now])  # noqa: S611 - no text from outside


_HELD = """
SELECT own.system_id FROM registry_roleassignment own
 WHERE own.user_id = %s{own}
UNION ALL
SELECT shared.system_id FROM registry_roleassignment shared
  JOIN accounts_team team ON team.id = shared.team_id
  JOIN accounts_user_groups membership ON membership.group_id = team.group_id
 WHERE membership.user_id = %s{shared}
"""
_HELD_AS_DEPUTY = """
UNION ALL
SELECT deputy.system_id FROM registry_deputyship deputy
 WHERE deputy.deputy_id = %s AND deputy.starts_at <= %s AND deputy.ends_at > %s AND deputy.ended_at IS NULL{deputy}
"""


def system_ids_of(user: Any, roles: Iterable[str] = (), *, with_deputyships: bool = True, at: Any = None) -> RawSQL:
    """
    Ids of the systems on which ``user`` holds one of ``roles`` (none named: any), as a subquery.

    By themselves, by a team, or as a deputy at that instant (default: now).
    """
    wanted = [str(role) for role in roles]
    one_of = f" AND {{}}.role IN ({', '.join(['%s'] * len(wanted))})" if wanted else ""
    statement = _HELD + _HELD_AS_DEPUTY if with_deputyships else _HELD
    params: list[Any] = [user.pk, *wanted, user.pk, *wanted]
    if with_deputyships:
        now = connection.ops.adapt_datetimefield_value(at or timezone.now())
        params += [user.pk, now, now, *wanted]
    places = {name: one_of.format(name) for name in ("own", "shared", "deputy")}
    return RawSQL(statement.format(**places), params)  # noqa: S611 - only marks for parameters are put in


@cache
def view_permission_id() -> int:
    """The key of the permission to see a system, kept for the process and read again after each migration."""
    from django.contrib.auth.models import Permission

    from .roles import Perm

    return Permission.objects.get(codename=Perm.VIEW, content_type__app_label="registry").pk


class OfSystemQuerySet(GovernedQuerySet):
    """Rows that belong to a system by ``system_path``: who sees the system sees them."""

    system_path = "system"

    def visible_to(self, user: Any) -> "OfSystemQuerySet":
        """What ``user`` may see. Anonymous and inactive people see nothing."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        if user.sees_everything:
            return self
        return self.filter(**{f"{self.system_path}__in": visible_system_ids(user)})


class AISystemQuerySet(OfSystemQuerySet):
    system_path = "pk"

    def matching(self, text: str) -> "AISystemQuerySet":
        """Each word of ``text`` occurs in the name, the purpose, the unit or the address."""
        query = Q()
        for word in text.split():
            query &= (
                Q(name__icontains=word) | Q(purpose__icontains=word) | Q(unit__icontains=word) | Q(slug__icontains=word)
            )
        return self.filter(query)

    def with_role(self, user: Any, *roles: str) -> "AISystemQuerySet":
        """Systems on which ``user`` holds one of ``roles``, directly or by a team."""
        return self.filter(pk__in=system_ids_of(user, roles, with_deputyships=False))

    def lacking(self, role: str) -> "AISystemQuerySet":
        """Systems on which nobody was given ``role``."""
        from .models import RoleAssignment

        return self.exclude(pk__in=RoleAssignment.objects.filter(role=role).values("system_id"))


class ModelVersionQuerySet(OfSystemQuerySet):
    system_path = "model__system"


class RoleAssignmentQuerySet(OfSystemQuerySet):
    def held_by(self, user: Any) -> "RoleAssignmentQuerySet":
        """
        Assignments to ``user`` or to a team they are in: to be narrowed to one system, or read in full.

        For "on which systems" over the whole portfolio see :func:`system_ids_of`; the OR here reads all of it.
        """
        return self.filter(Q(user=user) | Q(team__group__in=user.groups.values("pk")))


class DeputyshipQuerySet(OfSystemQuerySet):
    def running(self, at: Any = None) -> "DeputyshipQuerySet":
        """Begun, not over and not ended early at that instant (default: now)."""
        at = at or timezone.now()
        return self.filter(starts_at__lte=at, ends_at__gt=at, ended_at=None)
