"""Who may manage people. About the person who asks first, then about the state."""

from typing import Any

from apps.core.exceptions import NotAllowed, RuleViolation, as_predicate

from .models import ApiToken, Invitation, OrganisationRole, OrgRole, Team, User

ASK_ADMIN = "Ask an administrator."
ASK_OFFICE = "Ask the governance office or an administrator."


def check_in_person(by: Any) -> None:
    """:raises NotAllowed: came with an API token, where a person has to act."""
    if getattr(by, "via", "session") == "token":
        raise NotAllowed("An API token cannot do this.", help="Sign in and do it in the browser.")


def check_can_manage_people(*, user: Any) -> None:
    """:raises NotAllowed: neither governance office nor administrator."""
    if not (user.is_automation or user.runs_the_office):
        raise NotAllowed("Only the governance office and administrators manage people.", help=ASK_OFFICE)


def check_can_administer(*, user: Any) -> None:
    """:raises NotAllowed: no administrator."""
    if not (user.is_automation or user.administers):
        raise NotAllowed("Only administrators do this.", help=ASK_ADMIN)


def check_can_change_profile(person: User, *, user: Any) -> None:
    """
    Everybody keeps their own facts up to date; administrators correct those of others.

    :raises NotAllowed: somebody else's profile, or the account is not active.
    """
    if person.pk == user.pk and user.is_active:
        return
    _check_is_a_person(person)
    check_can_administer(user=user)


def _check_is_a_person(person: User) -> None:
    if person.is_automation:
        raise NotAllowed("The account of automatic work is not managed by hand.")


def check_can_switch(person: User, *, user: Any) -> None:
    """
    Who may switch this account off or on again.

    :raises NotAllowed: not the office; one's own account; an account with an organisation role, by a non-administrator.
    """
    check_in_person(user)
    _check_is_a_person(person)
    check_can_manage_people(user=user)
    if person.pk == user.pk:
        raise NotAllowed("Nobody switches their own account off or on.", help=ASK_ADMIN)
    has_org_role = person.is_superuser or OrganisationRole.objects.filter(user=person).exists()
    if has_org_role:
        check_can_administer(user=user)


def check_can_grant_org_role(person: User, role: str, *, user: Any) -> None:
    """
    :raises NotAllowed: no administrator in person; the governance office role for oneself.
    :raises RuleViolation: the account is not active, or has the role already.
    """
    check_in_person(user)
    _check_is_a_person(person)
    check_can_administer(user=user)
    if person.pk == user.pk and role == OrgRole.GOVERNANCE_OFFICE:
        raise NotAllowed("Nobody makes themselves governance office.", help="Ask another administrator.")
    if not person.is_active:
        raise RuleViolation(f"The account of {person} is not active.")
    if OrganisationRole.objects.filter(user=person, role=role).exists():
        raise RuleViolation(f"{person} has this role already.", code="has_role")


def check_can_withdraw_org_role(person: User, role: str, *, user: Any) -> None:
    """
    :raises NotAllowed: no administrator in person.
    :raises RuleViolation: the person does not have the role, or is the last administrator.
    """
    check_in_person(user)
    check_can_administer(user=user)
    if not OrganisationRole.objects.filter(user=person, role=role).exists():
        raise RuleViolation(f"{person} does not have this role.", code="has_no_role")
    if role == OrgRole.ADMIN and not person.is_superuser:
        check_is_not_last_admin(person)


def check_is_not_last_admin(person: User) -> None:
    """:raises RuleViolation: nobody else could administer the installation. Ask with the administrators locked."""
    if person.administers and not User.objects.administrators().exclude(pk=person.pk).exists():
        raise RuleViolation(
            f"{person} is the last administrator. Make somebody else administrator first.", code="last_admin"
        )


def check_can_add_to_team(team: Team, person: User, *, user: Any) -> None:
    """
    A team may hold signing roles on systems, so joining one is being given them.

    :raises NotAllowed: not the office in person; oneself.
    :raises RuleViolation: not active, or a member already.
    """
    check_in_person(user)
    _check_is_a_person(person)
    check_can_manage_people(user=user)
    if person.pk == user.pk:
        raise NotAllowed(
            "Nobody adds themselves to a team: it may hold signing roles.",
            help="Ask somebody else of the governance office or an administrator.",
        )
    if not person.is_active:
        raise RuleViolation(f"The account of {person} is not active.", field="person")
    if team.group.user_set.filter(pk=person.pk).exists():
        raise RuleViolation(f"{person} is in {team} already.", code="is_member", field="person")


def check_can_remove_from_team(team: Team, person: User, *, user: Any) -> None:
    """
    :raises NotAllowed: not the office in person.
    :raises RuleViolation: no member.
    """
    check_in_person(user)
    check_can_manage_people(user=user)
    if not team.group.user_set.filter(pk=person.pk).exists():
        raise RuleViolation(f"{person} is not in {team}.", code="no_member")


def check_can_change_invitation(invitation: Invitation, *, user: Any) -> None:
    """
    :raises NotAllowed: not the office.
    :raises RuleViolation: accepted or withdrawn.
    """
    check_can_manage_people(user=user)
    if not invitation.is_waiting:
        raise RuleViolation(f"The invitation of {invitation.email} was {invitation.state.label.lower()} already.")


def check_can_create_token(*, user: Any) -> None:
    """:raises NotAllowed: not active, or came with a token: a token makes no further ones."""
    check_in_person(user)
    if not user.is_active:
        raise NotAllowed("This account is not active.")


def check_can_revoke_token(token: ApiToken, *, user: Any) -> None:
    """:raises NotAllowed: neither the person the token acts for nor an administrator."""
    if token.user_id != user.pk:
        check_can_administer(user=user)


def check_can_reset_second_factor(person: User, *, user: Any) -> None:
    """:raises NotAllowed: no administrator in person, or one's own account."""
    check_in_person(user)
    check_can_administer(user=user)
    if person.pk == user.pk:
        raise NotAllowed("Your own second factor is on your profile page.", help="Lost it? Ask another administrator.")


can_manage_people = as_predicate(check_can_manage_people)
can_administer = as_predicate(check_can_administer)
can_change_profile = as_predicate(check_can_change_profile)
can_switch = as_predicate(check_can_switch)
can_grant_org_role = as_predicate(check_can_grant_org_role)
can_withdraw_org_role = as_predicate(check_can_withdraw_org_role)
can_add_to_team = as_predicate(check_can_add_to_team)
can_remove_from_team = as_predicate(check_can_remove_from_team)
can_change_invitation = as_predicate(check_can_change_invitation)
can_create_token = as_predicate(check_can_create_token)
can_revoke_token = as_predicate(check_can_revoke_token)
can_reset_second_factor = as_predicate(check_can_reset_second_factor)
