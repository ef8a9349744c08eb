"""The daily letter: who gets one, what is in it, and that nobody gets two."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from apps.accounts import actions as accounts
from apps.core import outbox
from apps.core.models import OutboxMessage
from apps.portfolio.tasks import KIND, send_reminders
from apps.readiness.models import Evidence
from apps.registry import actions
from apps.registry.models import AISystem
from apps.registry.roles import Role
from tests.fixtures_reviews import item_of, supply

pytestmark = pytest.mark.django_db


def deliver() -> list[Any]:
    """Clear what earlier steps queued, then run the task and the outbox."""
    send_reminders()
    outbox.drain()
    outbox.drain()
    return mail.outbox


@pytest.fixture
def at_risk(register: Any, owner: Any) -> AISystem:
    """A live system whose gate does not hold: its owner has two weeks."""
    system = register("Chat", phase="full_production", owner=owner)
    OutboxMessage.objects.all().delete()
    return system


def test_the_owner_hears_what_is_due(at_risk: AISystem, owner: Any) -> None:
    letters = deliver()

    assert [letter.to for letter in letters] == [[owner.email]]
    assert "1 thing is due within 14 days" in letters[0].subject
    assert "Chat: At risk" in letters[0].body
    assert "/systems/chat/gates/full_production/" in letters[0].body


def test_overdue_is_said_first(at_risk: AISystem) -> None:
    with time_machine.travel(timezone.now() + timedelta(days=20)):
        [letter] = deliver()

    assert "1 thing is overdue" in letter.subject
    assert "overdue since" in letter.body


def test_evidence_that_runs_out_is_in_the_letter(open_review: Any, contributor: Any) -> None:
    today = timezone.localdate()
    supply(item_of(open_review, "T-1"), by=contributor, title="Pen test", valid_until=today + timedelta(days=10))
    supply(item_of(open_review, "T-2"), by=contributor, title="Far away", valid_until=today + timedelta(days=25))
    assert Evidence.objects.count() == 2
    OutboxMessage.objects.all().delete()

    letters = [letter for letter in deliver() if letter.to == [contributor.email]]

    assert len(letters) == 1
    assert "Pen test" in letters[0].body
    assert "Far away" not in letters[0].body


def test_nobody_gets_two_letters_a_day(at_risk: AISystem) -> None:
    deliver()
    deliver()
    assert len(mail.outbox) == 1

    with time_machine.travel(timezone.now() + timedelta(days=1)):
        deliver()
    assert len(mail.outbox) == 2


def test_a_team_member_and_a_deputy_may_have_work(
    system: AISystem, office: Any, org_admin: Any, outsider: Any, technical: Any, make_user: Any
) -> None:
    member = make_user("member")
    team = accounts.create_team(by=org_admin, name="Night shift")
    accounts.add_to_team(team, member, by=org_admin)
    actions.grant_role(system, by=office, role=Role.VIEWER, team=team, tell=False)
    now = timezone.now()
    actions.appoint_deputy(
        system,
        by=technical,
        principal=technical,
        deputy=outsider,
        role=Role.TECHNICAL_APPROVER,
        starts_at=now,
        ends_at=now + timedelta(days=3),
        reason="On leave",
    )

    send_reminders()

    asked = set(OutboxMessage.objects.filter(kind=KIND).values_list("payload__user", flat=True))
    assert {outsider.pk, technical.pk, office.pk, member.pk} <= asked
    assert org_admin.pk not in asked


def test_the_inactive_get_none(at_risk: AISystem, owner: Any) -> None:
    send_reminders()
    owner.is_active = False
    owner.save()
    outbox.drain()

    assert mail.outbox == []
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        assert owner.pk not in {m.payload["user"] for m in OutboxMessage.objects.filter(kind=KIND, done_at=None)}


def test_who_has_nothing_due_gets_none(system: AISystem, viewer: Any) -> None:
    OutboxMessage.objects.all().delete()

    assert not [letter for letter in deliver() if letter.to == [viewer.email]]


def test_yesterdays_letter_is_not_sent_late(at_risk: AISystem) -> None:
    send_reminders()

    with time_machine.travel(timezone.now() + timedelta(days=1)):
        outbox.drain()

    assert mail.outbox == []
