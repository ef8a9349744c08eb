"""What can be done to a system, its people and its models. The only place in this room that writes them."""

from .people import (
    BulkOutcome,
    appoint_deputy,
    change_owner,
    end_deputyship,
    grant_role,
    grant_roles_in_bulk,
    sync_permissions,
    withdraw_role,
)
from .systems import FACTS, change_system, register_system, set_tier
from .versions import (
    correct_version,
    register_model,
    register_version,
    stop_using_version,
    use_version,
)

__all__ = [
    "FACTS",
    "BulkOutcome",
    "appoint_deputy",
    "change_owner",
    "change_system",
    "correct_version",
    "end_deputyship",
    "grant_role",
    "grant_roles_in_bulk",
    "register_model",
    "register_system",
    "register_version",
    "set_tier",
    "stop_using_version",
    "sync_permissions",
    "use_version",
    "withdraw_role",
]
