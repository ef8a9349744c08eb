"""My work: what awaits whom, in which order, and that nobody is told of what is not theirs."""

from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from apps.core.work import RANK_ANSWER, WorkItem
from apps.gates import actions as gates
from apps.gates.evaluation import evaluate
from apps.gates.tasks import sweep
from apps.portfolio import work
from apps.portfolio.work import grouped, my_systems, work_of
from apps.readiness import actions as readiness
from apps.registry import actions
from apps.registry.models import AISystem
from apps.registry.roles import Role
from tests.fixtures_reviews import item_of, supply

pytestmark = pytest.mark.django_db


def kinds(user: Any) -> list[str]:
    return [task.item.kind for task in work_of(user)]


def titles(user: Any, kind: str) -> list[str]:
    return [task.title for task in work_of(user) if task.item.kind == kind]


def ask_for_waiver(system: AISystem, *, by: Any) -> Any:
    """A waiver of the first thing that is missing for limited beta and may be waived."""
    result = next(r for r in evaluate(system, "limited_beta").missing if r.waivable)
    return gates.request_waiver(
        system,
        by=by,
        phase="limited_beta",
        requirement=result.key,
        reason="The wiki moves next month.",
        compensating_control="The team answers by phone.",
        expires_on=timezone.localdate() + timedelta(days=10),
    )


@pytest.fixture
def waiver(system: AISystem, owner: Any) -> Any:
    return ask_for_waiver(system, by=owner)


def test_a_newcomer_is_told_how_to_begin(as_user: Any, outsider: Any, system: AISystem) -> None:
    answer = as_user(outsider).get("/")

    assert "Nothing waits for you yet" in answer.text
    assert "Register it" in answer.text
    assert system.name not in answer.text


def test_anonymous_people_sign_in_first(as_user: Any, db: None) -> None:
    assert as_user(None).get("/").status_code == 302


def test_the_inactive_have_no_work(inactive: Any) -> None:
    assert work_of(inactive) == []


def test_a_waiver_waits_for_those_who_may_approve_it(
    waiver: Any, governance: Any, office: Any, owner: Any, technical: Any
) -> None:
    assert titles(governance, "waiver") == titles(office, "waiver") == [f"Waiver of “{waiver.title}”"]
    assert titles(owner, "waiver") == titles(technical, "waiver") == []


def test_who_asked_for_a_waiver_is_not_asked_to_approve_it(system: AISystem, office: Any, governance: Any) -> None:
    ask_for_waiver(system, by=office)

    assert titles(office, "waiver") == []
    assert len(titles(governance, "waiver")) == 1


def test_a_decided_waiver_waits_for_nobody(waiver: Any, governance: Any) -> None:
    gates.decide_waiver(waiver, by=governance, approve=True)

    assert titles(governance, "waiver") == []


def test_a_suspension_waits_for_those_who_may_lift_it(
    system: AISystem, viewer: Any, governance: Any, office: Any, owner: Any
) -> None:
    gates.suspend(system, by=viewer, reason="It answers in Latin")

    assert titles(governance, "resume") == titles(office, "resume") == ["Suspended: may it go on?"]
    assert titles(owner, "resume") == []


def test_the_owner_sees_what_the_next_gate_says(system: AISystem, owner: Any, contributor: Any) -> None:
    status = AISystem.objects.get(pk=system.pk).status

    assert titles(owner, "next_gate") == [status.sentence]
    assert titles(contributor, "next_gate") == []


def test_a_live_system_whose_gate_closed_comes_first(register: Any, owner: Any) -> None:
    system = register("Chat", phase="full_production", owner=owner)

    task = work_of(owner)[0]

    assert task.item.kind == "at_risk"
    assert task.system == system
    assert task.due == timezone.localdate() + timedelta(days=14)
    assert grouped(work_of(owner))[0]["key"] == "blocking"


def test_an_open_gate_invites_the_owner_to_move(monkeypatch: Any, system: AISystem, owner: Any) -> None:
    system.status.next_granted = True
    system.status.sentence = "May enter Pilot."
    system.status.save()

    assert titles(owner, "move") == ["May enter Pilot."]


