from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import Team, User
from apps.audit.record import delete_with_history, save_with_history
from apps.core.exceptions import RuleViolation
from apps.core.mail import queue_mail

from .. import policies
from ..models import AISystem, AISystemGroupPermission, AISystemUserPermission, Deputyship, RoleAssignment
from ..roles import BUNDLES, Role
from ..signals import announce, role_withdrawn
from ._shared import locked, stated


def sync_permissions(system: AISystem, holder: Any) -> None:
    """Give ``holder`` (a person or a team) exactly the object permissions of the roles they hold on ``system``."""
    if isinstance(holder, Team):
        rows: Any = AISystemGroupPermission.objects
        owner_of_row = {"group_id": holder.group_id}
        roles = RoleAssignment.objects.filter(system=system, team=holder)
    else:
        rows = AISystemUserPermission.objects
        owner_of_row = {"user_id": holder.pk}
        roles = RoleAssignment.objects.filter(system=system, user=holder)
    wanted: set[str] = set().union(*(BUNDLES[role] for role in roles.values_list("role", flat=True)))
    present = rows.filter(content_object=system, **owner_of_row)
    present.exclude(permission__codename__in=wanted).delete()
    missing = wanted - set(present.values_list("permission__codename", flat=True))
    if missing:
        found = Permission.objects.filter(
            content_type__app_label="registry", content_type__model="aisystem", codename__in=missing
        )
        rows.bulk_create(rows.model(content_object=system, permission=one, **owner_of_row) for one in found)


def assign(system: AISystem, *, by: Any, role: str, holder: Any, reason: str) -> RoleAssignment:
    """Write one assignment and the permissions that follow. For actions, which have asked the policy before."""
    kind = {"team": holder} if isinstance(holder, Team) else {"user": holder}
    assignment = RoleAssignment(system=system, role=role, granted_by=by, reason=reason.strip(), **kind)
    words = f"Gave the role {Role(role).label}"
    save_with_history(
        assignment, by=by, reason=f"{words}: {reason.strip()}" if reason.strip() else words, act="role.granted"
    )
    sync_permissions(system, holder)
    return assignment


@transaction.atomic
def grant_role(
    system: AISystem,
    *,
    by: Any,
    role: str,
    user: Any = None,
    team: Team | None = None,
    reason: str = "",
    tell: bool = True,
) -> RoleAssignment:
    """
    Give a role to a person or a team; with ``tell`` they hear of it by e-mail.

    :raises NotAllowed: ``by`` does not manage people here, or would give themselves a signing role.
    :raises RuleViolation: the holder has it already, is inactive, or has a role that excludes it; an owner exists.
    """
    system = locked(system)
    holder = _one_holder(user, team)
    policies.check_can_grant(system, user=by, role=role, holder=holder)
    _check_is_free(system, role, holder)
    assignment = assign(system, by=by, role=role, holder=holder, reason=reason)
    if tell:
        _tell_granted(holder, by=by, role=role, system=system)
    announce(system, by=by, fields={"people"}, reason=f"Gave the role {Role(role).label}")
    return assignment


def _one_holder(user: Any, team: Team | None) -> Any:
    if (user is None) == (team is None):
        raise RuleViolation("Name one person or one team.", code="one_holder", field="user")
    return team or user


def _check_is_free(system: AISystem, role: str, holder: Any) -> None:
    if role == Role.OWNER:
        owner = RoleAssignment.objects.filter(system=system, role=Role.OWNER).select_related("user").first()
        if owner is not None and owner.user_id != holder.pk:
            raise RuleViolation(
                f"{owner.user} is the owner. Change the owner instead of adding one.", code="owner_exists", field="role"
            )
    kind = {"team": holder} if isinstance(holder, Team) else {"user": holder}
    if RoleAssignment.objects.filter(system=system, role=role, **kind).exists():
        raise RuleViolation(f"{holder} has this role already.", code="has_role_already", field="role")


