"""The list of systems: who sees what, filters, sorting, pages, and how many queries it takes."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.gates import actions as gates
from apps.gates.models import SystemStatus
from apps.portfolio.systems import SORTS, Choice, chosen, page_of
from apps.registry import actions
from apps.registry.models import AISystem
from apps.registry.roles import Role

URL = "/systems/"


def names(user: Any, **choice: str) -> list[str]:
    return [system.name for system in chosen(user, Choice(**choice))]


def test_anonymous_people_are_sent_to_sign_in(as_user: Any, db: None) -> None:
    assert as_user(None).get(URL).status_code == 302


def test_a_person_sees_the_systems_they_have_a_role_on(as_user: Any, system: AISystem, viewer: Any) -> None:
    answer = as_user(viewer).get(URL)

    assert answer.status_code == 200
    assert system.name in answer.text
    assert "1 to 1 of 1" in answer.text


def test_an_outsider_sees_no_system_and_no_count(as_user: Any, system: AISystem, outsider: Any) -> None:
    answer = as_user(outsider).get(URL, {"count": 1})

    assert system.name not in answer.text
    assert "No systems yet" in answer.text


def test_the_office_and_auditors_see_all(register: Any, office: Any, org_auditor: Any, outsider: Any) -> None:
    register("Mail sorter")

    assert names(office) == names(org_auditor) == ["Mail sorter"]
    assert names(outsider) == []


def test_a_deputy_sees_the_system_while_it_lasts(system: AISystem, technical: Any, outsider: Any, office: Any) -> None:
    now = timezone.now()
    deputyship = actions.appoint_deputy(
        system,
        by=technical,
        principal=technical,
        deputy=outsider,
        role=Role.TECHNICAL_APPROVER,
        starts_at=now,
        ends_at=now + timedelta(days=3),
        reason="On leave",
    )
    assert names(outsider) == [system.name]
    assert names(outsider, owner="role") == [system.name]

    actions.end_deputyship(deputyship, by=technical)

    assert names(outsider) == []


def test_search_finds_each_word(register: Any, office: Any) -> None:
    register("Mail sorter", unit="Post room")
    register("Claims triage")

    assert names(office, q="mail post") == ["Mail sorter"]
    assert names(office, q="mail claims") == []


def test_filters(register: Any, office: Any, owner: Any, risk_owner: Any) -> None:
    mail = register("Mail sorter", business_function="operations", unit="Post room")
    register("Chat", phase="pilot", owner=owner)
    register("Forecast", phase="full_production")
    actions.set_tier(mail, by=office, tier=2, reason="Little at stake")

    assert names(office, phase="pilot") == ["Chat"]
    assert names(office, tier="2") == ["Mail sorter"]
    assert names(office, tier="none") == ["Chat", "Forecast"]
    assert names(office, function="operations") == ["Mail sorter"]
    assert names(office, function="none") == ["Chat", "Forecast"]
    assert names(office, unit="post") == ["Mail sorter"]
    assert names(office, owner="me") == ["Forecast", "Mail sorter"]
    assert names(owner, owner="me") == ["Chat"]
    assert names(office, source="imported") == []
    assert names(office, source="manual") == ["Chat", "Forecast", "Mail sorter"]
    assert names(office, state="at_risk") == ["Forecast"]
    assert names(office, state="blocked") == ["Chat", "Mail sorter"]


def test_who_left_does_not_own_any_more(register: Any, office: Any, owner: Any) -> None:
    register("Chat", owner=owner)
    owner.is_active = False
    owner.save()

    assert names(office, owner="none") == ["Chat"]


def test_suspended_systems_are_found(register: Any, office: Any) -> None:
    mail = register("Mail sorter")
    register("Chat")

    gates.suspend(mail, by=office, reason="It loses letters")

    assert names(office, state="suspended") == ["Mail sorter"]


@pytest.mark.parametrize("sort", SORTS)
def test_every_order_ends_in_the_key_and_shows_each_system_once(
    monkeypatch: Any, register: Any, office: Any, sort: str
) -> None:
    monkeypatch.setattr("apps.portfolio.systems.PAGE_SIZE", 3)
    for _ in range(5):
        register("The same name")
    rows = chosen(office, Choice(sort=sort))

    seen = [row["slug"] for number in (1, 2) for row in page_of(rows, number).rows]

    assert len(seen) == len(set(seen)) == 5


def test_phases_sort_in_their_order(register: Any, office: Any) -> None:
    register("C", phase="idea")
    register("A", phase="full_production")
    register("B", phase="pilot")

    assert names(office, sort="phase") == ["C", "B", "A"]
    assert names(office, sort="-phase") == ["A", "B", "C"]


def test_most_missing_first(register: Any, office: Any) -> None:
    register("Bare", phase="expanded_pilot")
    register("Idea")

    missing = [row["missing"] for row in page_of(chosen(office, Choice(sort="-missing")), 1).rows]

    assert missing == sorted(missing, reverse=True)
    assert missing[0] > missing[1]


def test_the_summary_counts_up_to_a_thousand_unless_asked(monkeypatch: Any, register: Any, office: Any) -> None:
    monkeypatch.setattr("apps.portfolio.systems.PAGE_SIZE", 2)
    monkeypatch.setattr("apps.portfolio.systems.COUNTED_UP_TO", 3)
    for number in range(5):
        register(f"System {number}")
    rows = chosen(office, Choice())

    assert page_of(rows, 1).summary == "1 to 2 of more than 3"
    assert page_of(rows, 1, count_all=True).summary == "1 to 2 of 5"
    assert page_of(rows, 2).summary == "3 to 4 of more than 3"
    assert page_of(rows, 3).summary == "5 to 5 of 5"
    assert page_of(rows, 9).summary == "No more systems"


@pytest.mark.parametrize(
    "query", ["?page=0", "?page=-1", "?page=x", "?page=²", "?page=99999999999999999999", "?q=%00", "?phase=moon&sort=x"]
)
def test_nonsense_in_the_address_is_borne(as_user: Any, system: AISystem, viewer: Any, query: str) -> None:
    assert as_user(viewer).get(URL + query).status_code == 200


def test_a_filter_that_is_not_on_offer_is_named(as_user: Any, system: AISystem, viewer: Any) -> None:
    answer = as_user(viewer).get(URL, {"phase": "moon"})

    assert "Left out: Phase" in answer.text
    assert system.name in answer.text


def test_htmx_gets_the_results_alone(as_user: Any, system: AISystem, viewer: Any) -> None:
    answer = as_user(viewer).get(URL, headers={"HX-Request": "true"})

    assert answer.text.strip().startswith('<div id="results">')
    assert system.name in answer.text


def test_the_list_makes_as_many_queries_with_ten_systems_as_with_one(
    as_user: Any, register: Any, owner: Any, queries: Any
) -> None:
    client = as_user(owner)
    client.get(URL)
    register("First", owner=owner)
    one = queries(lambda: client.get(URL))

    for number in range(9):
        register(f"System {number}", owner=owner)

    assert queries(lambda: client.get(URL)) == one <= 12


def test_the_columns_of_the_list_say_what_the_gate_says(register: Any, office: Any) -> None:
    system = register("Chat", phase="pilot")
    status = SystemStatus.objects.get(system=system)

    row = page_of(chosen(office, Choice()), 1).rows[0]

    assert row["sentence"] == status.sentence
    assert (row["met"], row["required"], row["missing"]) == (status.met, status.required, status.missing)