def test_a_missing_tier_waits_for_the_risk_owner(system: AISystem, risk_owner: Any, owner: Any) -> None:
    assert titles(risk_owner, "tier") == ["No risk tier is set"]

    actions.set_tier(system, by=risk_owner, tier=2, reason="Little at stake")

    assert titles(risk_owner, "tier") == []


def test_systems_without_owner_fall_to_the_office(register: Any, office: Any, org_auditor: Any, owner: Any) -> None:
    for name in ("Chat", "Mail"):
        register(name, owner=owner)
    owner.is_active = False
    owner.save()

    assert titles(office, "no_owner") == ["2 systems have no owner"]
    assert titles(org_auditor, "no_owner") == []


def test_a_deputy_and_who_they_stand_in_for_see_it(
    system: AISystem, technical: Any, outsider: Any, viewer: Any
) -> None:
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

    assert titles(outsider, "deputy") == ["You stand in for Technical as technical approver"]
    assert titles(technical, "deputy") == ["Outsider stands in for you as technical approver"]
    assert titles(viewer, "deputy") == []
    with time_machine.travel(now + timedelta(days=4)):
        assert titles(outsider, "deputy") == []


def test_readiness_work_is_part_of_it(open_review: Any, contributor: Any, technical: Any) -> None:
    item = item_of(open_review, "T-8")
    supply(item, by=contributor)
    readiness.answer_item(item, by=contributor, answer="The handbook is complete.", submit=True)

    assert "verify" in kinds(technical)


def a(kind: str, rank: int, due: date | None = None, title: str = "") -> WorkItem:
    return WorkItem(kind=kind, title=title or kind, why="", system=None, url="/", rank=rank, due=due)


def test_most_blocking_first(monkeypatch: Any, outsider: Any) -> None:
    today = timezone.localdate()
    items = [
        a("next_gate", work.RANK_NEXT_GATE),
        a("answer", RANK_ANSWER, today + timedelta(days=40)),
        a("answer soon", RANK_ANSWER, today + timedelta(days=14)),
        a("condition soon", 50, today),
        a("condition overdue", 50, today - timedelta(days=1)),
        a("sign", 10),
        a("at_risk", work.RANK_AT_RISK, today + timedelta(days=9)),
    ]
    monkeypatch.setattr(work, "work_for", lambda user: items)
    monkeypatch.setattr(work, "SOURCES", [])

    found = {group["key"]: [task.title for task in group["tasks"]] for group in grouped(work_of(outsider))}

    assert found == {
        "blocking": ["at_risk", "sign", "condition overdue"],
        "soon": ["answer soon", "condition soon"],
        "whenever": ["answer", "next_gate"],
    }


def test_a_long_list_shows_its_beginning_and_the_count(monkeypatch: Any, as_user: Any, outsider: Any) -> None:
    monkeypatch.setattr(work, "work_for", lambda user: [a("sign", 10, title=f"Sign {n}") for n in range(30)])

    short, whole = as_user(outsider).get("/").text, as_user(outsider).get("/?all=1").text

    assert "Show all 30" in short
    assert short.count('class="work ') == 20
    assert whole.count('class="work ') == 30


def test_my_systems_shows_those_i_have_a_role_on(system: AISystem, register: Any, viewer: Any, office: Any) -> None:
    register("Not mine")

    rows, more = my_systems(viewer)

    assert [row["name"] for row in rows] == [system.name]
    assert not more


def test_my_work_makes_as_many_queries_with_six_systems_as_with_two(
    as_user: Any, register: Any, owner: Any, office: Any, queries: Any
) -> None:
    client = as_user(owner)

    def add(number: int) -> None:
        for name in ("Chat", "Mail"):
            system = register(f"{name} {number}", phase="full_production", owner=owner)
            gates.suspend(system, by=office, reason="To look at it")

    add(1)
    few = queries(lambda: client.get("/"))
    add(2)
    add(3)
    sweep()

    assert queries(lambda: client.get("/")) == few
