"""Which database and data folder the processes of the bench work on."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "var" / "bench"
PASSWORD = "measure twice, cut once"  # the databases are thrown away


def variables(database_url: str = "") -> dict[str, str]:
    """The environment of a process that works on ``database_url`` (default: a SQLite file of its own)."""
    DATA.mkdir(parents=True, exist_ok=True)
    return {
        "DJANGO_SETTINGS_MODULE": "bench.settings",
        "DATABASE_URL": database_url or f"sqlite:///{DATA / 'generated.sqlite3'}",
        "AIFACTORY_DATA": str(DATA),
        "OUTBOX_WAKE": "false",
        "LOG_LEVEL": "WARNING",
        "SITE_URL": "http://localhost:8000",
    }


def setup(database_url: str = "") -> None:
    """Start Django in this process."""
    os.environ.update(variables(database_url))
    import django

    django.setup()
