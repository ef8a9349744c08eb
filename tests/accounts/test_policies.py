"""Who may manage people, as tables."""

from typing import Any

import pytest

from apps.accounts import actions, policies
from apps.accounts.models import OrgRole, User

pytestmark = pytest.mark.django_db

ANYBODY = ["outsider", "owner", "org_auditor", "office", "org_admin", "superuser"]
OFFICE = {"office", "org_admin", "superuser"}
ADMINS = {"org_admin", "superuser"}


@pytest.fixture
def ask(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue


@pytest.mark.parametrize("name", ANYBODY)
def test_who_manages_people(name: str, ask: Any) -> None:
    assert policies.can_manage_people(user=ask(name)) is (name in OFFICE)


@pytest.mark.parametrize("name", ANYBODY)
def test_who_administers(name: str, ask: Any) -> None:
    assert policies.can_administer(user=ask(name)) is (name in ADMINS)


@pytest.mark.parametrize("name", ANYBODY)
def test_the_inactive_manage_nothing(name: str, ask: Any) -> None:
    user = ask(name)
    user.is_active = False

    assert not policies.can_manage_people(user=user)
    assert not policies.can_administer(user=user)
    assert not policies.can_create_token(user=user)


@pytest.mark.parametrize("name", ANYBODY)
def test_whose_profile_one_changes(name: str, ask: Any, viewer: User) -> None:
    user = ask(name)

    assert policies.can_change_profile(user, user=user)
    assert policies.can_change_profile(viewer, user=user) is (name in ADMINS)


@pytest.mark.parametrize("name", ANYBODY)
def test_who_switches_accounts(name: str, ask: Any, viewer: User, org_auditor: User) -> None:
    user = ask(name)

    assert policies.can_switch(viewer, user=user) is (name in OFFICE)
    assert not policies.can_switch(user, user=user), "not one's own"
    if name != "org_auditor":
        assert policies.can_switch(org_auditor, user=user) is (name in ADMINS), "a holder of an organisation role"


@pytest.mark.parametrize("name", ANYBODY)
@pytest.mark.parametrize("role", OrgRole.values)
def test_who_gives_organisation_roles(name: str, role: str, ask: Any, viewer: User) -> None:
    user = ask(name)

    assert policies.can_grant_org_role(viewer, role, user=user) is (name in ADMINS)


@pytest.mark.parametrize("name", sorted(ADMINS))
def test_nobody_makes_themselves_governance_office(name: str, ask: Any) -> None:
    user = ask(name)

    assert not policies.can_grant_org_role(user, OrgRole.GOVERNANCE_OFFICE, user=user)


@pytest.mark.parametrize("name", ANYBODY)
def test_who_fills_teams(name: str, ask: Any, viewer: User, office: User) -> None:
    team = actions.create_team(by=office, name="Platform")
    user = ask(name)

    assert policies.can_add_to_team(team, viewer, user=user) is (name in OFFICE)
    assert not policies.can_add_to_team(team, user, user=user), "a team may hold signing roles"


@pytest.mark.parametrize("name", ANYBODY)
def test_whose_tokens_one_revokes(name: str, ask: Any, viewer: User) -> None:
    token, _ = actions.create_token(by=viewer, name="ci", scopes=["read"])

    assert policies.can_revoke_token(token, user=viewer)
    assert policies.can_revoke_token(token, user=ask(name)) is (name in ADMINS)


@pytest.mark.parametrize("name", ANYBODY)
def test_a_token_gives_no_rights_to_anybody(name: str, ask: Any, viewer: User, office: User) -> None:
    team = actions.create_team(by=office, name="Platform")
    user = ask(name)
    user.via = "token"

    assert not policies.can_create_token(user=user)
    assert not policies.can_switch(viewer, user=user)
    assert not policies.can_grant_org_role(viewer, OrgRole.AUDITOR, user=user)
    assert not policies.can_add_to_team(team, viewer, user=user)
    assert not policies.can_reset_second_factor(viewer, user=user)


def test_the_automation_is_managed_by_nobody(superuser: User) -> None:
    automation = User.objects.automation()

    assert not policies.can_switch(automation, user=superuser)
    assert not policies.can_change_profile(automation, user=superuser)
    assert not policies.can_grant_org_role(automation, OrgRole.ADMIN, user=superuser)
