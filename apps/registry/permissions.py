"""The one question "may this person do that here", over own roles, team roles, deputyships and the organisation's."""

from typing import Any

from django.db import connection
from django.utils import timezone

from .models import AISystem
from .roles import BUNDLES, ORG_BUNDLES, Perm

# One statement for what every page and action asks first: permissions of the person and of their teams, and the roles
# they stand in for.
_HELD = """
SELECT permission.codename, NULL FROM registry_aisystemuserpermission own
  JOIN auth_permission permission ON permission.id = own.permission_id
 WHERE own.user_id = %s AND own.content_object_id = %s
UNION
SELECT permission.codename, NULL FROM registry_aisystemgrouppermission shared
  JOIN accounts_user_groups membership ON membership.group_id = shared.group_id
  JOIN auth_permission permission ON permission.id = shared.permission_id
 WHERE membership.user_id = %s AND shared.content_object_id = %s
UNION
SELECT NULL, deputy.role FROM registry_deputyship deputy
 WHERE deputy.deputy_id = %s AND deputy.system_id = %s
   AND deputy.starts_at <= %s AND deputy.ends_at > %s AND deputy.ended_at IS NULL
"""


def system_perms(user: Any, system: AISystem) -> frozenset[str]:
    """
    Codenames of everything ``user`` may do on ``system`` now. Empty for anonymous and inactive people.

    Read fresh at each call: inside an action access may have gone since the page was drawn. A superuser gets what an
    administrator gets; nobody signs by being one.
    """
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    codenames: set[str] = set()
    for role in user.org_roles:
        codenames |= ORG_BUNDLES[role]
    if user.is_superuser:
        codenames |= ORG_BUNDLES["admin"]
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [user.pk, system.pk, user.pk, system.pk, user.pk, system.pk, now, now])
        for codename, deputy_as in cursor.fetchall():
            codenames |= BUNDLES[deputy_as] if deputy_as else {codename}
    return frozenset(codenames)


def has_system_perm(user: Any, perm: str, system: AISystem) -> bool:
    """Whether ``user`` may do ``perm`` on ``system``."""
    return perm in system_perms(user, system)


def may_see(user: Any, system: AISystem) -> bool:
    """Whether the system exists for this person."""
    return has_system_perm(user, Perm.VIEW, system)
