"""
The people of the tests, and ``system``: a system on which each role has its person, given through actions.

All of them sign in with ``PASSWORD``. ``as_user(person)`` is a browser session, ``api_as(person)`` an API client.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from apps.accounts.models import OrganisationRole, OrgRole, User
from apps.gates.status import refreshed_once
from apps.registry import actions
from apps.registry.models import AISystem
from apps.registry.roles import Role

PASSWORD = "four bright kettles"

# fixture name -> role on ``system``; the owner registers it
SYSTEM_ROLES = {
    "contributor": Role.CONTRIBUTOR,
    "second_contributor": Role.CONTRIBUTOR,
    "technical": Role.TECHNICAL_APPROVER,
    "operational": Role.OPERATIONAL_APPROVER,
    "business": Role.BUSINESS_APPROVER,
    "governance": Role.GOVERNANCE_APPROVER,
    "risk_owner": Role.RISK_OWNER,
    "kpi_owner": Role.KPI_OWNER,
    "system_auditor": Role.AUDITOR,
    "viewer": Role.VIEWER,
}


@pytest.fixture
def make_user(db: None) -> Callable[..., User]:
    """Makes an active person: ``make_user("ada")``, ``make_user("ada", org_role=OrgRole.ADMIN)``."""

    def make(username: str, *, org_role: str = "", **values: Any) -> User:
        values = {"full_name": username.replace("_", " ").title(), "email": f"{username}@example.org"} | values
        user = User.objects.create_user(username, password=PASSWORD, **values)
        if org_role:
            OrganisationRole.objects.create(user=user, role=org_role)
        return user

    return make


def _person(name: str, org_role: str = "") -> Any:
    @pytest.fixture(name=name)
    def person(make_user: Callable[..., User]) -> User:
        return make_user(name, org_role=org_role)

    return person


owner = _person("owner")
contributor = _person("contributor")
second_contributor = _person("second_contributor")
technical = _person("technical")
operational = _person("operational")
business = _person("business")
governance = _person("governance")
risk_owner = _person("risk_owner")
kpi_owner = _person("kpi_owner")
system_auditor = _person("system_auditor")
viewer = _person("viewer")
outsider = _person("outsider")
office = _person("office", OrgRole.GOVERNANCE_OFFICE)
org_auditor = _person("org_auditor", OrgRole.AUDITOR)
org_admin = _person("org_admin", OrgRole.ADMIN)


@pytest.fixture
def superuser(make_user: Callable[..., User]) -> User:
    """Has every Django permission and no role."""
    return make_user("superuser", is_superuser=True, is_staff=True)


@pytest.fixture
def bare_system(owner: User) -> AISystem:
    """Just registered: an owner, a name and a purpose."""
    return actions.register_system(by=owner, name="Claims triage", purpose="Sorts incoming claims by urgency.")


@pytest.fixture
def system(bare_system: AISystem, office: User, request: pytest.FixtureRequest) -> AISystem:
    """A system on which each role has its person; the office gave the roles."""
    people = {name: request.getfixturevalue(name) for name in SYSTEM_ROLES}
    with refreshed_once():
        for name, role in SYSTEM_ROLES.items():
            actions.grant_role(bare_system, by=office, role=role, user=people[name], tell=False)
    return bare_system


@pytest.fixture
def inactive(system: AISystem, office: User, make_user: Callable[..., User]) -> User:
    """Contributed to ``system`` until their account was closed."""
    user = make_user("inactive")
    actions.grant_role(system, by=office, role=Role.CONTRIBUTOR, user=user, tell=False)
    user.is_active = False
    user.save(update_fields=["is_active"])
    return user


@pytest.fixture
def as_user() -> Callable[[Any], Client]:
    """A browser session of a person, or of nobody: ``as_user(owner).get("/")``, ``as_user(None)``."""

    def sign_in(user: Any) -> Client:
        client = Client()
        if user is not None:
            client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def api_as() -> Callable[[Any], APIClient]:
    """An API client in a person's session, or without one; it speaks JSON."""

    def sign_in(user: Any) -> APIClient:
        client = APIClient()
        if user is not None:
            client.force_login(user)
        return client

    return sign_in
