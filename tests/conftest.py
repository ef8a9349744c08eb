"""
Fixtures for all tests. Those of one subject are in ``tests/fixtures_<subject>.py`` and known everywhere:
people and situations are built there through actions, so that no test starts in a state the product cannot reach.
"""

import ipaddress
import socket
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.db import connection

pytest_plugins = [f"tests.{path.stem}" for path in sorted(Path(__file__).parent.glob("fixtures_*.py"))]


# What these look at is the same on every database: rights per route, looks in a browser, files, parsing.
ONCE = (
    "test_permission_matrix.py",
    "accounts/test_browser.py",
    "browser_journeys/test_pages.py",
    "core/test_browser_watch.py",
    "core/test_core_tags.py",
    "core/test_vendor.py",
    "portfolio/test_browser.py",
    "readiness/test_catalogue_file.py",
    "registry/test_import_mapping.py",
    "registry/test_import_profiles.py",
    "registry/test_import_reading.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.as_posix().endswith(ONCE):
            item.add_marker("once")


def pytest_report_header() -> str:
    return f"database: {connection.display_name}"


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Files made for a test may carry the time: as part of its name, each process would know another test."""
    if isinstance(val, bytes) and not (len(val) < 40 and val.isascii()):
        return f"{argname}-of-{len(val)}-bytes"
    return None


class NetworkBlocked(RuntimeError):
    """A test tried to reach another machine."""


def _is_here(host: object) -> bool:
    if host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Any:
    """Nothing beyond this machine is reached from a test."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_here(address[0]):
            raise NetworkBlocked(f"A test tried to reach {address[0]}")
        return connect(self, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", guarded)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def _nothing_left_over(settings: Any, tmp_path: Path) -> Any:
    """Each test has its own folder for uploads, an empty cache and no policy of another test in memory."""
    settings.MEDIA_ROOT = tmp_path / "media"
    cache.clear()
    from apps.gates.evaluation import forget_policies

    forget_policies()
    return


@pytest.fixture
def data_sample() -> Path:
    """The folder with small samples of real inputs."""
    return Path(django_settings.BASE_DIR) / "tests" / "data"
