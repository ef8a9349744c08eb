from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.models import Team
from apps.core.exceptions import NotAllowed, RuleViolation
from apps.core.models import OutboxMessage
from apps.registry import actions
from apps.registry.models import (
    AISystem,
    AISystemGroupPermission,
    AISystemUserPermission,
    Deputyship,
    RoleAssignment,
)
from apps.registry.people import roles_of
from apps.registry.permissions import system_perms
from apps.registry.roles import BUNDLES, Role
from apps.registry.signals import role_withdrawn


@pytest.fixture
def team(technical, contributor):
    """Has the technical approver and a contributor in it."""
    group = Group.objects.create(name="Reviewers")
    group.user_set.add(technical, contributor)
    return Team.objects.create(name="Reviewers", group=group)


@pytest.fixture
def lost():
    """Who lost which role, as the rooms above heard it."""
    heard = []

    def listen(sender, system, by, role, user_ids, **kwargs):
        heard.append((role, sorted(user_ids)))

    role_withdrawn.connect(listen)
    yield heard
    role_withdrawn.disconnect(listen)


def assignment(system, user):
    return RoleAssignment.objects.get(system=system, user=user)


def deputise(system, **terms):
    now = timezone.now()
    terms = {"starts_at": now, "ends_at": now + timedelta(days=7), "reason": "Holiday"} | terms
    return actions.appoint_deputy(system, **terms)


# --- Roles -----------------------------------------------------------------------------------------------------------


def test_a_role_brings_its_permissions_and_an_email(bare_system, owner, outsider):
    given = actions.grant_role(bare_system, by=owner, role=Role.CONTRIBUTOR, user=outsider, reason="Builds it")

    assert (given.granted_by, given.reason) == (owner, "Builds it")
    assert system_perms(outsider, bare_system) == BUNDLES[Role.CONTRIBUTOR]
    assert OutboxMessage.objects.get(kind="mail").payload["to"] == outsider.email


def test_two_roles_are_the_union_and_withdrawing_one_leaves_the_other(bare_system, office, outsider):
    for role in (Role.VIEWER, Role.RISK_OWNER):
        actions.grant_role(bare_system, by=office, role=role, user=outsider)
    assert system_perms(outsider, bare_system) == BUNDLES[Role.RISK_OWNER]

    risk = RoleAssignment.objects.get(system=bare_system, user=outsider, role=Role.RISK_OWNER)
    actions.withdraw_role(risk, by=office, reason="Moved on")

    assert system_perms(outsider, bare_system) == BUNDLES[Role.VIEWER]


def test_a_team_gets_a_role_for_all_its_members(bare_system, office, team, contributor):
    actions.grant_role(bare_system, by=office, role=Role.CONTRIBUTOR, team=team)

    assert system_perms(contributor, bare_system) == BUNDLES[Role.CONTRIBUTOR]
    assert AISystemGroupPermission.objects.filter(group=team.group).count() == len(BUNDLES[Role.CONTRIBUTOR])


def test_rows_of_guardian_never_outlive_the_roles(system, office):
    for row in RoleAssignment.objects.filter(system=system):
        actions.withdraw_role(row, by=office, reason="Clean slate")

    assert not AISystemUserPermission.objects.exists()
    assert not AISystemGroupPermission.objects.exists()


def test_nobody_signs_by_way_of_their_own_team(bare_system, office, team):
    team.group.user_set.add(office)

    with pytest.raises(NotAllowed, match="not by way of a team"):
        actions.grant_role(bare_system, by=office, role=Role.TECHNICAL_APPROVER, team=team)


def test_the_owner_is_not_the_governance_approver(bare_system, office, owner):
    with pytest.raises(RuleViolation, match="not its governance approver"):
        actions.grant_role(bare_system, by=office, role=Role.GOVERNANCE_APPROVER, user=owner)


