"""Who may do what, as a table: each line an act, each column a person."""

import pytest

from apps.core.exceptions import NotAllowed
from apps.registry import policies
from apps.registry.models import Phase, RoleAssignment
from apps.registry.roles import Role

EVERYBODY = [
    "owner", "contributor", "technical", "operational", "business", "governance", "risk_owner", "kpi_owner",
    "system_auditor", "viewer", "outsider", "inactive", "office", "org_auditor", "org_admin", "superuser",
]  # fmt: skip


def people_who(question, request):
    return {name for name in EVERYBODY if question(request.getfixturevalue(name))}


@pytest.mark.parametrize(
    "question, allowed",
    [
        (policies.can_change, {"owner", "office"}),
        (policies.can_set_tier, {"risk_owner", "office"}),
        (policies.can_manage_people, {"owner", "office", "org_admin", "superuser"}),
        (policies.can_contribute, {"owner", "contributor"}),
    ],
)
def test_who_may_act_on_a_system(system, question, allowed, request):
    assert people_who(lambda user: question(system, user=user), request) == allowed


def test_who_may_assign_in_bulk_and_import(system, request):
    runs_the_office = {"office", "org_admin", "superuser"}

    assert people_who(lambda user: policies.can_assign_in_bulk(user=user), request) == runs_the_office
    assert people_who(lambda user: policies.can_import(user=user), request) == runs_the_office


def test_everybody_active_registers_ideas_and_the_office_anything(system, owner, request):
    runs_the_office = {"office", "org_admin", "superuser"}

    assert people_who(lambda user: policies.can_register(user=user), request) == set(EVERYBODY) - {"inactive"}
    assert people_who(lambda user: policies.can_register(user=user, phase=Phase.PILOT), request) == runs_the_office
    assert people_who(lambda user: policies.can_register(user=user, owner=owner), request) == runs_the_office | {
        "owner"
    }


@pytest.mark.parametrize(
    "role",
    ["technical_approver", "operational_approver", "business_approver", "governance_approver", "risk_owner"],
)
@pytest.mark.parametrize("person", ["owner", "office", "org_admin", "superuser"])
def test_nobody_gives_themselves_a_signing_role(system, role, person, request):
    user = request.getfixturevalue(person)

    with pytest.raises(NotAllowed, match="Nobody makes themselves"):
        policies.check_can_grant(system, user=user, role=role, holder=user)


def test_a_role_without_signature_may_be_ones_own(system, owner):
    policies.check_can_grant(system, user=owner, role=Role.KPI_OWNER, holder=owner)


def test_who_may_withdraw_the_role_of_a_contributor(system, contributor, request):
    row = RoleAssignment.objects.get(system=system, user=contributor)

    allowed = people_who(lambda user: policies.can_withdraw(row, user=user), request)

    assert allowed == {"contributor", "owner", "office", "org_admin", "superuser"}


def test_only_the_office_leaves_a_system_without_an_owner(system, owner, request):
    row = RoleAssignment.objects.get(system=system, user=owner)

    assert people_who(lambda user: policies.can_withdraw(row, user=user), request) == {
        "office",
        "org_admin",
        "superuser",
    }


def test_who_may_arrange_a_deputy_for_an_approver(system, technical, request):
    allowed = people_who(lambda user: policies.can_arrange_deputy(system, user=user, principal=technical), request)

    assert allowed == {"technical", "owner", "office", "org_admin", "superuser"}
