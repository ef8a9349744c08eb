"""The people, the catalogue and the clock of a generated portfolio, shared by all its systems."""

import random
import time
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, Permission
from django.utils import timezone

from apps.accounts.models import OrganisationRole, OrgRole, Team, User
from apps.readiness.models import ChecklistTemplate, Item, Section

from . import environment, people
from . import portfolio as pf
from .bulk import Writer
from .system import Answers, SystemBuilder


def populate(seed: int) -> None:
    """Write the people and teams."""
    made = random.Random(seed)
    writer = Writer(made)
    password = make_password(environment.PASSWORD)
    at = timezone.now() - timedelta(days=400)
    users: dict[int | str, int] = {}
    for person in [*range(pf.PEOPLE), *people.NAMES]:
        username = person if isinstance(person, str) else f"person-{person:03d}"
        row = writer.add(
            User,
            uid=writer.new_uid(),
            username=username,
            full_name=username.replace("-", " ").title(),
            email=f"{username}@example.org",
            password=password,
            is_active=True,
            date_joined=at,
            timezone="Europe/Berlin",
        )
        users[person] = row["id"]
    for name, role in ((people.OFFICE, OrgRole.GOVERNANCE_OFFICE), (people.AUDITOR, OrgRole.AUDITOR)):
        writer.add(
            OrganisationRole,
            user_id=users[name],
            role=str(role),
            granted_by_id=users[people.OFFICE],
            granted_at=at,
        )
    for number in range(pf.TEAMS):
        name = f"Team {number + 1:02d}"
        group = writer.add(Group, name=name)
        writer.add(Team, name=name, group_id=group["id"], created_at=at)
        members = [*range(number, pf.PEOPLE, pf.TEAMS), *([people.ORDINARY] if number == 0 else [])]
        for person in members:
            writer.add(User.groups.through, user_id=users[person], group_id=group["id"])
    writer.finish()


class World:
    """
    Builds systems by number and knows the people and catalogue rows they refer to.

    ``part`` of ``parts`` worlds may write at the same time: each gives out every n-th key.
    """

    def __init__(self, seed: int, now: datetime, part: int = 0, parts: int = 1) -> None:
        self.random = random.Random(seed + part)
        self.writer = Writer(self.random, part, parts)
        self.now = now
        self.started = time.monotonic()
        self.users: dict[int | str, int] = {}
        self.uids: dict[int, uuid.UUID] = {}
        self.names: dict[int, str] = {}
        for user in User.objects.exclude(email="").order_by("pk"):
            kind, _, number = user.username.partition("-")
            self.users[int(number) if kind == "person" else user.username] = user.pk
            self.uids[user.pk], self.names[user.pk] = user.uid, user.full_name
            self.writer.people[user.pk] = str(user.uid), user.full_name
        teams = list(Team.objects.order_by("name").prefetch_related("group__user_set"))
        self.teams = [(team.pk, team.group_id) for team in teams]
        self.members = [sorted(user.pk for user in team.group.user_set.all()) for team in teams]
        found = Permission.objects.filter(content_type__app_label="registry", content_type__model="aisystem")
        self.permissions = dict(found.values_list("codename", "pk"))
        self.template = ChecklistTemplate.objects.get(in_force=True)
        self.sections = {section.key: section for section in Section.objects.filter(template=self.template)}
        items = Item.objects.filter(section__template=self.template).select_related("section")
        self.items = list(items.order_by("section__position", "position"))
        # Teams answer across the sections, not one section after the other.
        self.in_order = sorted(self.items, key=lambda item: (item.position % 8, item.section.position))
        self.answers: dict[tuple[Any, ...], Answers] = {}

    def seconds(self) -> float:
        return time.monotonic() - self.started

    def ago(self, days: float, shift: float = 0) -> datetime:
        return self.now - timedelta(days=days + shift, microseconds=self.random.randrange(1, 999_999))

    def build(self, numbers: Iterable[int]) -> None:
        """Write the systems with these numbers, each with everything that belongs to it."""
        builders = [SystemBuilder(self, pf.plan(number)) for number in numbers]
        for builder in builders:
            builder.base()
        self.writer.flush()
        for builder in builders:
            builder.signatures()
        self.writer.flush()
        for builder in builders:
            builder.status(self._answers(builder))
        self.writer.flush()

    def _answers(self, builder: SystemBuilder) -> Answers:
        """The gate's answer: asked for the first system of each pattern, the same for the others."""
        if builder.plan.is_special:
            return Answers(builder)
        key = builder.plan.pattern
        if key not in self.answers:
            self.answers[key] = Answers(builder)
        return self.answers[key]
