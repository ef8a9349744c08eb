"""
Who may do what to a system, its people and its models.

First the person, then the state: who may not act learns nothing about the state.
"""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from apps.accounts.models import Team
from apps.core.exceptions import NotAllowed, RuleViolation, as_predicate

from .models import AISystem, Deputyship, ModelVersion, Phase, RoleAssignment
from .people import roles_of
from .permissions import has_system_perm
from .roles import SIGNING_ROLES, Perm, Role

DEPUTYSHIP_MAX = timedelta(days=90)
# A form filled in over lunch still means "from now on".
DEPUTYSHIP_GRACE = timedelta(hours=1)
OFFICE_HELPS = "Ask the governance office."


def _runs_the_office(user: Any) -> bool:
    return user.is_automation or (user.is_active and user.runs_the_office)


# --- Systems ---------------------------------------------------------------------------------------------------------


def check_can_register(*, user: Any, phase: str = Phase.IDEA, owner: Any = None, imported: bool = False) -> None:
    """
    Everybody registers ideas of their own; what runs already, or belongs to somebody else, the office takes in.

    :raises NotAllowed: inactive, or not the office where it has to be.
    """
    if _runs_the_office(user):
        return
    if not user.is_active:
        raise NotAllowed("This account is not active.")
    if imported:
        raise NotAllowed("Only the governance office takes in inventories.", help=OFFICE_HELPS)
    if owner is not None and owner.pk != user.pk:
        raise NotAllowed(
            "You can register systems of your own. For somebody else the governance office does it.",
            help="Register it and name another owner on its page, or ask the governance office.",
        )
    if phase != Phase.IDEA:
        raise NotAllowed(
            "A new system starts as an idea and reaches the next phase through its gate.",
            help="If it runs already, ask the governance office to register it in the phase it is in.",
        )


def check_can_import(*, user: Any) -> None:
    """:raises NotAllowed: ``user`` belongs neither to the governance office nor to the administrators."""
    if not _runs_the_office(user):
        raise NotAllowed("Only the governance office takes in inventories.", help=OFFICE_HELPS)


def check_can_change(system: AISystem, *, user: Any) -> None:
    """:raises NotAllowed: ``user`` neither owns the system nor belongs to the governance office."""
    if not has_system_perm(user, Perm.CHANGE, system):
        raise NotAllowed(
            "Only the owner or the governance office changes the facts of this system.", help="Ask its owner."
        )


def check_can_set_tier(system: AISystem, *, user: Any) -> None:
    """:raises NotAllowed: ``user`` is neither risk owner here nor in the governance office."""
    if not has_system_perm(user, Perm.SET_TIER, system):
        raise NotAllowed("Only a risk owner of this system or the governance office sets its tier.", help=OFFICE_HELPS)


# --- People ----------------------------------------------------------------------------------------------------------


def check_can_manage_people(system: AISystem, *, user: Any) -> None:
    """:raises NotAllowed: ``user`` is neither the owner nor runs the office."""
    if not has_system_perm(user, Perm.MANAGE_PEOPLE, system):
        raise NotAllowed(
            "Only the owner, the governance office or an administrator decides who has a role here.",
            help="Ask the owner of the system.",
        )


def check_can_grant(system: AISystem, *, user: Any, role: str, holder: Any) -> None:
    """
    May ``user`` give ``role`` on ``system`` to ``holder``, a person or a team?

    :raises NotAllowed: no right to, or a signing role would come back to ``user``.
    :raises RuleViolation: unknown role, inactive holder, a team as owner, the owner as governance approver.
    """
    check_can_manage_people(system, user=user)
    if role not in Role.values:
        raise RuleViolation("There is no such role.", code="unknown_role", field="role")
    if isinstance(holder, Team):
        if role == Role.OWNER:
            raise RuleViolation("A person owns a system, not a team.", code="owner_is_a_person", field="team")
    elif not holder.is_active:
        raise RuleViolation("This account is not active.", code="inactive_holder", field="user")
    if role in SIGNING_ROLES and _reaches(holder, user):
        raise NotAllowed(
            f"Nobody makes themselves {Role(role).label.lower()}, not by way of a team either.",
            help="Ask another person who manages people here, or the governance office.",
        )
    check_owner_stays_apart(system, role=role, holder=holder)


def check_owner_stays_apart(system: AISystem, *, role: str, holder: Any) -> None:
    """:raises RuleViolation: with ``role``, ``holder`` would be owner and governance approver at once."""
    if role == Role.OWNER:
        both = _governs(system, holder)
    elif role == Role.GOVERNANCE_APPROVER:
        both = any(_reaches(holder, owner) for owner in _acting_owners(system))
    else:
        return
    if both:
        raise RuleViolation(
            "The owner of a system is not its governance approver, nor a member of the team that is.",
            code="owner_is_not_governance_approver",
            help="Name somebody else.",
        )


def _reaches(holder: Any, user: Any) -> bool:
    """Whether what ``holder`` gets is ``user``'s as well: the same person, or a team they are in."""
    if isinstance(holder, Team):
        return bool(user.groups.filter(pk=holder.group_id).exists())
    return bool(holder.pk == user.pk)


def _governs(system: AISystem, person: Any) -> bool:
    held = RoleAssignment.objects.held_by(person).filter(system=system, role=Role.GOVERNANCE_APPROVER)
    return held.exists() or _open_deputyships(system, Role.GOVERNANCE_APPROVER).filter(deputy=person).exists()


def _acting_owners(system: AISystem) -> list[Any]:
    """The owner, and whoever stands in for them now or later."""
    owners = RoleAssignment.objects.filter(system=system, role=Role.OWNER).select_related("user")
    deputies = _open_deputyships(system, Role.OWNER).select_related("deputy")
    return [row.user for row in owners] + [row.deputy for row in deputies]


