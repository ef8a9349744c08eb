from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.registry import actions
from apps.registry.models import AISystem


@pytest.fixture
def register(office: Any) -> Callable[..., AISystem]:
    """Registers systems the office takes in: ``register("Mail sorter", phase="pilot", owner=owner)``."""

    def make(name: str, **facts: Any) -> AISystem:
        return actions.register_system(by=office, **{"name": name, "purpose": f"{name} helps.", **facts})

    return make


@pytest.fixture
def queries() -> Callable[[Callable[[], Any]], int]:
    """How many queries a call makes: ``queries(lambda: client.get("/"))``."""

    def count(call: Callable[[], Any]) -> int:
        with CaptureQueriesContext(connection) as made:
            call()
        return len(made)

    return count
