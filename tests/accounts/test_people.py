"""Accounts and organisation roles: made, corrected, switched off and on, each with one entry of the ledger."""

from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client

from apps.accounts import actions, signals
from apps.accounts.models import ApiToken, OrganisationRole, OrgRole, User
from apps.audit.models import Entry
from apps.core import outbox
from apps.core.exceptions import NotAllowed, RuleViolation
from tests.fixtures_people import PASSWORD

pytestmark = pytest.mark.django_db


def entries(act: str) -> list[Any]:
    return list(Entry.objects.filter(act=act).select_related("private"))


def test_create_user_makes_an_account_and_one_entry_without_names_in_its_body(office: User) -> None:
    user = actions.create_user(by=office, username="nadia", full_name="Nadia Osei", email="nadia@example.org")

    (entry,) = entries("user.created")
    assert entry.object_id == str(user.uid)
    assert entry.actor_uid == office.uid
    assert b"nadia" not in bytes(entry.body).lower()
    assert entry.private.data["after"]["full_name"] == "Nadia Osei"
    assert "password" not in entry.private.data["after"]


def test_who_is_made_without_a_password_is_told_how_to_set_one(office: User) -> None:
    user = actions.create_user(by=office, username="nadia", full_name="Nadia Osei", email="nadia@example.org")
    outbox.drain()

    assert not user.has_usable_password()
    assert mail.outbox[0].to == ["nadia@example.org"]
    assert "/accounts/password/reset/" in mail.outbox[0].body


@pytest.mark.parametrize(
    "values, field",
    [
        ({"username": "OUTSIDER"}, "username"),
        ({"username": "Automation"}, "username"),
        ({"username": "two words"}, "username"),
        ({"email": "Outsider@Example.org"}, "email"),
        ({"email": "no address"}, "email"),
        ({"timezone": "Europe/Atlantis"}, "timezone"),
        ({"password": "password12"}, "password"),
        ({"password": "short"}, "password"),
        ({"full_name": "  "}, "full_name"),
    ],
)
def test_what_an_account_cannot_be(office: User, outsider: User, values: dict[str, str], field: str) -> None:
    good = {"username": "nadia", "full_name": "Nadia Osei", "email": "nadia@example.org", "password": PASSWORD}

    with pytest.raises(ValidationError) as caught:
        actions.create_user(by=office, **(good | values))

    assert field in caught.value.message_dict
    assert not entries("user.created")


def test_only_the_office_makes_accounts(owner: User) -> None:
    with pytest.raises(NotAllowed, match="governance office"):
        actions.create_user(by=owner, username="nadia", full_name="Nadia Osei")


def test_user_names_differ_in_more_than_case(outsider: User) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(username="Outsider", full_name="Somebody else")


def test_change_profile_records_only_what_changed(owner: User) -> None:
    actions.change_profile(owner, by=owner, full_name="Owner Anew", job_title="", timezone="Europe/Lisbon")

    (entry,) = entries("user.profile_changed")
    assert entry.private.data["before"] == {"full_name": "Owner", "timezone": ""}
    assert entry.private.data["after"] == {"full_name": "Owner Anew", "timezone": "Europe/Lisbon"}


def test_a_profile_saved_as_it_was_leaves_no_entry(owner: User) -> None:
    actions.change_profile(owner, by=owner, full_name=owner.full_name)

    assert not entries("user.profile_changed")


def test_a_changed_address_is_told_to_the_old_one_and_forgotten_everywhere(owner: User) -> None:
    EmailAddress.objects.create(user=owner, email=owner.email, primary=True, verified=True)

    actions.change_profile(owner, by=owner, email="new@example.org")
    outbox.drain()

    assert not EmailAddress.objects.exists()
    assert mail.outbox[0].to == ["owner@example.org"]


def test_an_address_belongs_to_one_person(owner: User, outsider: User) -> None:
    with pytest.raises(ValidationError):
        actions.change_profile(owner, by=owner, email="OUTSIDER@example.org")


def test_nobody_changes_the_profile_of_somebody_else(owner: User, outsider: User) -> None:
    with pytest.raises(NotAllowed):
        actions.change_profile(owner, by=outsider, full_name="Somebody")


def test_deactivation_revokes_tokens_and_ends_sessions(owner: User, office: User, as_user: Any) -> None:
    actions.create_token(by=owner, name="ci", scopes=["read"])
    browser: Client = as_user(owner)
    assert browser.get("/profile/").status_code == 200

    actions.deactivate_user(owner, by=office, reason="Left the company")

    assert not ApiToken.objects.exists()
    assert browser.get("/profile/").status_code == 302
    (entry,) = entries("user.deactivated")
    assert entry.private.data["reason"] == "Left the company"
    assert entry.private.data["after"]["tokens_revoked"] == 1


def test_sessions_of_before_stay_dead_after_reactivation(owner: User, office: User, as_user: Any) -> None:
    browser: Client = as_user(owner)
    actions.deactivate_user(owner, by=office, reason="Lost laptop")

    actions.reactivate_user(owner, by=office, reason="All clear")

    assert browser.get("/profile/").status_code == 302
    assert as_user(User.objects.get(pk=owner.pk)).get("/profile/").status_code == 200


