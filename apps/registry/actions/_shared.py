from typing import Any, TypeVar

from django.db import models

from apps.core.exceptions import RuleViolation, StaleObject
from apps.core.models import GovernedModel

Row = TypeVar("Row", bound=models.Model)


def locked(obj: Row) -> Row:
    """The row as it is now, kept from others until the transaction ends."""
    return type(obj)._default_manager.select_for_update().get(pk=obj.pk)


def check_version(obj: GovernedModel, expected: int | None) -> None:
    """:raises StaleObject: somebody changed ``obj`` since the caller saw version ``expected``."""
    if expected is not None and obj.version != expected:
        raise StaleObject


def stated(reason: str, words: str = "Say why.") -> str:
    """:raises RuleViolation: there is no reason where one is owed."""
    if not reason.strip():
        raise RuleViolation(words, code="reason_missing", field="reason")
    return reason.strip()


def changed_fields(obj: GovernedModel, values: dict[str, Any]) -> list[str]:
    """Set ``values`` on ``obj`` and name the fields that differ from before; checks those fields only."""
    changed = [name for name, value in values.items() if getattr(obj, name) != value]
    for name in changed:
        setattr(obj, name, values[name])
    if changed:
        obj.clean_fields(exclude={field.name for field in obj._meta.fields} - set(changed))
    return changed


def listed(words: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else ""
