"""How the floors above hear of a change without the registry knowing them; sent in the transaction of the change."""

from typing import Any

from django.dispatch import Signal

from .models import AISystem

# system, by, fields (frozenset of field names, or "people", "versions"), reason
system_changed = Signal()
# system, by: everything that had to react has reacted; derived columns are recomputed on this one
system_settled = Signal()
# system, by, role, user_ids: these people lost this role
role_withdrawn = Signal()
# model_version, by, reason: the artefact behind a number changed
version_changed = Signal()


def announce(system: AISystem, *, by: Any, fields: frozenset[str] | set[str], reason: str) -> None:
    """Tell the rooms what changed (they void what no longer holds), then let derived columns settle."""
    system_changed.send(sender=AISystem, system=system, by=by, fields=frozenset(fields), reason=reason)
    system_settled.send(sender=AISystem, system=system, by=by)
