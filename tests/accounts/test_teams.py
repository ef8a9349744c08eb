from typing import Any

import pytest
from django.core.exceptions import ValidationError

from apps.accounts import actions, signals
from apps.accounts.models import Team, User
from apps.audit.models import Entry
from apps.core.exceptions import NotAllowed, RuleViolation

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(office: User) -> Team:
    return actions.create_team(by=office, name="Platform", description="Runs servers")


def acts() -> list[str]:
    return list(Entry.objects.filter(kind="accounts.team").order_by("pk").values_list("act", flat=True))


def test_a_team_has_its_group_and_one_entry(team: Team) -> None:
    assert team.group.name == "Team Platform"
    assert acts() == ["team.created"]


def test_names_of_teams_differ_in_more_than_case(team: Team, office: User) -> None:
    with pytest.raises(ValidationError):
        actions.create_team(by=office, name="PLATFORM")
    other = actions.create_team(by=office, name="Care")
    with pytest.raises(ValidationError):
        actions.rename_team(other, by=office, name="platform")


def test_a_team_without_a_name_is_none(office: User) -> None:
    with pytest.raises(ValidationError):
        actions.create_team(by=office, name="  ")


def test_renaming_leaves_the_description_unless_one_is_given(team: Team, office: User) -> None:
    renamed = actions.rename_team(team, by=office, name="Platform and Security")

    assert (renamed.name, renamed.description) == ("Platform and Security", "Runs servers")
    assert Team.objects.get().group.name == "Team Platform and Security"
    actions.rename_team(renamed, by=office, name="Platform and Security")
    assert acts() == ["team.created", "team.changed"]


def test_joining_and_leaving_are_recorded_and_told(team: Team, office: User, viewer: User) -> None:
    heard: list[str] = []

    def hear(sender: Any, user: User, team: Team, by: User, signal: Any, **kwargs: Any) -> None:
        heard.append("joined" if signal is signals.team_joined else "left")

    for signal in (signals.team_joined, signals.team_left):
        signal.connect(hear)
    try:
        actions.add_to_team(team, viewer, by=office, reason="New here")
        assert list(team.group.user_set.all()) == [viewer]
        actions.remove_from_team(team, viewer, by=office)
    finally:
        for signal in (signals.team_joined, signals.team_left):
            signal.disconnect(hear)

    assert heard == ["joined", "left"]
    assert not team.group.user_set.exists()
    assert acts() == ["team.created", "team.member_added", "team.member_removed"]


def test_nobody_adds_themselves(team: Team, office: User, superuser: User) -> None:
    for person in (office, superuser):
        with pytest.raises(NotAllowed, match="themselves"):
            actions.add_to_team(team, person, by=person)


def test_who_can_be_added(team: Team, office: User, org_admin: User, viewer: User) -> None:
    actions.add_to_team(team, viewer, by=office)
    with pytest.raises(RuleViolation, match="already"):
        actions.add_to_team(team, viewer, by=office)
    actions.remove_from_team(team, viewer, by=office)
    with pytest.raises(RuleViolation, match="not in"):
        actions.remove_from_team(team, viewer, by=office)
    actions.deactivate_user(viewer, by=office, reason="Left")
    viewer.refresh_from_db()
    with pytest.raises(RuleViolation, match="not active"):
        actions.add_to_team(team, viewer, by=office)
