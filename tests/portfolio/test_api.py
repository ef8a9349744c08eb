"""My work for machines, and what a token may read."""

from typing import Any

import pytest

from apps.gates import actions as gates
from apps.registry.models import AISystem

pytestmark = pytest.mark.django_db
URL = "/api/v1/work/"


def test_doors(api_as: Any, outsider: Any, system: AISystem) -> None:
    assert api_as(None).get(URL).status_code == 401
    assert api_as(outsider).get(URL).json() == {"count": 0, "results": []}
    assert api_as(outsider).post(URL).status_code == 405


def test_work_has_the_words_of_the_page(api_as: Any, system: AISystem, viewer: Any, governance: Any) -> None:
    gates.suspend(system, by=viewer, reason="It answers in Latin")

    answer = api_as(governance).get(URL).json()

    task = answer["results"][0]
    assert answer["count"] == len(answer["results"])
    assert task["kind"] == "resume"
    assert task["group"] == "blocking"
    assert task["system"] == system.slug
    assert task["url"] == f"/systems/{system.slug}/resume/"
    assert task["action"] == "Read and decide"
