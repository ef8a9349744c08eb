"""The browser tests would be worth little if they let through what a person cannot see."""

import pytest

from tests.browser import assert_accessible


def test_what_the_content_policy_blocks_is_noticed(open_page, watch):
    page = open_page(None, "/healthz")

    page.evaluate("document.body.setAttribute('style', 'color: red'); 0")
    page.evaluate("fetch('https://example.org/').catch(() => 0)")

    assert any("Content Security Policy" in problem for problem in watch.problems)
    watch.problems.clear()


def test_an_error_in_a_script_is_noticed(open_page, watch):
    page = open_page(None, "/healthz")

    page.evaluate("new Promise(done => { setTimeout(() => { done(); undefinedName.x }, 0) })")
    page.wait_for_timeout(50)

    assert any("undefinedName" in problem for problem in watch.problems)
    watch.problems.clear()


def test_a_page_that_not_everybody_can_use_is_noticed(open_page, watch):
    page = open_page(None, "/healthz")
    page.evaluate("document.body.replaceChildren(Object.assign(document.createElement('img'), {src: 'data:,'}))")

    with pytest.raises(AssertionError, match="image-alt"):
        assert_accessible(page)
    watch.problems.clear()


def test_a_page_works_with_scripts_off(open_page):
    page = open_page(None, "/healthz", javascript=False, width=360, dark=True)

    assert "ok" in page.inner_text("body")
