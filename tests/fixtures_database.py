"""Which database tests run on, and how each test finds it as the migrations left it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test import TransactionTestCase

from tests.databases import PostgreSQLDatabase, SQLiteDatabase

Database = SQLiteDatabase | PostgreSQLDatabase


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest,
    django_test_environment: None,
    django_db_blocker: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """Take a copy of the migrated template; ``--create-db`` builds the template anew."""
    database: Database
    if connection.vendor == "postgresql":
        database = PostgreSQLDatabase()
    else:
        cache = Path(request.config.cache.mkdir("database"))
        database = SQLiteDatabase(cache=cache, scratch=tmp_path_factory.mktemp("database"))
    with django_db_blocker.unblock():
        database.create(rebuild=request.config.getoption("create_db"))
    patch = pytest.MonkeyPatch()
    patch.setattr(TransactionTestCase, "_fixture_teardown", lambda case: database.restore())
    patch.setattr(TransactionTestCase, "aifactory_database", database, raising=False)
    yield
    patch.undo()
    with django_db_blocker.unblock():
        database.drop()


@pytest.fixture
def child_environment(transactional_db: None) -> dict[str, str]:
    """The environment for a process started by a test, so that it works on the database of that test."""
    database: Database = TransactionTestCase.aifactory_database
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    return environment | {
        "AIFACTORY_DATA": str(django_settings.DATA_DIR),
        "AIFACTORY_TEST_CHILD": "1",
        "DATABASE_URL": database.url,
        "DJANGO_SETTINGS_MODULE": "factory.settings_test",
    }


def pytest_runtest_setup(item: pytest.Item) -> None:
    for vendor in ("postgresql", "sqlite"):
        if item.get_closest_marker(vendor) and connection.vendor != vendor:
            pytest.skip(f"about {vendor} only")
