"""
Fill an empty database with a portfolio of any size: ``python -m bench.generate --systems 1000 --database-url ...``.

Without an address it writes a SQLite file. Rows are consistent as the product's own actions leave them: permissions
follow roles, signatures are over the content there is, and the gate's answer beside each system is the gate's own,
asked once for each kind of system. Everything is dated so that nothing runs out within the first weeks.
"""

import argparse
import os
import subprocess
import sys
import time
from datetime import datetime
from typing import Any

from . import environment

BATCH = 250
SEED = 20261123


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.generate", description=__doc__)
    parser.add_argument("--systems", type=int, default=1000)
    parser.add_argument("--database-url", default="", help="an empty database; default: a SQLite file under var/bench")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--jobs", type=int, default=2, help="processes that write at once, on PostgreSQL")
    parser.add_argument("--part", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--now", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    environment.setup(asked.database_url)
    if asked.part is not None:
        _write(asked.systems, asked.seed, datetime.fromisoformat(asked.now), asked.part, asked.jobs)
        return 0
    started = time.monotonic()
    if not _ready():
        print("This database is not empty.", file=sys.stderr)
        return 1
    generate(asked.systems, seed=asked.seed, database_url=asked.database_url, jobs=asked.jobs)
    print(f"{asked.systems:,} systems in {time.monotonic() - started:.0f} s", flush=True)
    return 0


def _ready() -> bool:
    """Create the tables; false where there is something in them."""
    from django.core.management import call_command

    from apps.registry.models import AISystem

    call_command("migrate", interactive=False, verbosity=0)
    call_command("createcachetable", verbosity=0)
    return not AISystem._base_manager.exists()


def generate(systems: int, *, seed: int = SEED, database_url: str = "", jobs: int = 1) -> None:
    """Fill the default database, which is at ``database_url`` for the processes that share the work."""
    from django.db import connection, transaction
    from django.utils import timezone

    from .world import populate

    with transaction.atomic():
        populate(seed)
    now = timezone.now()
    if connection.vendor == "postgresql" and jobs > 1:
        _share(systems, seed, now, database_url, jobs)
    else:
        _write(systems, seed, now)
    with connection.cursor() as cursor:
        can_vacuum = connection.vendor == "postgresql" and not connection.in_atomic_block
        cursor.execute("VACUUM ANALYZE" if can_vacuum else "ANALYZE")


def _share(systems: int, seed: int, now: datetime, database_url: str, jobs: int) -> None:
    command = [sys.executable, "-m", "bench.generate", "--systems", str(systems), "--database-url", database_url]
    command += ["--seed", str(seed), "--now", now.isoformat(), "--jobs", str(jobs)]
    parts = [
        subprocess.Popen([*command, "--part", str(part)], cwd=environment.ROOT, env=os.environ) for part in range(jobs)
    ]
    failed = [part.wait() for part in parts]
    if any(failed):
        raise RuntimeError("A part was not written.")


def _write(systems: int, seed: int, now: datetime, part: int = 0, parts: int = 1) -> None:
    """Every n-th batch of systems."""
    from django.db import connection, transaction

    from .world import World

    world = World(seed, now, part, parts)
    batch = min(BATCH, -(-systems // parts))
    for first in range(part * batch, systems, parts * batch):
        with transaction.atomic():
            if connection.vendor == "postgresql":
                _without_triggers(connection)
            world.build(range(first, min(first + batch, systems)))
        print(f"  systems {first:,} to {min(first + batch, systems):,}: {world.seconds():.0f} s", flush=True)
    world.writer.finish()


def _without_triggers(connection: Any) -> None:
    """Foreign keys are right by construction (the tests of the bench check that); a superuser may skip the checks."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if cursor.fetchone()[0]:
            cursor.execute("SET LOCAL session_replication_role = replica")


if __name__ == "__main__":
    sys.exit(main())
