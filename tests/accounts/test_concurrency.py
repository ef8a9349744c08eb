"""What holds when things happen at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection

from apps.accounts import actions, stepup
from apps.accounts.models import OrganisationRole, OrgRole, User
from apps.core import outbox
from apps.core.exceptions import RuleViolation
from tests.fixtures_people import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls: Callable[[], Any]) -> list[str]:
    """What came of each call, made in threads of their own: ``done`` or the name of the refusal."""

    def run(call: Callable[[], Any]) -> str:
        try:
            call()
        except (RuleViolation, PermissionDenied, ValidationError) as error:
            return getattr(error, "code", None) or type(error).__name__
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        return sorted(pool.map(run, calls))


def test_two_administrators_cannot_remove_each_other(make_user: Any) -> None:
    first, second = (make_user(name, org_role=OrgRole.ADMIN) for name in ("first", "second"))

    at_once(
        lambda: actions.withdraw_org_role(second, OrgRole.ADMIN, by=first),
        lambda: actions.withdraw_org_role(first, OrgRole.ADMIN, by=second),
    )

    assert OrganisationRole.objects.filter(role=OrgRole.ADMIN).count() == 1


def test_an_invitation_is_accepted_once(office: User, mailoutbox: list[Any]) -> None:
    actions.invite(by=office, email="nadia@example.org", full_name="Nadia Osei")
    outbox.drain()
    token = mailoutbox[0].body.split("/join/")[1].split("/")[0]

    came = at_once(
        *(
            lambda name=name: actions.accept_invitation(token, username=name, password=PASSWORD)  # type: ignore[misc]
            for name in ("nadia1", "nadia2", "nadia3")
        )
    )

    assert came.count("done") == 1
    assert User.objects.filter(email="nadia@example.org").count() == 1


def test_one_invitation_per_address_and_one_team_per_name(office: User) -> None:
    invited = at_once(
        *(lambda: actions.invite(by=office, email="nadia@example.org", full_name="Nadia") for _ in range(3))
    )
    made = at_once(*(lambda: actions.create_team(by=office, name="Platform") for _ in range(3)))

    assert (invited.count("done"), made.count("done")) == (1, 1)


def test_tries_sent_at_once_do_not_outrun_the_limit(owner: User) -> None:
    came = at_once(*(lambda: stepup.verify(owner, password="wrong") for _ in range(8)))

    assert came.count("wrong_password") == stepup.MAX_FAILURES
    assert came.count("too_many_tries") == 8 - stepup.MAX_FAILURES
