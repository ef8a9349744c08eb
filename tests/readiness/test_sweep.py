"""What time does, written down once."""

from datetime import timedelta
from typing import Any

from django.core import mail
from django.utils import timezone

from apps.core import outbox
from apps.gates.models import SystemStatus
from apps.gates.tasks import sweep as gate_sweep
from apps.readiness import actions
from apps.readiness.models import Reminder, Seat
from apps.readiness.sweep import sweep
from tests.fixtures_reviews import item_of, sign, supply


def letters(word):
    outbox.drain()
    found = [(message.to[0], message.subject) for message in mail.outbox if word in message.subject]
    mail.outbox.clear()
    return found


def test_a_lapsed_seat_is_emptied_and_people_hear_of_it(open_review, pass_items, technical, owner, time_machine):
    pass_items(open_review, ["T-3", "T-4"])
    signed = sign(open_review, "technical", by=technical)
    letters("")
    time_machine.move_to(signed.valid_until)

    gate_sweep()

    assert Seat.objects.get(review=open_review, section__key="technical").sign_off is None
    assert signed.void.cause == "lapsed"
    told = {who for who, _ in letters("a signature no longer counts")}
    assert told == {owner.email, technical.email}


def test_nothing_lapses_before_its_time(open_review, pass_items, technical, time_machine):
    pass_items(open_review, ["T-3", "T-4"])
    signed = sign(open_review, "technical", by=technical)
    time_machine.move_to(signed.valid_until - timedelta(seconds=1))

    sweep(timezone.now())

    assert Seat.objects.get(review=open_review, section__key="technical").sign_off == signed


def test_a_closed_review_is_left_alone(open_review, pass_items, technical, owner, time_machine):
    pass_items(open_review, ["T-3", "T-4"])
    signed = sign(open_review, "technical", by=technical)
    actions.close_review(open_review, by=owner, reason="Over")
    time_machine.move_to(signed.valid_until + timedelta(days=1))

    sweep(timezone.now())

    assert not hasattr(signed, "void")


def test_evidence_is_announced_a_month_and_a_week_before_its_end(open_review, contributor, time_machine):
    noon = timezone.now().replace(hour=12)
    end = noon.date() + timedelta(days=60)
    supply(item_of(open_review, "T-3"), by=contributor, title="Scan", valid_until=end)
    letters("")

    expected = {40: 0, 30: 1, 20: 0, 7: 1, 3: 0, 0: 0, -1: 0}
    for days_left, count in expected.items():
        time_machine.move_to(
            timezone.now().replace(hour=12) + (end - timezone.now().date() - timedelta(days=days_left))
        )
        sweep(timezone.now())
        sweep(timezone.now())
        assert len(letters("evidence runs out")) == count, days_left
    assert Reminder.objects.count() == 2


def test_withdrawn_or_unused_evidence_is_not_announced(open_review, contributor, system):
    soon = timezone.now().date() + timedelta(days=5)
    gone = supply(item_of(open_review, "T-3"), by=contributor, valid_until=soon)
    actions.withdraw_evidence(gone, by=contributor, reason="Wrong")
    actions.add_evidence(
        system, by=contributor, kind="ticket", title="T", reference="1", effective_on=soon - timedelta(days=9),
        valid_until=soon,
    )  # fmt: skip

    sweep(timezone.now())

    assert letters("runs out") == []


def test_conditions_are_announced_before_they_are_due(open_review, pass_items, technical, contributor):
    pass_items(open_review, ["T-3", "T-4"])
    day = timezone.now().date() + timedelta(days=6)
    sign(open_review, "technical", by=technical, conditions=[{"text": "x", "owner": contributor, "due_on": day}])
    letters("")

    sweep(timezone.now())

    assert [who for who, _ in letters("a condition is due")] == [contributor.email]


def test_the_gates_sweep_asks_again_when_an_item_runs_out(
    system, owner, contributor, business, time_machine, open_review
):
    review = actions.open_review(system, by=owner, phase="pilot")
    supply(item_of(review, "B-5"), by=contributor)
    actions.answer_item(item_of(review, "B-5"), by=contributor, answer="A", submit=True)
    row: Any = actions.verify_item(item_of(review, "B-5"), by=business)
    before = SystemStatus.objects.get(system=system)
    assert before.next_change_at <= row.valid_until

    time_machine.move_to(row.valid_until)
    gate_sweep()

    assert SystemStatus.objects.get(system=system).missing == before.missing + 1
