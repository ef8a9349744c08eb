"""
Every route x every kind of person: who gets in, who is told no, for whom nothing is there.

``permission_matrix.yaml`` is the declaration; a route without a row fails, and so does a row without a route. The
world is built once through actions, each request is undone afterwards.
"""

import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import transaction
from django.test import Client, override_settings
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from tests.matrix_world import World, build_world


class _Words(yaml.SafeLoader):
    """YAML that leaves ``no`` the word it is, instead of reading it as false."""


_Words.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if first not in "nNyYoO" or not tag.endswith(":bool")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_declared = (Path(__file__).parent / "permission_matrix.yaml").read_text(encoding="utf-8")
TABLE = yaml.load(_declared, Loader=_Words)  # noqa: S506 - a SafeLoader subclass
# What the framework and its parts bring; their own tests cover them, ours cover who gets to the admin.
THIRD_PARTY = {"admin", "account", "mfa", "usersessions", "socialaccount"}
PEOPLE: list[str] = TABLE["people"]
GROUPS: dict[str, list[str]] = TABLE["groups"]
ROWS: dict[str, dict[str, Any]] = TABLE["routes"]


def our_routes() -> dict[str, URLPattern]:
    """All named routes of our own, by ``namespace:name``."""
    found: dict[str, URLPattern] = {}

    def walk(resolver: URLResolver, namespace: str) -> None:
        for entry in resolver.url_patterns:
            if isinstance(entry, URLResolver):
                inside = entry.namespace or namespace
                if inside not in THIRD_PARTY and "allauth" not in str(entry.urlconf_name):
                    walk(entry, inside)
            elif entry.name:
                found[f"{namespace}:{entry.name}" if namespace else entry.name] = entry

    walk(get_resolver(), "")
    return found


def test_every_route_is_declared_and_every_declaration_has_a_route() -> None:
    assert sorted(our_routes().keys() - ROWS.keys()) == [], "declare these in permission_matrix.yaml"
    assert sorted(ROWS.keys() - our_routes().keys()) == [], "these routes are gone"


def _expand(names: list[str]) -> set[str]:
    return {person for name in names for person in GROUPS.get(name, [name])}


@cache
def _cells() -> list[tuple[str, str, str]]:
    return [(route, method, person) for route, row in ROWS.items() for method in row["methods"] for person in PEOPLE]


def expected(route: str, method: str, person: str) -> str:
    """``in``, ``no`` (may see, may not do), ``hidden`` (404 as if it were not there) or ``sign in``."""
    rule = ROWS[route]["methods"][method]
    for answer in ("in", "no", "hidden"):
        if person in _expand(rule.get(answer, [])):
            return answer
    return str(rule.get("else", "sign in"))


def outcome(status: int, location: str, *, hidden_as: str = "hidden") -> str:
    """What an answer means to the person who gets it. A stale or invalid request has passed the door."""
    if status == 401 or (status == 302 and "/accounts/login" in location):
        return "sign in"
    if status == 404:
        return hidden_as
    return "no" if status == 403 else "in" if status < 500 else f"error {status}"


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[World]:
    block = transaction.atomic()
    block._from_testcase = True  # as Django's own test cases: actions that must not be nested may run inside
    media = tmp_path_factory.mktemp("matrix-media")
    with django_db_blocker.unblock(), block:
        with override_settings(MEDIA_ROOT=media):
            made = build_world(PEOPLE)
        made.media = media
        yield made
        transaction.set_rollback(True)


def _request(client: Client, method: str, url: str, row: dict[str, Any], headers: dict[str, str]) -> Any:
    is_api = url.startswith("/api/")
    body = {name: _dated(value) for name, value in row.get("data", {}).items()}
    if method in ("GET", "HEAD"):
        return client.get(url, headers=headers)
    if is_api:
        return getattr(client, method.lower())(url, body, content_type="application/json", headers=headers)
    return getattr(client, method.lower())(url, body, headers=headers)


def _dated(value: Any) -> Any:
    """``%TODAY+5%`` is the day five days from now."""
    if isinstance(value, str) and value.startswith("%TODAY+"):
        return (timezone.localdate() + timedelta(days=int(value[7:-1]))).isoformat()
    return value


@pytest.mark.parametrize("route", sorted(ROWS))
def test_matrix(route: str, world: World, django_db_blocker: Any, settings: Any) -> None:
    settings.MEDIA_ROOT = world.media  # the files of the world outlive one test
    row = ROWS[route]
    wrong = []
    with django_db_blocker.unblock():
        for method in row["methods"]:
            for person in PEOPLE:
                client, headers = world.client(person)
                if "match" in row and method != "GET":
                    headers = headers | {"If-Match": world.etags[row["match"]]}
                url = reverse(route, kwargs=world.kwargs(row.get("with", "")))
                with transaction.atomic():
                    response = _request(client, method, url, row, headers)
                    if hasattr(response, "streaming_content"):
                        b"".join(response.streaming_content)
                    got = outcome(response.status_code, response.get("Location", ""))
                    transaction.set_rollback(True)
                if got != expected(route, method, person):
                    wrong.append(f"{method} {url} as {person}: {got}, declared {expected(route, method, person)}")
    assert not wrong, "\n".join(wrong)


def test_size_of_the_matrix(record_property: Any) -> None:
    record_property("cells", len(_cells()))
    assert len(_cells()) > 500


def _plain(response: Any, slug: str) -> str:
    """The page without the address that was asked for and the token that differs each time."""
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", response.content.decode().replace(slug, "X"))


def test_a_missing_object_and_an_invisible_one_look_the_same(world: World, django_db_blocker: Any) -> None:
    """404 answers must not tell a stranger that something is there."""
    with django_db_blocker.unblock():
        client, _ = world.client("outsider")
        slug = world.system.slug
        missing = client.get("/systems/not-a-system/")
        hidden = client.get(f"/systems/{slug}/")
        assert (missing.status_code, hidden.status_code) == (404, 404)
        assert _plain(missing, "not-a-system") == _plain(hidden, slug)
        api_missing = client.get("/api/v1/systems/not-a-system/").json()
        api_hidden = client.get(f"/api/v1/systems/{slug}/").json()
        api_missing.pop("request_id"), api_hidden.pop("request_id")
        assert api_missing == api_hidden
        assert client.get(f"/evidence/{uuid.uuid4()}/").status_code == 404
