"""Organisation-wide roles."""

from django.db import transaction

from apps.accounts import policies
from apps.accounts.models import OrganisationRole, OrgRole, User
from apps.accounts.signals import org_role_changed
from apps.audit.record import record

from .people import lock_administrators, locked


@transaction.atomic
def grant_org_role(user: User, role: str, *, by: User, reason: str = "") -> OrganisationRole:
    """
    Give ``user`` the organisation-wide ``role``. An administrator may use Django admin from then on.

    :raises NotAllowed: ``by`` is no administrator in person, or gives themselves the governance office.
    :raises RuleViolation: ``user`` is not active or has the role.
    """
    role = OrgRole(role)
    person = locked(user)
    policies.check_can_grant_org_role(person, role, user=by)
    granted = OrganisationRole.objects.create(user=person, role=role, granted_by=by)
    _follow(person, role, is_staff=True)
    record(act="org_role.granted", obj=granted, by=by, after={"user_id": person.pk, "role": str(role)}, reason=reason)
    org_role_changed.send(sender=OrganisationRole, user=person, role=role, by=by, granted=True)
    _forget_roles(user)
    return granted


@transaction.atomic
def withdraw_org_role(user: User, role: str, *, by: User, reason: str = "") -> None:
    """
    Take the organisation-wide ``role`` away again.

    :raises NotAllowed: ``by`` is no administrator in person.
    :raises RuleViolation: ``user`` does not have the role, or nobody else administers the installation.
    """
    role = OrgRole(role)
    lock_administrators()
    person = locked(user)
    policies.check_can_withdraw_org_role(person, role, user=by)
    held = OrganisationRole.objects.get(user=person, role=role)
    record(act="org_role.withdrawn", obj=held, by=by, before={"user_id": person.pk, "role": str(role)}, reason=reason)
    held.delete()
    _follow(person, role, is_staff=person.is_superuser)
    org_role_changed.send(sender=OrganisationRole, user=person, role=role, by=by, granted=False)
    _forget_roles(user)


def _follow(person: User, role: str, *, is_staff: bool) -> None:
    """Who administers may enter Django admin, and nobody else."""
    if role == OrgRole.ADMIN and person.is_staff != is_staff:
        person.is_staff = is_staff
        person.save(update_fields=["is_staff"])


def _forget_roles(user: User) -> None:
    """The caller's copy read its roles before the change."""
    user.__dict__.pop("_org_roles", None)
