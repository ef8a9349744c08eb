"""Roles that come by a team come with their duties, and go with all that rested on them."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts import actions as accounts
from apps.accounts.models import Team
from apps.core.exceptions import NotAllowed
from apps.gates.models import SystemStatus
from apps.readiness.models import SignOffVoid
from apps.registry import actions
from apps.registry.models import Deputyship
from apps.registry.roles import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(org_admin: Any) -> Team:
    return accounts.create_team(by=org_admin, name="Assurance")


def test_the_owner_does_not_join_the_team_that_approves_governance(system, team, owner, office, org_admin):
    actions.grant_role(system, by=office, role=Role.GOVERNANCE_APPROVER, team=team)

    with pytest.raises(NotAllowed, match="which Owner owns"):
        accounts.add_to_team(team, owner, by=org_admin)
    assert not team.group.user_set.filter(pk=owner.pk).exists()


def test_leaving_a_team_ends_deputyships_that_rested_on_it(system, team, outsider, viewer, office, org_admin):
    accounts.add_to_team(team, outsider, by=org_admin)
    actions.grant_role(system, by=office, role=Role.TECHNICAL_APPROVER, team=team)
    now = timezone.now()
    actions.appoint_deputy(
        system,
        by=office,
        principal=outsider,
        deputy=viewer,
        role=Role.TECHNICAL_APPROVER,
        starts_at=now,
        ends_at=now + timedelta(days=5),
        reason="Away",
    )

    accounts.remove_from_team(team, outsider, by=org_admin)

    assert Deputyship.objects.get().ended_at is not None


def test_leaving_a_team_ends_signatures_given_by_its_role(ready_review, team, outsider, office, org_admin):
    from tests.fixtures_reviews import sign

    accounts.add_to_team(team, outsider, by=org_admin)
    actions.grant_role(ready_review.system, by=office, role=Role.TECHNICAL_APPROVER, team=team)
    signed = sign(ready_review, "technical", by=outsider)

    accounts.remove_from_team(team, outsider, by=org_admin)

    assert SignOffVoid.objects.get(sign_off=signed).cause == "role_withdrawn"


def test_a_closed_account_owns_nothing_at_the_gate(system, owner, org_admin):
    before = SystemStatus.objects.get(system=system).missing

    accounts.deactivate_user(owner, by=org_admin, reason="Left the company")

    assert SystemStatus.objects.get(system=system).missing == before + 1