def test_nor_by_way_of_a_team(bare_system, office, owner, team):
    team.group.user_set.add(owner)

    with pytest.raises(RuleViolation, match="not its governance approver"):
        actions.grant_role(bare_system, by=office, role=Role.GOVERNANCE_APPROVER, team=team)


def test_nor_the_other_way_round(system, office, governance, team, contributor):
    with pytest.raises(RuleViolation, match="not its governance approver"):
        actions.change_owner(system, by=office, user=governance, reason="Takes over")

    actions.grant_role(system, by=office, role=Role.GOVERNANCE_APPROVER, team=team)
    with pytest.raises(RuleViolation, match="not its governance approver"):
        actions.change_owner(system, by=office, user=contributor, reason="Takes over")


def test_superusers_pass_no_duty(bare_system, superuser, owner):
    with pytest.raises(NotAllowed):
        actions.grant_role(bare_system, by=superuser, role=Role.BUSINESS_APPROVER, user=superuser)
    with pytest.raises(RuleViolation):
        actions.grant_role(bare_system, by=superuser, role=Role.GOVERNANCE_APPROVER, user=owner)


@pytest.mark.parametrize("role, code", [(Role.CONTRIBUTOR, "has_role_already"), (Role.OWNER, "owner_exists")])
def test_a_role_is_given_once(system, office, contributor, role, code):
    with pytest.raises(RuleViolation) as refusal:
        actions.grant_role(system, by=office, role=role, user=contributor)

    assert refusal.value.code == code


def test_closed_accounts_and_teams_that_would_own(system, office, inactive, team):
    with pytest.raises(RuleViolation, match="not active"):
        actions.grant_role(system, by=office, role=Role.VIEWER, user=inactive)
    with pytest.raises(RuleViolation, match="A person owns"):
        actions.grant_role(system, by=office, role=Role.OWNER, team=team)


def test_exactly_one_holder_is_named(system, office, team, outsider):
    for holders in ({}, {"user": outsider, "team": team}):
        with pytest.raises(RuleViolation, match="one person or one team"):
            actions.grant_role(system, by=office, role=Role.VIEWER, **holders)


def test_withdrawing_needs_a_reason_and_tells_who_lost_what(system, office, technical, lost):
    row = assignment(system, technical)
    with pytest.raises(RuleViolation, match="Say why"):
        actions.withdraw_role(row, by=office, reason="")

    actions.withdraw_role(row, by=office, reason="Left the company")

    assert lost == [(Role.TECHNICAL_APPROVER, [technical.pk])]
    assert roles_of(technical, system) == set()
    last = RoleAssignment.history.filter(id=row.pk).first()
    assert (last.history_type, last.history_user) == ("-", office)
    assert last.history_change_reason == "Withdrew the role Technical approver: Left the company"


def test_who_keeps_the_role_by_a_team_did_not_lose_it(system, office, technical, contributor, team, lost):
    actions.grant_role(system, by=office, role=Role.TECHNICAL_APPROVER, team=team)

    actions.withdraw_role(assignment(system, technical), by=office, reason="The team has it")
    assert lost == [(Role.TECHNICAL_APPROVER, [])]

    actions.withdraw_role(RoleAssignment.objects.get(team=team), by=office, reason="Nobody has it")
    assert lost[1:] == [(Role.TECHNICAL_APPROVER, sorted([technical.pk, contributor.pk]))]


def test_a_role_is_withdrawn_once(system, office, viewer):
    row = assignment(system, viewer)
    actions.withdraw_role(row, by=office, reason="Over")

    with pytest.raises(RuleViolation, match="already"):
        actions.withdraw_role(row, by=office, reason="Over")


def test_changing_the_owner_leaves_exactly_one(system, owner, office, contributor, lost):
    actions.change_owner(system, by=owner, user=contributor, reason="New job")

    assert [row.user for row in RoleAssignment.objects.filter(system=system, role=Role.OWNER)] == [contributor]
    assert lost == [(Role.OWNER, [owner.pk])]
    assert system_perms(owner, system) == frozenset()
    assert roles_of(contributor, system) == {Role.OWNER, Role.CONTRIBUTOR}


