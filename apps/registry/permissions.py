"""The one question "may this person do that here", over own roles, team roles, deputyships and the organisation's."""

from typing import Any

from .models import AISystem, AISystemGroupPermission, AISystemUserPermission, Deputyship
from .roles import BUNDLES, ORG_BUNDLES, Perm


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
    own = AISystemUserPermission.objects.filter(user=user, content_object=system)
    by_team = AISystemGroupPermission.objects.filter(group__user=user, content_object=system)
    codenames.update(
        own.values_list("permission__codename", flat=True).union(by_team.values_list("permission__codename", flat=True))
    )
    for role in Deputyship.objects.running().filter(deputy=user, system=system).values_list("role", flat=True):
        codenames |= BUNDLES[role]
    return frozenset(codenames)


def has_system_perm(user: Any, perm: str, system: AISystem) -> bool:
    """Whether ``user`` may do ``perm`` on ``system``."""
    return perm in system_perms(user, system)


def may_see(user: Any, system: AISystem) -> bool:
    """Whether the system exists for this person."""
    return has_system_perm(user, Perm.VIEW, system)
