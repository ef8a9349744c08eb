"""The pages in a browser: readable by everybody, on a telephone, in the dark, and without JavaScript."""

from typing import Any

import pytest

from apps.gates import actions as gates
from apps.registry.models import AISystem
from tests.browser import assert_accessible, assert_fits

PAGES = ["/", "/systems/", "/portfolio/", "/systems/{slug}/", "/systems/{slug}/history/"]


@pytest.fixture
def busy_system(transactional_db: None, open_review: Any, viewer: Any) -> AISystem:
    """A system with a review, people, a model and a suspension."""
    gates.suspend(open_review.system, by=viewer, reason="It answers in Latin")
    return open_review.system


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (360, True)])
def test_pages_are_accessible_and_fit(
    busy_system: AISystem, owner: Any, open_page: Any, width: int, dark: bool
) -> None:
    page = open_page(owner, width=width, dark=dark)

    for path in PAGES:
        page.goto(path.format(slug=busy_system.slug))
        assert_fits(page)
        assert_accessible(page)


def test_a_filter_exchanges_the_results_alone(
    busy_system: AISystem, register: Any, office: Any, open_page: Any
) -> None:
    register("Mail sorter", phase="pilot")
    page = open_page(office, "/systems/")
    assert page.get_by_role("link", name=busy_system.name).is_visible()

    page.get_by_label("Phase").select_option("pilot")
    page.get_by_role("link", name=busy_system.name).wait_for(state="detached")

    assert page.get_by_role("link", name="Mail sorter").is_visible()
    assert "phase=pilot" in page.url
    assert "1 to 1 of 1" in page.get_by_role("status").filter(has_text="1 to").inner_text()


def test_a_filter_works_without_javascript(busy_system: AISystem, register: Any, office: Any, open_page: Any) -> None:
    register("Mail sorter", phase="pilot")
    page = open_page(office, "/systems/", javascript=False)

    page.get_by_label("Phase").select_option("pilot")
    page.get_by_role("button", name="Apply").click()

    assert page.get_by_role("link", name="Mail sorter").is_visible()
    assert page.get_by_role("link", name=busy_system.name).count() == 0