def test_a_system_without_owner_gets_one(office, owner):
    system = actions.register_system(by=office, name="Imported", purpose="Some.", imported=True)

    actions.change_owner(system, by=office, user=owner, reason="Found them")

    assert roles_of(owner, system) == {Role.OWNER}


# --- Many at once ----------------------------------------------------------------------------------------------------


def test_bulk_assignment_says_how_each_system_came_out(bare_system, office, contributor):
    imported = [
        actions.register_system(by=office, name=f"Imported {n}", purpose="Some.", imported=True) for n in range(3)
    ]

    outcomes = actions.grant_roles_in_bulk(
        [*imported, bare_system], by=office, role=Role.OWNER, user=contributor, reason="After the import"
    )

    assert [outcome.granted for outcome in outcomes] == [True, True, True, False]
    assert "is the owner" in outcomes[3].words
    assert set(AISystem.objects.with_role(contributor, Role.OWNER)) == set(imported)
    mails = OutboxMessage.objects.filter(kind="mail", payload__to=contributor.email)
    assert [mail.payload["subject"] for mail in mails] == ["You are owner of 3 systems"]


def test_duties_hold_in_bulk(bare_system, office):
    outcomes = actions.grant_roles_in_bulk([bare_system], by=office, role=Role.RISK_OWNER, user=office, reason="Quick")

    assert not outcomes[0].granted
    assert roles_of(office, bare_system) == set()


def test_only_the_office_assigns_in_bulk(bare_system, owner, contributor):
    with pytest.raises(NotAllowed):
        actions.grant_roles_in_bulk([bare_system], by=owner, role=Role.VIEWER, user=contributor, reason="Quick")


# --- Deputies --------------------------------------------------------------------------------------------------------


def test_a_deputy_may_what_the_principal_may_for_that_time(system, technical, outsider, settings):
    deputyship = deputise(system, by=technical, principal=technical, deputy=outsider, role=Role.TECHNICAL_APPROVER)

    assert deputyship.is_running
    assert system_perms(outsider, system) == BUNDLES[Role.TECHNICAL_APPROVER]
    assert list(AISystem.objects.visible_to(outsider)) == [system]
    assert OutboxMessage.objects.filter(kind="mail", payload__to=outsider.email).exists()


def test_ended_early_it_brings_nothing_any_more(system, technical, outsider):
    deputyship = deputise(system, by=technical, principal=technical, deputy=outsider, role=Role.TECHNICAL_APPROVER)

    actions.end_deputyship(deputyship, by=outsider)

    assert system_perms(outsider, system) == frozenset()
    with pytest.raises(RuleViolation, match="over already"):
        actions.end_deputyship(deputyship, by=technical)


def test_it_ends_with_the_role_it_stood_for(system, office, technical, outsider):
    deputyship = deputise(system, by=technical, principal=technical, deputy=outsider, role=Role.TECHNICAL_APPROVER)

    actions.withdraw_role(assignment(system, technical), by=office, reason="Left")

    deputyship.refresh_from_db()
    assert deputyship.ended_by == office
    assert system_perms(outsider, system) == frozenset()


@pytest.mark.parametrize("person", ["office", "owner", "superuser"])
def test_nobody_appoints_themselves(system, technical, person, request):
    user = request.getfixturevalue(person)

    with pytest.raises(NotAllowed, match="Nobody makes themselves a deputy"):
        deputise(system, by=user, principal=technical, deputy=user, role=Role.TECHNICAL_APPROVER)


@pytest.mark.parametrize(
    "person, allowed", [("technical", True), ("owner", True), ("office", True), ("business", False)]
)
def test_who_appoints_a_deputy(system, technical, outsider, person, allowed, request):
    by = request.getfixturevalue(person)
    terms = {"principal": technical, "deputy": outsider, "role": Role.TECHNICAL_APPROVER}

    if allowed:
        assert deputise(system, by=by, **terms).granted_by == by
    else:
        with pytest.raises(NotAllowed):
            deputise(system, by=by, **terms)


