from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from apps.audit.record import save_with_history

from .. import policies
from ..models import AISystem, Phase
from ..roles import Role
from ..signals import announce
from ._shared import changed_fields, check_version, listed, locked, stated
from .people import assign

# What people may state about a system. Phase and tier have actions of their own.
FACTS = frozenset(
    {
        "name",
        "purpose",
        "business_function",
        "unit",
        "affected_people",
        "intended_users",
        "fallback",
        "retirement_reason",
        "data_plan",
        "started_on",
    }
)
# Addresses under /systems/ that are pages of their own.
RESERVED_SLUGS = {"new", "export", "import"}
SLUG_LENGTH = 70


@transaction.atomic
def register_system(
    *,
    by: Any,
    name: str,
    purpose: str,
    phase: str = Phase.IDEA,
    owner: Any = None,
    imported: bool = False,
    **facts: Any,
) -> AISystem:
    """
    Take a system into the register. It belongs to ``owner``, else to ``by``; what an import brings has no owner yet.

    ``phase`` other than idea states where a system stands that ran before it was registered; no gate was asked.

    :raises NotAllowed: somebody else's, or already beyond an idea, and ``by`` does not run the office.
    :raises ValidationError: a fact that does not fit its field.
    """
    policies.check_can_register(user=by, phase=phase, owner=owner, imported=imported)
    facts = _known({"name": name, "purpose": purpose, **facts})
    system = AISystem(phase=phase, **facts)
    system.clean_fields(exclude={"slug"})
    _insert(system, by=by, reason="Imported" if imported else "Registered")
    if owner is None and not imported and not by.is_automation:
        owner = by
    if owner is not None:
        if not owner.is_active:
            raise ValidationError({"owner": "This account is not active."})
        assign(system, by=by, role=Role.OWNER, holder=owner, reason="")
    stated_facts = {field for field, value in facts.items() if value}
    announce(system, by=by, fields=stated_facts | {"phase", "people"}, reason="Registered")
    return system


def _known(facts: dict[str, Any]) -> dict[str, Any]:
    if unknown := facts.keys() - FACTS:
        raise TypeError(f"Not a fact of a system: {', '.join(sorted(unknown))}.")
    return facts


def _insert(system: AISystem, *, by: Any, reason: str) -> None:
    """Save a new system under a free address; where another process takes it first, under the next."""
    for attempt in range(5):
        system.slug = _free_slug(system.name)
        try:
            with transaction.atomic():
                save_with_history(system, by=by, reason=reason, act="system.registered")
            return
        except IntegrityError:
            if attempt == 4 or not AISystem.objects.filter(slug=system.slug).exists():
                raise
            system.pk = None
            system._state.adding = True


def _free_slug(name: str) -> str:
    base = slugify(name)[:SLUG_LENGTH].strip("-") or "system"
    if base in RESERVED_SLUGS:
        base = f"{base}-system"
    taken = set(AISystem.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    if base not in taken:
        return base
    number = 2
    while f"{base}-{number}" in taken:
        number += 1
    return f"{base}-{number}"


@transaction.atomic
def change_system(
    system: AISystem, *, by: Any, expected_version: int | None = None, imported: bool = False, **facts: Any
) -> AISystem:
    """
    Change facts of a system. Values equal to those on record change nothing and write nothing.

    :raises NotAllowed: ``by`` may not change it.
    :raises StaleObject: it changed since ``expected_version``.
    :raises ValidationError: a fact that does not fit its field.
    """
    system = locked(system)
    if imported:
        policies.check_can_import(user=by)
    else:
        policies.check_can_change(system, user=by)
    check_version(system, expected_version)
    changed = changed_fields(system, _known(facts))
    if not changed:
        return system
    names = {field.name: str(field.verbose_name) for field in AISystem._meta.fields}
    words = listed([names[name] for name in changed])
    reason = f"Imported: {words}" if imported else f"Changed {words}"
    save_with_history(system, by=by, reason=reason, fields=changed, act="system.changed")
    announce(system, by=by, fields=set(changed), reason=reason)
    return system


@transaction.atomic
def set_tier(
    system: AISystem, *, by: Any, tier: int | None, reason: str, expected_version: int | None = None
) -> AISystem:
    """
    Put a system into a risk tier, or back to "not assessed" (None), which counts as tier 1.

    :raises NotAllowed: ``by`` is neither risk owner nor in the governance office.
    :raises RuleViolation: no reason.
    :raises StaleObject: it changed since ``expected_version``.
    :raises ValidationError: there is no such tier.
    """
    system = locked(system)
    policies.check_can_set_tier(system, user=by)
    check_version(system, expected_version)
    reason = stated(reason, "Say what the tier rests on.")
    before = system.effective_tier
    changed = changed_fields(system, {"tier": tier, "tier_reason": reason})
    if not changed:
        return system
    words = f"Set to tier {tier}" if tier else "Tier taken back"
    save_with_history(system, by=by, reason=f"{words}: {reason}", fields=changed, act="system.tier_set")
    # A new reason alone, or naming the tier that counted anyway, changes nothing that others rest on.
    fields = {"tier"} if before != system.effective_tier else {"tier_reason"}
    announce(system, by=by, fields=fields, reason=words)
    return system
