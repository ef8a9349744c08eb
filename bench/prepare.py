"""
What the measuring client needs of one database: sign-ins, addresses, and how many queries each request makes.

``python -m bench.prepare DATABASE_URL`` prints it as JSON; with ``--undo`` it takes back the signatures that were made.
It runs in a process of its own because Django serves one database a process.
"""

import argparse
import json
import sys
from datetime import timedelta
from typing import Any

from . import environment
from .people import FEW, OFFICE, ORDINARY, SIGNER

SHOWN_SYSTEMS = 20
SIGNABLE = 100


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.prepare")
    parser.add_argument("database_url")
    parser.add_argument("--undo", action="store_true")
    asked = parser.parse_args(arguments)
    environment.setup(asked.database_url)
    if asked.undo:
        _take_back()
        return 0
    _take_back()
    prepared = _addresses() | {"people": _people(), "size": _size()}
    prepared["queries"] = _count_queries(prepared)
    json.dump(prepared, sys.stdout)
    return 0


def _size() -> int:
    from apps.registry.models import AISystem

    return AISystem.objects.count()


def _people() -> dict[str, dict[str, str]]:
    """A session and a token of each person measured as."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from apps.accounts.models import ApiToken, User

    found = {}
    for name in (ORDINARY, FEW, SIGNER, OFFICE):
        user = User.objects.get(username=name)
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        _, token = ApiToken.objects.create(
            user=user, expiry=timedelta(days=30), name="bench", scopes=["read", "write", "gate:decide"]
        )
        found[name] = {"session": str(session.session_key), "token": token}
    return found


def _addresses() -> dict[str, list[dict[str, str]]]:
    """Systems the ordinary person sees, of every kind, and the sections that the signer may sign."""
    from apps.accounts.models import User
    from apps.gates.status import next_phase
    from apps.readiness.models import Review, Seat

    user = User.objects.get(username=ORDINARY)
    visible = Review.objects.visible_to(user).select_related("system").exclude(system__phase="retired")
    systems = [
        {
            "slug": review.system.slug,
            "phase": next_phase(review.system) or review.system.phase,
            "review": str(review.uid),
        }
        for review in visible.order_by("system_id")[:SHOWN_SYSTEMS]
    ]
    signer = User.objects.get(username=SIGNER)
    seats = Seat.objects.filter(
        review__system__assignments__user=signer, section__key="technical", sign_off=None
    ).order_by("review_id")
    sections = [{"review": str(uid)} for uid in seats.values_list("review__uid", flat=True)[:SIGNABLE]]
    return {"systems": systems, "sections": sections}


def _take_back() -> None:
    """Empty the seats that an earlier run took, through the product, so that they can be signed again."""
    from apps.accounts.models import User
    from apps.readiness.actions import withdraw_sign_off
    from apps.readiness.models import SignOff

    signer = User.objects.get(username=SIGNER)
    for sign_off in SignOff.objects.filter(signer=signer, seat__isnull=False).select_related("review"):
        withdraw_sign_off(sign_off, by=signer, reason="The measurement is over.")


def _count_queries(prepared: dict[str, Any]) -> dict[str, int]:
    """Queries of a request of each kind: the highest of three, after one that fills what is kept in memory."""
    from django.db import connection
    from django.test import Client

    from .rows import ROWS

    found = {}
    for row in ROWS:
        if row.door == "form":
            continue
        client = Client(raise_request_exception=False, SERVER_NAME="localhost")
        person = prepared["people"].get(row.person, {})
        if row.door == "page":
            client.cookies["sessionid"] = person["session"]
        headers = {"Authorization": f"Bearer {person['token']}"} if row.door == "api" else {}
        counts = []
        for turn in range(4):
            counter = Counter()
            with connection.execute_wrapper(counter):
                client.generic(
                    row.method, row.address(prepared, turn), row.body(turn), "application/json", headers=headers
                )
            counts.append(counter.count)
        found[row.name] = max(counts[1:])
    return found


class Counter:
    """Counts statements, without the brackets of transactions."""

    def __init__(self) -> None:
        self.count = 0
        self.statements: list[str] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK TO")):
            self.count += 1
            self.statements.append(sql)
        return execute(sql, params, many, context)


if __name__ == "__main__":
    sys.exit(main())