def test_the_owner_stands_in_for_no_governance_approver(system, governance, owner, office, outsider):
    with pytest.raises(RuleViolation, match="not its governance approver"):
        deputise(system, by=office, principal=governance, deputy=owner, role=Role.GOVERNANCE_APPROVER)
    with pytest.raises(RuleViolation, match="not its governance approver"):
        deputise(system, by=office, principal=owner, deputy=governance, role=Role.OWNER)

    deputise(system, by=office, principal=governance, deputy=outsider, role=Role.GOVERNANCE_APPROVER)
    with pytest.raises(RuleViolation, match="not its governance approver"):
        actions.change_owner(system, by=office, user=outsider, reason="Takes over")


@pytest.mark.parametrize(
    "begin, end, code",
    [
        (-2, 7, "deputyship_in_the_past"),
        (3, 2, "deputyship_ends_first"),
        (0, 91, "deputyship_too_long"),
    ],
)
def test_dates_of_a_deputyship(system, technical, outsider, begin, end, code):
    now = timezone.now()

    with pytest.raises(RuleViolation) as refusal:
        deputise(
            system,
            by=technical,
            principal=technical,
            deputy=outsider,
            role=Role.TECHNICAL_APPROVER,
            starts_at=now + timedelta(days=begin),
            ends_at=now + timedelta(days=end),
        )

    assert refusal.value.code == code


def test_one_cannot_lend_what_one_does_not_have(system, technical, outsider, office):
    with pytest.raises(RuleViolation, match="does not have this role"):
        deputise(system, by=office, principal=technical, deputy=outsider, role=Role.BUSINESS_APPROVER)


def test_a_deputy_cannot_pass_it_on(system, technical, outsider, viewer):
    deputise(system, by=technical, principal=technical, deputy=outsider, role=Role.TECHNICAL_APPROVER)

    with pytest.raises(RuleViolation, match="does not have this role"):
        deputise(system, by=outsider, principal=outsider, deputy=viewer, role=Role.TECHNICAL_APPROVER)


def test_twice_the_same_time_is_refused(system, technical, outsider):
    terms = {"by": technical, "principal": technical, "deputy": outsider, "role": Role.TECHNICAL_APPROVER}
    deputise(system, **terms)

    with pytest.raises(RuleViolation, match="in that time already"):
        deputise(system, **terms)


# --- What the database holds by itself -------------------------------------------------------------------------------


def raw(model):
    return QuerySet(model)


@pytest.mark.parametrize(
    "values",
    [{"role": "king"}, {"user": None}, {"role": Role.OWNER}],
    ids=["unknown role", "no holder", "second owner"],
)
def test_the_database_refuses_assignments_that_cannot_be(system, viewer, values):
    with pytest.raises(IntegrityError), transaction.atomic():
        raw(RoleAssignment).filter(user=viewer).update(**values)


def test_the_database_refuses_deputyships_that_cannot_be(system, technical, outsider):
    row = deputise(system, by=technical, principal=technical, deputy=outsider, role=Role.TECHNICAL_APPROVER)

    for values in ({"deputy": technical}, {"ends_at": row.starts_at}, {"ended_at": timezone.now()}):
        with pytest.raises(IntegrityError), transaction.atomic():
            raw(Deputyship).filter(pk=row.pk).update(**values)


@pytest.mark.parametrize("values", [{"phase": "limbo"}, {"tier": 4}, {"name": ""}, {"purpose": ""}])
def test_the_database_refuses_systems_that_cannot_be(bare_system, values):
    with pytest.raises(IntegrityError), transaction.atomic():
        raw(AISystem).filter(pk=bare_system.pk).update(**values)
