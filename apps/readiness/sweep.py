"""What time does to reviews: signatures that ran out are written down, people hear of what is about to run out."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction

from apps.accounts.models import User
from apps.core.mail import queue_mail
from apps.gates.status import refresh
from apps.gates.tasks import sweeper

from .actions._shared import lock_system
from .actions._voiding import void_seats
from .models import Condition, Evidence, Reminder, Review, Seat, SignOffVoid

# Days before the end on which people are told: a first time, and shortly before.
STAGES = ((7, "last week"), (30, "last month"))


@sweeper
def sweep(now: datetime) -> int:
    """
    Void what has lapsed and send reminders; returns how many signatures lapsed and reminders went out.

    Running it twice changes nothing: a seat is emptied once, a reminder of a stage is sent once.
    """
    return _lapse(now) + _remind(now)


def _lapse(now: datetime) -> int:
    due = Seat.objects.filter(sign_off__valid_until__lte=now, review__state=Review.State.OPEN)
    by = User.objects.automation()
    count = 0
    for system_id in sorted(set(due.values_list("review__system_id", flat=True))):
        with transaction.atomic():
            system = lock_system(system_id)
            voids = void_seats(
                due.filter(review__system=system), by=by, cause=SignOffVoid.Cause.LAPSED, reason="its time was up"
            )
            if voids:
                refresh(system, by=by)
            count += len(voids)
    return count


def _remind(now: datetime) -> int:
    today = now.astimezone(UTC).date()
    horizon = today + timedelta(days=STAGES[-1][0])
    return sum(_tell(today, *line) for line in [*_evidence(today, horizon), *_conditions(today, horizon)])


def _evidence(today: date, horizon: date) -> Iterable[tuple[User, str, date, str, str, str]]:
    rows = Evidence.objects.filter(
        withdrawn_at=None,
        valid_until__gte=today,
        valid_until__lte=horizon,
        links__review_item__review__state=Review.State.OPEN,
    ).distinct()
    for row in rows.select_related("system", "supplied_by"):
        assert row.valid_until is not None  # noqa: S101 - the filter says so; for the type checker
        subject = f"{row.system.name}: evidence runs out on {row.valid_until:%-d %B %Y}"
        body = f"“{row.title}” counts until {row.valid_until:%-d %B %Y}. What was verified on it runs out as well."
        yield row.supplied_by, f"evidence:{row.pk}", row.valid_until, subject, body, row.get_absolute_url()


def _conditions(today: date, horizon: date) -> Iterable[tuple[User, str, date, str, str, str]]:
    rows = Condition.objects.filter(done_at=None, due_on__gte=today, due_on__lte=horizon, sign_off__seat__isnull=False)
    for row in rows.select_related("system", "owner", "sign_off__review"):
        subject = f"{row.system.name}: a condition is due on {row.due_on:%-d %B %Y}"
        body = f"A signature was given on the condition:\n\n{row.text}"
        yield row.owner, f"condition:{row.pk}", row.due_on, subject, body, row.sign_off.review.get_absolute_url()


def _tell(today: date, user: Any, about: str, ends_on: date, subject: str, body: str, path: str) -> bool:
    days = (ends_on - today).days
    stage = next(name for limit, name in STAGES if days <= limit)
    with transaction.atomic():
        _, is_new = Reminder.objects.get_or_create(user=user, about=about, ends_on=ends_on, stage=stage)
        if is_new:
            queue_mail(user, subject=subject, body=body, path=path)
    return is_new
