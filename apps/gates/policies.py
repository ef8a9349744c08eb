"""Who may do what at a gate, and in which state."""

from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from apps.core.exceptions import NotAllowed, RuleViolation, as_predicate
from apps.registry.models import AISystem
from apps.registry.people import roles_of
from apps.registry.permissions import system_perms
from apps.registry.roles import Perm

from .models import GatePolicy, Suspension, Waiver
from .requirements import Result

OFFICE_HELP = "The governance office, or a governance approver of this system, can."


def check_can_ask(system: AISystem, *, user: Any) -> None:
    """:raises NotAllowed: the system is not theirs to see."""
    if Perm.VIEW not in system_perms(user, system):
        raise NotAllowed("You do not see this system.")


def check_can_enter_phase(system: AISystem, *, user: Any) -> None:
    """:raises NotAllowed: neither owner nor governance office."""
    if Perm.ENTER_PHASE not in system_perms(user, system):
        raise NotAllowed(
            "Only the owner moves a system to another phase.", help="Ask the owner, or the governance office."
        )


def check_can_request_waiver(system: AISystem, *, user: Any) -> None:
    """:raises NotAllowed: works neither on the system nor in the governance office."""
    if not {Perm.CONTRIBUTE, Perm.APPROVE_WAIVER} & system_perms(user, system):
        raise NotAllowed("Only somebody who works on this system asks for a waiver.", help="Ask its owner to.")


def check_waiver_terms(result: Result, *, expires_on: date, policy: GatePolicy, blocker: bool) -> None:
    """
    Whether a waiver can stand in for ``result`` until ``expires_on``.

    :raises RuleViolation: it is met, may not be waived, the date has passed or is too far away.
    """
    if result.status != "not_met":
        raise RuleViolation("This requirement is not missing, so there is nothing to waive.", code="nothing_to_waive")
    if not result.waivable:
        raise RuleViolation(f"“{result.title}” cannot be waived.", code="not_waivable")
    limits = policy.body["waiver"]
    days = limits["max_days_blocker"] if blocker else limits["max_days_other"]
    today = timezone.localdate()
    if expires_on < today:
        raise RuleViolation("The last day of the waiver has passed already.", code="expiry_passed", field="expires_on")
    if expires_on > today + timedelta(days=days):
        raise RuleViolation(
            f"A waiver for “{result.title}” lasts at most {days} days: until {today + timedelta(days=days):%-d %B %Y}.",
            code="expiry_too_far",
            field="expires_on",
        )


def check_can_decide_waiver(waiver: Waiver, *, user: Any) -> None:
    """
    :raises NotAllowed: not a governance approver of the system nor of the office, or the one who asked.
    :raises RuleViolation: it is decided already.
    """
    if Perm.APPROVE_WAIVER not in system_perms(user, waiver.system):
        raise NotAllowed("You cannot decide on waivers of this system.", help=OFFICE_HELP)
    if waiver.requested_by_id == user.pk:
        raise NotAllowed("Whoever asks for a waiver does not approve it.", help=OFFICE_HELP)
    if waiver.status != Waiver.Status.REQUESTED:
        raise RuleViolation(f"This waiver is decided already: {waiver.get_status_display().lower()}.", code="decided")


def check_can_withdraw_waiver(waiver: Waiver, *, user: Any) -> None:
    """:raises NotAllowed: neither who asked nor who may decide.  :raises RuleViolation: it is over already."""
    if waiver.requested_by_id != user.pk and Perm.APPROVE_WAIVER not in system_perms(user, waiver.system):
        raise NotAllowed("Only whoever asked for a waiver, or may approve it, takes it back.", help=OFFICE_HELP)
    if waiver.status not in (Waiver.Status.REQUESTED, Waiver.Status.APPROVED):
        raise RuleViolation("This waiver is over already.", code="decided")


def check_can_suspend(system: AISystem, *, user: Any) -> None:
    """
    Anyone with a role may stop a system; nobody needs to be asked first.

    :raises NotAllowed: no role on it.  :raises RuleViolation: it is suspended already.
    """
    if Perm.SUSPEND not in system_perms(user, system):
        raise NotAllowed("You have no role on this system.", help="Tell its owner or the governance office.")
    if Suspension.objects.filter(system=system, resumption=None).exists():
        raise RuleViolation("It is suspended already.", code="suspended")


def check_can_resume(suspension: Suspension, *, user: Any) -> None:
    """
    :raises NotAllowed: no right to, or the owner, who does not lift a stop on their own system.
    :raises RuleViolation: resumed already.
    """
    if Perm.RESUME not in system_perms(user, suspension.system):
        raise NotAllowed("You cannot sign the resumption of this system.", help=OFFICE_HELP)
    if "owner" in roles_of(user, suspension.system):
        raise NotAllowed("The owner does not lift a suspension of their own system.", help=OFFICE_HELP)
    if hasattr(suspension, "resumption"):
        raise RuleViolation("It is resumed already.", code="resumed")


can_enter_phase = as_predicate(check_can_enter_phase)
can_request_waiver = as_predicate(check_can_request_waiver)
can_decide_waiver = as_predicate(check_can_decide_waiver)
can_withdraw_waiver = as_predicate(check_can_withdraw_waiver)
can_suspend = as_predicate(check_can_suspend)
can_resume = as_predicate(check_can_resume)