def _tell_granted(holder: Any, *, by: Any, role: str, system: AISystem) -> None:
    label = Role(role).label.lower()
    for person in holder.group.user_set.filter(is_active=True) if isinstance(holder, Team) else [holder]:
        if person.pk != by.pk:
            queue_mail(
                person,
                subject=f"{system.name}: you are {label}",
                body=f"{by} gave you the role {label} on {system.name}.",
                path=system.get_absolute_url(),
            )


@transaction.atomic
def withdraw_role(assignment: RoleAssignment, *, by: Any, reason: str) -> None:
    """
    Take a role away, or lay down one's own. What the people who lose it had signed by it no longer counts, and who
    stood in for them no longer does.

    :raises NotAllowed: ``by`` may not.
    :raises RuleViolation: no reason, or it was withdrawn already.
    """
    system = locked(assignment.system)
    row = RoleAssignment.objects.select_related("user", "team", "system").filter(pk=assignment.pk).first()
    if row is None:
        raise RuleViolation("This role was withdrawn already.", code="withdrawn_already")
    policies.check_can_withdraw(row, user=by)
    _take_away(row, system, by=by, reason=stated(reason))
    announce(system, by=by, fields={"people"}, reason=f"Withdrew the role {row.get_role_display()}")


def _take_away(row: RoleAssignment, system: AISystem, *, by: Any, reason: str) -> None:
    """Delete the assignment with all that hung on it."""
    had_it = list(row.team.group.user_set.values_list("pk", flat=True)) if row.team else [row.holder.pk]
    delete_with_history(
        row, by=by, reason=f"Withdrew the role {row.get_role_display()}: {reason}", act="role.withdrawn"
    )
    sync_permissions(system, row.holder)
    end_what_rested_on(system, row.role, had_it=had_it, by=by)


def end_what_rested_on(system: AISystem, role: str, *, had_it: list[int], by: Any) -> None:
    """End deputyships and signatures of those among ``had_it`` (user ids) who hold ``role`` no longer."""
    people = User.objects.filter(pk__in=had_it)
    still = RoleAssignment.objects.filter(system=system, role=role)
    lost = [person.pk for person in people if not still.held_by(person).exists()]
    standing_in = Deputyship.objects.filter(
        system=system, role=role, principal_id__in=lost, ended_at=None, ends_at__gt=timezone.now()
    )
    for deputyship in standing_in:
        _end(deputyship, by=by, reason="The role it stood for was withdrawn")
    role_withdrawn.send(sender=AISystem, system=system, by=by, role=role, user_ids=lost)


@transaction.atomic
def change_owner(system: AISystem, *, by: Any, user: Any, reason: str) -> RoleAssignment:
    """
    Name the (new) owner; a system has one. The one before keeps their other roles.

    :raises NotAllowed: ``by`` does not manage people here.
    :raises RuleViolation: they own it already, are inactive, or are governance approver here; no reason.
    """
    system = locked(system)
    policies.check_can_grant(system, user=by, role=Role.OWNER, holder=user)
    reason = stated(reason, "Say why the owner changes.")
    before = RoleAssignment.objects.filter(system=system, role=Role.OWNER).select_related("user", "team").first()
    if before is not None:
        if before.user_id == user.pk:
            raise RuleViolation(f"{user} owns it already.", code="has_role_already", field="user")
        _take_away(before, system, by=by, reason=reason)
    assignment = assign(system, by=by, role=Role.OWNER, holder=user, reason=reason)
    _tell_granted(user, by=by, role=Role.OWNER, system=system)
    announce(system, by=by, fields={"people"}, reason="Changed the owner")
    return assignment


@dataclass(frozen=True)
class BulkOutcome:
    """How one system of a bulk assignment came out; ``words`` says why where nothing was given."""

    system: AISystem
    granted: bool
    words: str