def _open_deputyships(system: AISystem, role: str) -> Any:
    """Running or still to come."""
    return Deputyship.objects.filter(system=system, role=role, ended_at=None, ends_at__gt=timezone.now())


def check_can_withdraw(assignment: RoleAssignment, *, user: Any) -> None:
    """
    Who manages people withdraws roles; everybody may lay down their own. The owner is replaced, not withdrawn.

    :raises NotAllowed: no right to; or the owner's role, and ``user`` does not run the office.
    """
    if assignment.role == Role.OWNER and not _runs_the_office(user):
        check_can_manage_people(assignment.system, user=user)
        raise NotAllowed(
            "A system is not left without an owner. Name the new owner instead.",
            help="Only the governance office can take an owner off without naming another.",
        )
    if assignment.user_id != user.pk or not user.is_active:
        check_can_manage_people(assignment.system, user=user)


def check_can_assign_in_bulk(*, user: Any) -> None:
    """:raises NotAllowed: ``user`` does not run the office."""
    if not _runs_the_office(user):
        raise NotAllowed("Only the governance office or an administrator gives roles on many systems at once.")


def check_can_appoint_deputy(
    system: AISystem, *, user: Any, principal: Any, deputy: Any, role: str, starts_at: datetime, ends_at: datetime
) -> None:
    """
    May ``user`` let ``deputy`` stand in for ``principal`` in ``role`` for that time?

    :raises NotAllowed: neither the principal nor somebody who manages people here, or the deputy themselves.
    :raises RuleViolation: the principal lacks the role, inactive deputy, dates that do not fit, a duty in the way.
    """
    check_can_arrange_deputy(system, user=user, principal=principal)
    if deputy.pk == user.pk:
        raise NotAllowed("Nobody makes themselves a deputy.", help="The person you would stand in for can do it.")
    if principal.pk == deputy.pk:
        raise RuleViolation("A deputy is somebody else.", code="deputy_is_principal", field="deputy")
    if role not in Role.values or role not in roles_of(principal, system, with_deputyships=False):
        raise RuleViolation(
            f"{principal} does not have this role on this system.", code="principal_lacks_role", field="role"
        )
    if not deputy.is_active:
        raise RuleViolation("This account is not active.", code="inactive_holder", field="deputy")
    _check_deputy_dates(starts_at, ends_at)
    check_owner_stays_apart(system, role=role, holder=deputy)
    same = _open_deputyships(system, role).filter(principal=principal, deputy=deputy)
    if same.filter(starts_at__lt=ends_at, ends_at__gt=starts_at).exists():
        raise RuleViolation("This person is deputy in that time already.", code="deputy_exists", field="deputy")


def check_can_arrange_deputy(system: AISystem, *, user: Any, principal: Any) -> None:
    """:raises NotAllowed: ``user`` is neither ``principal`` nor manages people here."""
    if not (user.pk == principal.pk and user.is_active):
        check_can_manage_people(system, user=user)


def _check_deputy_dates(starts_at: datetime, ends_at: datetime) -> None:
    now = timezone.now()
    if starts_at < now - DEPUTYSHIP_GRACE:
        raise RuleViolation("It cannot begin in the past.", code="deputyship_in_the_past", field="starts_at")
    if ends_at <= max(starts_at, now):
        raise RuleViolation("It has to end after it begins.", code="deputyship_ends_first", field="ends_at")
    if ends_at - starts_at > DEPUTYSHIP_MAX:
        raise RuleViolation(
            f"A deputy stands in for at most {DEPUTYSHIP_MAX.days} days. For longer, give them the role itself.",
            code="deputyship_too_long",
            field="ends_at",
        )


def check_can_end_deputyship(deputyship: Deputyship, *, user: Any) -> None:
    """
    The principal, the deputy, and whoever manages people may end it early.

    :raises NotAllowed: somebody else.
    :raises RuleViolation: it is over already.
    """
    if deputyship.deputy_id != user.pk or not user.is_active:
        check_can_arrange_deputy(deputyship.system, user=user, principal=deputyship.principal)
    if deputyship.ended_at is not None or deputyship.ends_at <= timezone.now():
        raise RuleViolation("It is over already.", code="deputyship_over")


# --- Models and versions ---------------------------------------------------------------------------------------------


def check_can_contribute(system: AISystem, *, user: Any) -> None:
    """:raises NotAllowed: ``user`` neither owns the system nor contributes to it."""
    if not has_system_perm(user, Perm.CONTRIBUTE, system):
        raise NotAllowed(
            "Only the owner and the contributors register and choose models here.",
            help="Ask the owner to make you a contributor.",
        )


def check_can_use_version(system: AISystem, *, user: Any, model_version: ModelVersion) -> None:
    """
    :raises NotAllowed: no contributor here, or the version belongs to a system ``user`` may not see.
    """
    check_can_contribute(system, user=user)
    if not has_system_perm(user, Perm.VIEW, model_version.model.system):
        raise NotAllowed("There is no such model version, or you may not see it.")


can_register = as_predicate(check_can_register)
can_import = as_predicate(check_can_import)
can_change = as_predicate(check_can_change)
can_set_tier = as_predicate(check_can_set_tier)
can_manage_people = as_predicate(check_can_manage_people)
can_grant = as_predicate(check_can_grant)
can_withdraw = as_predicate(check_can_withdraw)
can_assign_in_bulk = as_predicate(check_can_assign_in_bulk)
can_appoint_deputy = as_predicate(check_can_appoint_deputy)
can_arrange_deputy = as_predicate(check_can_arrange_deputy)
can_end_deputyship = as_predicate(check_can_end_deputyship)
can_contribute = as_predicate(check_can_contribute)
can_use_version = as_predicate(check_can_use_version)