def test_reactivation_gives_roles_back_but_no_tokens(office: User, org_admin: User, org_auditor: User) -> None:
    actions.create_token(by=org_auditor, name="ci", scopes=["read"])
    actions.deactivate_user(org_auditor, by=org_admin, reason="Leave of absence")
    assert User.objects.get(pk=org_auditor.pk).org_roles == frozenset()

    actions.reactivate_user(org_auditor, by=org_admin, reason="Back again")

    assert User.objects.get(pk=org_auditor.pk).org_roles == {OrgRole.AUDITOR}
    assert not ApiToken.objects.exists()


def test_switching_tells_the_rooms_above(owner: User, office: User) -> None:
    heard: list[tuple[str, bool]] = []

    def hear(sender: Any, user: User, by: User, **kwargs: Any) -> None:
        heard.append((user.username, user.is_active))

    signals.activity_changed.connect(hear)
    try:
        actions.deactivate_user(owner, by=office, reason="Left")
        actions.reactivate_user(owner, by=office, reason="Back")
    finally:
        signals.activity_changed.disconnect(hear)

    assert heard == [("owner", False), ("owner", True)]


@pytest.mark.parametrize("verb", ["deactivate_user", "reactivate_user"])
def test_switching_twice_is_refused(owner: User, office: User, verb: str) -> None:
    if verb == "deactivate_user":
        actions.deactivate_user(owner, by=office, reason="Left")

    with pytest.raises(RuleViolation, match="already"):
        getattr(actions, verb)(owner, by=office, reason="Again")


def test_the_last_administrator_stays(org_admin: User) -> None:
    automation = User.objects.automation()

    with pytest.raises(RuleViolation, match="last administrator"):
        actions.withdraw_org_role(org_admin, OrgRole.ADMIN, by=org_admin)
    with pytest.raises(RuleViolation, match="last administrator"):
        actions.deactivate_user(org_admin, by=automation, reason="Left")
    assert OrganisationRole.objects.filter(user=org_admin).exists()


def test_one_of_two_administrators_may_go(org_admin: User, outsider: User) -> None:
    actions.grant_org_role(outsider, OrgRole.ADMIN, by=org_admin)

    actions.withdraw_org_role(org_admin, OrgRole.ADMIN, by=org_admin)

    assert [user.username for user in User.objects.administrators()] == ["outsider"]


def test_an_inactive_administrator_is_none(org_admin: User, outsider: User) -> None:
    actions.grant_org_role(outsider, OrgRole.ADMIN, by=org_admin)
    actions.deactivate_user(outsider, by=org_admin, reason="Left")

    with pytest.raises(RuleViolation, match="last administrator"):
        actions.withdraw_org_role(org_admin, OrgRole.ADMIN, by=org_admin)


def test_granting_a_role_records_it_and_counts_at_once(org_admin: User, outsider: User) -> None:
    assert not outsider.runs_the_office

    actions.grant_org_role(outsider, OrgRole.GOVERNANCE_OFFICE, by=org_admin, reason="New colleague")

    assert outsider.runs_the_office
    (entry,) = entries("org_role.granted")
    assert entry.private.data["after"] == {"user_id": outsider.pk, "role": "governance_office"}
    assert entry.private.data["reason"] == "New colleague"


def test_administrators_enter_django_admin_and_leave_it_with_the_role(org_admin: User, outsider: User) -> None:
    actions.grant_org_role(outsider, OrgRole.ADMIN, by=org_admin)
    assert User.objects.get(pk=outsider.pk).is_staff

    actions.withdraw_org_role(outsider, OrgRole.ADMIN, by=org_admin)

    assert not User.objects.get(pk=outsider.pk).is_staff
    assert len(entries("org_role.withdrawn")) == 1


def test_a_role_is_given_once_and_to_the_active(org_admin: User, outsider: User, office: User) -> None:
    with pytest.raises(RuleViolation, match="already"):
        actions.grant_org_role(office, OrgRole.GOVERNANCE_OFFICE, by=org_admin)
    actions.deactivate_user(outsider, by=org_admin, reason="Left")
    with pytest.raises(RuleViolation, match="not active"):
        actions.grant_org_role(outsider, OrgRole.AUDITOR, by=org_admin)
    with pytest.raises(RuleViolation, match="does not have"):
        actions.withdraw_org_role(office, OrgRole.AUDITOR, by=org_admin)


def test_a_lost_second_factor_is_removed_and_the_person_told(org_admin: User, owner: User) -> None:
    Authenticator.objects.create(user=owner, type=Authenticator.Type.TOTP, data={"secret": "x"})

    actions.reset_second_factor(owner, by=org_admin, reason="Phone lost")
    outbox.drain()

    assert not Authenticator.objects.exists()
    assert len(entries("user.second_factor_reset")) == 1
    assert mail.outbox[0].to == [owner.email]
    with pytest.raises(RuleViolation, match="not enrolled"):
        actions.reset_second_factor(owner, by=org_admin, reason="Again")


def test_an_administrator_looks_at_everything_in_the_admin_and_deletes_nothing(org_admin: User, owner: User) -> None:
    assert org_admin.has_perm("gates.view_decision")
    assert org_admin.has_module_perms("gates")
    assert not org_admin.has_perm("accounts.delete_user")
    assert not org_admin.has_perm("registry.sign_governance")
    assert not owner.has_perm("accounts.view_user")