def grant_roles_in_bulk(
    systems: Iterable[AISystem], *, by: Any, role: str, user: Any = None, team: Team | None = None, reason: str
) -> list[BulkOutcome]:
    """
    Give one role on many systems; each system is a transaction of its own and says how it came out.

    The holders get one e-mail for all of them.

    :raises NotAllowed: ``by`` does not run the office.
    :raises RuleViolation: no reason, or not exactly one holder.
    """
    policies.check_can_assign_in_bulk(user=by)
    reason = stated(reason)
    holder = _one_holder(user, team)
    outcomes = [_grant_one(system, by=by, role=role, user=user, team=team, reason=reason) for system in systems]
    granted = [outcome.system for outcome in outcomes if outcome.granted]
    if granted:
        _tell_granted_in_bulk(holder, by=by, role=role, systems=granted)
    return outcomes


def _grant_one(system: AISystem, *, by: Any, role: str, user: Any, team: Any, reason: str) -> BulkOutcome:
    try:
        grant_role(system, by=by, role=role, user=user, team=team, reason=reason, tell=False)
    except (PermissionDenied, RuleViolation) as error:
        return BulkOutcome(system, False, str(error))
    return BulkOutcome(system, True, "Given")


@transaction.atomic
def _tell_granted_in_bulk(holder: Any, *, by: Any, role: str, systems: list[AISystem]) -> None:
    label = Role(role).label.lower()
    names = "\n".join(f"- {system.name}" for system in systems[:50])
    more = f"\n- and {len(systems) - 50} more" if len(systems) > 50 else ""
    people = holder.group.user_set.filter(is_active=True) if isinstance(holder, Team) else [holder]
    for person in people:
        if person.pk != by.pk:
            queue_mail(
                person,
                subject=f"You are {label} of {len(systems)} system{'s' if len(systems) > 1 else ''}",
                body=f"{by} gave you the role {label} on:\n{names}{more}",
                path="/",
            )


# --- Deputies --------------------------------------------------------------------------------------------------------


@transaction.atomic
def appoint_deputy(
    system: AISystem,
    *,
    by: Any,
    principal: Any,
    deputy: Any,
    role: str,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
) -> Deputyship:
    """
    Let ``deputy`` do what ``principal``'s role allows, from one moment to another. All duties hold for them as well.

    :raises NotAllowed: ``by`` is neither the principal nor manages people here, or is the deputy.
    :raises RuleViolation: the principal lacks the role, the dates do not fit (at most 90 days), no reason.
    """
    system = locked(system)
    policies.check_can_appoint_deputy(
        system, user=by, principal=principal, deputy=deputy, role=role, starts_at=starts_at, ends_at=ends_at
    )
    deputyship = Deputyship(
        system=system,
        role=role,
        principal=principal,
        deputy=deputy,
        starts_at=starts_at,
        ends_at=ends_at,
        reason=stated(reason),
        granted_by=by,
    )
    words = f"Named a deputy as {Role(role).label}: {deputyship.reason}"
    save_with_history(deputyship, by=by, reason=words, act="deputy.appointed")
    queue_mail(
        deputy,
        subject=f"{system.name}: you stand in for {principal}",
        body=(
            f"From {starts_at:%-d %B %Y %H:%M} to {ends_at:%-d %B %Y %H:%M} UTC you can do what {principal} may do as "
            f"{Role(role).label.lower()} of {system.name}.\n\n{by} arranged it: {deputyship.reason}"
        ),
        path=system.get_absolute_url(),
    )
    announce(system, by=by, fields={"people"}, reason=f"Named a deputy as {Role(role).label}")
    return deputyship


@transaction.atomic
def end_deputyship(deputyship: Deputyship, *, by: Any) -> Deputyship:
    """
    End it before its time. What the deputy signed until now stays.

    :raises NotAllowed: ``by`` is neither of the two nor manages people here.
    :raises RuleViolation: it is over already.
    """
    system = locked(deputyship.system)
    deputyship = locked(deputyship)
    policies.check_can_end_deputyship(deputyship, user=by)
    _end(deputyship, by=by, reason="Ended the deputyship early")
    announce(system, by=by, fields={"people"}, reason="Ended a deputyship")
    return deputyship


def _end(deputyship: Deputyship, *, by: Any, reason: str) -> None:
    deputyship.ended_by, deputyship.ended_at = by, timezone.now()
    save_with_history(deputyship, by=by, reason=reason, fields=["ended_by", "ended_at"], act="deputy.ended")
