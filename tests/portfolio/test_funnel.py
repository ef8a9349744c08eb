"""The portfolio in numbers: they are those of the lists behind them, and only of what the reader may see."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from apps.audit.record import save_with_history
from apps.gates import actions as gates
from apps.portfolio.forms import PortfolioFilter
from apps.portfolio.funnel import MEASURES, funnel_for, longest_stuck
from apps.portfolio.systems import chosen
from apps.registry import actions
from apps.registry.models import AISystem, Phase

pytestmark = pytest.mark.django_db
URL = "/portfolio/"
API = "/api/v1/portfolio/summary/"


def put_into(system: AISystem, phase: str, *, by: Any) -> None:
    """As the gate does, without what it asks for."""
    system.phase = phase
    save_with_history(system, by=by, reason="Moved", fields=["phase"])


@pytest.fixture
def portfolio(register: Any, office: Any, owner: Any, risk_owner: Any) -> list[AISystem]:
    systems = [
        register("Idea", business_function="sales"),
        register("Pilot", phase="pilot", business_function="sales", owner=owner),
        register("Beta", phase="limited_beta"),
        register("Live", phase="full_production", business_function="hr"),
        register("Retired", phase="retired"),
    ]
    actions.set_tier(systems[1], by=office, tier=3, reason="Little at stake")
    gates.suspend(systems[2], by=office, reason="To look at it")
    return systems


def test_every_number_is_that_of_the_list_it_leads_to(portfolio: Any, office: Any) -> None:
    funnel = funnel_for(office)
    cells = [cell for line in (funnel.all, *funnel.phases, *funnel.functions, *funnel.tiers) for cell in line.cells]
    assert len(cells) > 60

    for label, value, url in cells:
        form = PortfolioFilter(dict(parse_qsl(urlsplit(url).query)))
        assert form.is_valid(), url
        assert chosen(office, form.choice()).count() == value, (label, url)


def test_numbers_add_up(portfolio: Any, office: Any) -> None:
    funnel = funnel_for(office)

    for name in MEASURES:
        for lines in (funnel.phases, funnel.functions, funnel.tiers):
            assert sum(getattr(line, name) for line in lines) == getattr(funnel.all, name)
    assert funnel.all.total == 5
    assert funnel.all.suspended == 1


def test_numbers_cover_what_one_may_see(portfolio: Any, owner: Any, outsider: Any) -> None:
    assert funnel_for(owner).all.total == 1
    nothing = funnel_for(outsider)
    assert all(getattr(nothing.all, name) == 0 for name in MEASURES)
    assert nothing.scale.as_json() == {"began": 0, "reached": 0, "under_way": 0, "percent": None}
    assert longest_stuck(outsider) == []


def test_the_scale_rate_counts_pilots_that_reached_production(portfolio: Any, office: Any) -> None:
    # Pilot, Beta and Live began; Live reached. The retired one has no pilot on record.
    assert funnel_for(office).scale.as_json() == {"began": 3, "reached": 1, "under_way": 2, "percent": 33}


def test_what_was_retired_after_its_pilot_still_counts(register: Any, office: Any) -> None:
    for name, phases in {
        "Given up": [Phase.PILOT, Phase.RETIRED],
        "Had its day": [Phase.PILOT, Phase.FULL_PRODUCTION, Phase.RETIRED],
        "Never tried": [Phase.RETIRED],
        "Stepped back": [Phase.FULL_PRODUCTION, Phase.LIMITED_BETA],
    }.items():
        system = register(name)
        for phase in phases:
            put_into(system, phase, by=office)

    assert funnel_for(office).scale.as_json() == {"began": 3, "reached": 2, "under_way": 1, "percent": 66}


def test_the_longest_in_one_phase_comes_first(portfolio: Any, office: Any) -> None:
    assert [row["name"] for row in longest_stuck(office)] == ["Pilot", "Beta"]


def test_the_page_shows_numbers_and_picture(as_user: Any, portfolio: Any, office: Any) -> None:
    answer = as_user(office).get(URL)

    assert answer.status_code == 200
    assert "<span>%</span>" in answer.text
    assert 'href="/systems/?phase=pilot&amp;state=blocked"' in answer.text


def test_an_outsider_sees_no_numbers(as_user: Any, portfolio: Any, outsider: Any) -> None:
    answer = as_user(outsider).get(URL)

    assert "No systems to count yet" in answer.text
    assert not any(system.name in answer.text for system in portfolio if system.name != "Idea")


def test_anonymous_people_see_none(as_user: Any, api_as: Any, db: None) -> None:
    assert as_user(None).get(URL).status_code == 302
    assert api_as(None).get(API).status_code == 401


def test_the_api_gives_the_numbers_of_the_page(api_as: Any, portfolio: Any, office: Any, outsider: Any) -> None:
    answer = api_as(office).get(API).json()

    assert answer["all"]["total"] == 5
    assert [line["key"] for line in answer["phases"]] == list(Phase.values)
    assert answer["scale_rate"]["percent"] == 33
    assert api_as(outsider).get(API).json()["all"]["total"] == 0


def test_the_numbers_take_as_many_queries_for_many_as_for_few(
    as_user: Any, register: Any, office: Any, queries: Any
) -> None:
    client = as_user(office)
    register("First", phase="pilot")
    one = queries(lambda: client.get(URL))

    for number in range(5):
        register(f"System {number}", phase="limited_beta", business_function="hr")

    assert queries(lambda: client.get(URL)) == one <= 12
