"""The daily letter: what is due or overdue for each person, and which of their evidence runs out soon."""

from datetime import date
from typing import Any

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import OrgRole, User
from apps.core import outbox
from apps.core.mail import queue_mail
from apps.core.models import OutboxMessage
from apps.registry.models import Deputyship, RoleAssignment

from .work import SOON, Task, work_of

KIND = "portfolio.digest"


@shared_task
def send_reminders(**kwargs: object) -> int:
    """
    Queue today's letter for everybody who may have work; returns how many were queued.

    Running it again on the same day queues nothing: the outbox itself remembers whose turn it was.
    """
    today = timezone.localdate().isoformat()
    with transaction.atomic():
        # Two schedulers at once queue behind this row, and the second then finds the first one's messages.
        User.objects.select_for_update().get(pk=User.objects.automation().pk)
        done = set(OutboxMessage.objects.filter(kind=KIND, payload__day=today).values_list("payload__user", flat=True))
        waiting = [pk for pk in _people_with_work() if pk not in done]
        for pk in waiting:
            outbox.put(KIND, user=pk, day=today)
    return len(waiting)


def _people_with_work() -> Any:
    """Active people with an address who hold a role, themselves, by a team or as a deputy, or are the office."""
    by_role = RoleAssignment.objects.filter(user__isnull=False).values("user_id")
    by_team = User.groups.through.objects.filter(group__team__assignments__isnull=False).values("user_id")
    as_deputy = Deputyship.objects.running().values("deputy_id")
    office = User.objects.filter(organisation_roles__role=OrgRole.GOVERNANCE_OFFICE).values("pk")
    found = by_role.union(by_team, as_deputy, office)
    return User.objects.filter(pk__in=found, is_active=True).exclude(email="").values_list("pk", flat=True)


@outbox.handler(KIND)
def _write_letter(user: int, day: str) -> None:
    """One person's letter, from what awaits them as it is sent. Yesterday's, late, is not sent any more."""
    person = User.objects.filter(pk=user, is_active=True).first()
    if person is None or day != timezone.localdate().isoformat():
        return
    tasks = work_of(person)
    last = date.fromisoformat(day) + SOON
    due = sorted((task for task in tasks if task.due is not None and task.due <= last), key=lambda task: str(task.due))
    if due:
        queue_mail(person, subject=_subject(due), body=_body(due, others=len(tasks) - len(due)), path="/")


def _subject(due: list[Task]) -> str:
    overdue = sum(1 for task in due if task.due is not None and task.due < timezone.localdate())
    things = "1 thing is" if len(due) == 1 else f"{len(due)} things are"
    if overdue:
        return f"{things} due soon, {overdue} overdue" if overdue < len(due) else f"{things} overdue"
    return f"{things} due within {SOON.days} days"


def _body(due: list[Task], *, others: int) -> str:
    parts = ["This is due or overdue:"]
    parts += [_paragraph(task) for task in due]
    if others:
        parts.append("1 more thing waits for you." if others == 1 else f"{others} more things wait for you.")
    return "\n\n".join(parts)


def _paragraph(task: Task) -> str:
    where = f"{task.system}: " if task.system is not None else ""
    return f"- {where}{task.title} ({_when(task.due)})\n  {task.why}\n  {settings.SITE_URL}{task.url}"


def _when(due: date | None) -> str:
    if due is None:
        return ""
    left = (due - timezone.localdate()).days
    if left < 0:
        return f"overdue since {due:%-d %B}"
    return "due today" if left == 0 else f"due on {due:%-d %B}"
