"""
A real browser on a real server, with nothing let through that a person would not notice.

A test asks for ``open_page`` and gets one window per person; ``assert_accessible(page)`` is in ``tests.browser``.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route
from playwright.sync_api import Error as PlaywrightError

# The browser driver runs an event loop in this thread; Django would take every query for a mistake.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ELSEWHERE = re.compile(r"^(?:https?|wss?)://(?!localhost[:/]|127\.0\.0\.1[:/])")
# The browser reports every refusal as a failed load; those are answers we give on purpose.
REFUSED = re.compile(r"Failed to load resource: .* status of 4\d\d")


def browser_path() -> str | None:
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if {"page", "open_page", "browser"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("browser")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("browser") and not browser_path():
        if os.environ.get("CI"):
            pytest.fail("no Chromium, and CI does not pass without the browser tests")
        pytest.skip("no Chromium on this machine: apt-get install chromium")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    flags = ("disable-gpu", "disable-background-networking", "disable-component-update", "disable-sync")
    return browser_type_launch_args | {
        "executable_path": browser_path(),
        "args": ["--headless", "--no-sandbox", *(f"--{flag}" for flag in flags)],
    }


class Watch:
    """Collects what goes wrong in a window without being seen: script errors, blocked content, calls to elsewhere."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def over(self, context: BrowserContext) -> None:
        context.on("console", self._console)
        context.on("weberror", lambda error: self.problems.append(f"script error: {error.error}"))
        context.route(ELSEWHERE, self._elsewhere)

    def _console(self, message: ConsoleMessage) -> None:
        blocked = "Content Security Policy" in message.text
        if blocked or (message.type == "error" and not REFUSED.search(message.text)):
            self.problems.append(f"console: {message.text}")

    def _elsewhere(self, route: Route) -> None:
        self.problems.append(f"request to another site: {route.request.url}")
        route.abort()


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Fails the test at its end when a page did something wrong unseen. Clear ``problems`` where that was the point."""
    watching = Watch()
    yield watching
    assert not watching.problems, "\n".join(watching.problems)


@pytest.fixture
def context(context: BrowserContext, watch: Watch) -> BrowserContext:
    watch.over(context)
    return context


@pytest.fixture
def open_page(browser: Browser, live_server: Any, settings: Any, watch: Watch) -> Iterator[Callable[..., Page]]:
    """
    Opens a window: ``open_page(user, "/systems/", width=360, dark=True, javascript=False)``.

    Each call is another browser as far as cookies go, signed in as ``user`` unless that is None. Addresses given to
    ``page.goto`` may be paths.
    """
    settings.SITE_URL = live_server.url
    contexts: list[BrowserContext] = []

    def open_(
        user: Any = None,
        path: str | None = None,
        *,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        javascript: bool = True,
        **options: Any,
    ) -> Page:
        context = browser.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            java_script_enabled=javascript,
            reduced_motion="reduce",
            **options,
        )
        contexts.append(context)
        watch.over(context)
        context.set_default_timeout(15_000)
        if user is not None:
            client = Client()
            client.force_login(user)
            cookie = client.cookies[settings.SESSION_COOKIE_NAME]
            context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
        page = context.new_page()
        if path is not None:
            page.goto(path)
        return page

    yield open_
    for context in contexts:
        try:
            context.close()
        except PlaywrightError as error:
            watch.problems.append(f"the browser went away: {error}")
