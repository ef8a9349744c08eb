"""
Fill an empty database with a portfolio of any size: ``python -m bench.generate --systems 1000 --database-url ...``.

Without an address it writes a SQLite file. Rows are consistent as the product's own actions leave them: permissions
follow roles, signatures are over the content there is, and the gate's answer beside each system is the gate's own,
asked once for each kind of system. Everything is dated so that nothing runs out within the first weeks.
"""

import argparse
import random
import sys
import time
import uuid
from datetime import datetime, timedelta
from typing import Any

from . import environment


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.generate", description=__doc__)
    parser.add_argument("--systems", type=int, default=1000)
    parser.add_argument("--database-url", default="", help="an empty database; default: a SQLite file under var/bench")
    parser.add_argument("--seed", type=int, default=20261123)
    asked = parser.parse_args(arguments)
    environment.setup(asked.database_url)
    from django.core.management import call_command

    started = time.monotonic()
    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)
    from apps.registry.models import AISystem

    if AISystem._base_manager.exists():
        print("This database is not empty.", file=sys.stderr)
        return 1
    rows = generate(asked.systems, seed=asked.seed, say=lambda text: print(text, flush=True))
    print(f"{rows:,} rows in {time.monotonic() - started:.0f} s", flush=True)
    return 0


def generate(systems: int, *, seed: int = 20261123, say: Any = lambda text: None) -> int:
    """Fill the default database; returns how many rows were written."""
    from django.db import connection, transaction

    with transaction.atomic():
        if connection.vendor == "postgresql":
            _without_triggers(connection)
        world = World(seed)
        world.populate()
    batch = 250
    for first in range(0, systems, batch):
        with transaction.atomic():
            if connection.vendor == "postgresql":
                _without_triggers(connection)
            world.build(range(first, min(first + batch, systems)))
        say(f"  {min(first + batch, systems):,} of {systems:,} systems, {world.seconds():.0f} s")
    with transaction.atomic():
        rows = world.writer.finish()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    return rows


def _without_triggers(connection: Any) -> None:
    """Foreign keys are right by construction (the tests of the bench check that); a superuser may skip the checks."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if cursor.fetchone()[0]:
            cursor.execute("SET LOCAL session_replication_role = replica")


class World:
    """Builds systems by number and knows the people and catalogue rows they refer to."""

    def __init__(self, seed: int) -> None:
        from django.utils import timezone

        from apps.readiness.models import ChecklistTemplate, Item, Section

        from .bulk import Writer

        self.random = random.Random(seed)
        self.writer = Writer()
        self.now = timezone.now()
        self.started = time.monotonic()
        self.users: dict[int | str, int] = {}
        self.uids: dict[int, uuid.UUID] = {}
        self.names: dict[int, str] = {}
        self.teams: list[tuple[int, int]] = []  # team id, group id
        self.members: list[list[int]] = []
        self.template = ChecklistTemplate.objects.get(in_force=True)
        self.sections = {section.key: section for section in Section.objects.filter(template=self.template)}
        items = Item.objects.filter(section__template=self.template).select_related("section")
        self.items = list(items.order_by("section__position", "position"))
        # Teams answer across the sections, not one section after the other.
        self.in_order = sorted(self.items, key=lambda item: (item.position % 8, item.section.position))
        self.answers: dict[tuple[Any, ...], Any] = {}
        self.permissions: dict[str, int] = {}

    def seconds(self) -> float:
        return time.monotonic() - self.started

    def ago(self, days: float, shift: float = 0) -> datetime:
        return self.now - timedelta(days=days + shift, microseconds=self.random.randrange(1, 999_999))

    # --- People ------------------------------------------------------------------------------------------------------
    def populate(self) -> None:
        from django.contrib.auth.hashers import make_password
        from django.contrib.auth.models import Group, Permission

        from apps.accounts.models import OrganisationRole, OrgRole, Team, User

        from . import people
        from . import portfolio as pf

        password = make_password(environment.PASSWORD)
        at = self.ago(400)
        everybody: list[int | str] = [
            *range(pf.PEOPLE),
            people.ORDINARY,
            people.FEW,
            people.SIGNER,
            people.OFFICE,
            people.AUDITOR,
        ]
        for person in everybody:
            username = person if isinstance(person, str) else f"person-{person:03d}"
            row = self.writer.add(
                User,
                uid=uuid.uuid4(),
                username=username,
                full_name=username.replace("-", " ").title(),
                email=f"{username}@example.org",
                password=password,
                is_active=True,
                date_joined=at,
                timezone="Europe/Berlin",
            )
            self.users[person], self.uids[row["id"]], self.names[row["id"]] = row["id"], row["uid"], row["full_name"]
            self.writer.people[row["id"]] = str(row["uid"]), row["full_name"]
        office = self.users[people.OFFICE]
        for person, role in ((people.OFFICE, OrgRole.GOVERNANCE_OFFICE), (people.AUDITOR, OrgRole.AUDITOR)):
            self.writer.add(
                OrganisationRole, user_id=self.users[person], role=str(role), granted_by_id=office, granted_at=at
            )
        membership = User.groups.through
        for number in range(pf.TEAMS):
            group = self.writer.add(Group, name=f"Team {number + 1:02d}")
            team = self.writer.add(Team, name=f"Team {number + 1:02d}", group_id=group["id"], created_at=at)
            self.teams.append((team["id"], group["id"]))
            members = [self.users[person] for person in range(number, pf.PEOPLE, pf.TEAMS)]
            if number == 0:
                members.append(self.users[people.ORDINARY])
            self.members.append(members)
            for user in members:
                self.writer.add(membership, user_id=user, group_id=group["id"])
        found = Permission.objects.filter(content_type__app_label="registry", content_type__model="aisystem")
        self.permissions = dict(found.values_list("codename", "pk"))
        self.writer.flush()

    # --- Systems -----------------------------------------------------------------------------------------------------
    def build(self, numbers: Any) -> None:
        from .portfolio import plan
        from .system import SystemBuilder

        builders = [SystemBuilder(self, plan(number)) for number in numbers]
        for builder in builders:
            builder.base()
        self.writer.flush()
        for builder in builders:
            builder.signatures()
        self.writer.flush()
        for builder in builders:
            self._status(builder)
        self.writer.flush()

    def _status(self, builder: Any) -> None:
        """The gate's answer: asked for the first system of each pattern, the same for the others."""
        from .system import Answers

        if builder.plan.is_special:
            builder.status(Answers(builder))
            return
        key = builder.plan.pattern
        if key not in self.answers:
            self.answers[key] = Answers(builder)
        builder.status(self.answers[key])


if __name__ == "__main__":
    sys.exit(main())
