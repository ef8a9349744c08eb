"""Every change of people, roles, teams, invitations and tokens; each writes one entry of the ledger or does nothing."""

from .invitations import (
    accept_invitation,
    check_password_for,
    find_invitation,
    invite,
    resend_invitation,
    send_invitation,
    withdraw_invitation,
)
from .people import change_profile, create_user, deactivate_user, reactivate_user, reset_second_factor
from .roles import grant_org_role, withdraw_org_role
from .teams import add_to_team, create_team, remove_from_team, rename_team
from .tokens import create_token, revoke_token

__all__ = [
    "accept_invitation",
    "add_to_team",
    "change_profile",
    "check_password_for",
    "create_team",
    "create_token",
    "create_user",
    "deactivate_user",
    "find_invitation",
    "grant_org_role",
    "invite",
    "reactivate_user",
    "remove_from_team",
    "rename_team",
    "resend_invitation",
    "reset_second_factor",
    "revoke_token",
    "send_invitation",
    "withdraw_invitation",
    "withdraw_org_role",
]
