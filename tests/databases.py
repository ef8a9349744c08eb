"""
The database a test process works on: a copy of a migrated template.

Migrations, triggers and catalogues take half a minute to build and a moment to copy. So they are built once for each
state of the code that shapes them, every process takes a copy of its own, and a test that commits gets a fresh copy
laid over what it changed (emptying the tables would take the catalogues along, and the ledger refuses it anyway).
"""

import fcntl
import hashlib
import sqlite3
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from psycopg import sql

TEMPLATE, COPY = "aifactory_template_", "test_aifactory_"
SHAPING_NAMES = {"append_only.py", "apps.py", "catalogue.py", "catalogue_loader.py", "signals.py", "triggers.py"}
SHAPING_FOLDERS = {"migrations", "catalogue", "sql"}


def fingerprint() -> str:
    """A short digest of all files that decide what a migrated database holds."""
    digest = hashlib.sha256(sys.version.encode())
    root = Path(settings.BASE_DIR)
    files = [root / "requirements.txt", root / "factory/settings.py", root / "factory/settings_test.py"]
    for path in (root / "apps").rglob("*"):
        inside = path.name in SHAPING_NAMES or SHAPING_FOLDERS & set(path.relative_to(root).parts)
        if inside and path.suffix in {".py", ".sql", ".yaml", ".yml"}:
            files.append(path)
    for path in sorted(files):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _migrate() -> None:
    call_command("migrate", verbosity=0, interactive=False, run_syncdb=True)
    call_command("createcachetable")
    connection.close()


class SQLiteDatabase:
    """A file in a scratch folder; the template lies in pytest's cache."""

    def __init__(self, *, cache: Path, scratch: Path) -> None:
        self.cache = cache
        self.path = scratch / "test.sqlite3"
        self.template = cache / f"template-{fingerprint()}.sqlite3"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    @property
    def title(self) -> str:
        return f"SQLite {sqlite3.sqlite_version}"

    def create(self, *, rebuild: bool = False) -> None:
        with self._building_alone():
            if rebuild or not self.template.exists():
                self._build()
        connection.close()
        settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = str(self.path)
        self.restore()

    @contextmanager
    def _building_alone(self) -> Iterator[None]:
        with (self.cache / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _build(self) -> None:
        # Other processes may still copy from an older template: leave those of the last hours.
        for old in self.cache.glob("template-*"):
            if time.time() - old.stat().st_mtime > 6 * 3600:
                old.unlink(missing_ok=True)
        unfinished = self.template.with_suffix(f".{uuid.uuid4().hex}")
        connection.close()
        connection.settings_dict["NAME"] = str(unfinished)
        _migrate()
        unfinished.rename(self.template)

    def restore(self) -> None:
        """Lay the template over the copy. Other connections to it stay usable."""
        with (
            closing(sqlite3.connect(f"file:{quote(str(self.template))}?mode=ro", uri=True)) as template,
            closing(sqlite3.connect(self.path, timeout=20)) as copy,
        ):
            template.backup(copy)

    def drop(self) -> None:
        connection.close()


class PostgreSQLDatabase:
    """A database of our own on the server that the settings name; the template stays there for the next run."""

    def __init__(self) -> None:
        self.template = f"{TEMPLATE}{fingerprint()}"
        self.name = f"{COPY}{int(time.time())}_{uuid.uuid4().hex[:8]}"

    @property
    def url(self) -> str:
        given = connection.settings_dict
        options = {**given["OPTIONS"]}
        for key, setting in (("host", "HOST"), ("port", "PORT"), ("password", "PASSWORD")):
            if given[setting]:
                options[key] = given[setting]
        return f"postgres://{quote(given['USER'])}@/{self.name}" + (f"?{urlencode(options)}" if options else "")

    @property
    def title(self) -> str:
        with self._server() as server:
            row = server.execute("SHOW server_version").fetchone()
        return f"PostgreSQL {row[0] if row else ''}".split(" (")[0]

    @contextmanager
    def _server(self) -> Iterator[psycopg.Connection[Any]]:
        parameters = connection.get_connection_params()
        wanted = {
            key: parameters[key] for key in ("host", "port", "user", "password", "sslmode") if parameters.get(key)
        }
        with psycopg.connect(**wanted, dbname="postgres", autocommit=True) as server:
            yield server

    def create(self, *, rebuild: bool = False) -> None:
        with self._server() as server:
            # Taken by every process that may build a template; it goes with the connection.
            server.execute("SELECT pg_advisory_lock(hashtext('aifactory test template'))")
            self._drop_left_behind(server)
            found = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [self.template]).fetchone()
            if rebuild or not found:
                self._build(server)
            note = sql.SQL("COMMENT ON DATABASE {} IS {}")
            server.execute(note.format(sql.Identifier(self.template), sql.Literal(str(int(time.time())))))
            server.execute("SELECT pg_advisory_unlock_all()")
        connection.close()
        settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = self.name
        self.restore()

    def _build(self, server: psycopg.Connection[Any]) -> None:
        unfinished = f"{COPY}{int(time.time())}_template"
        for name in (unfinished, self.template):
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(unfinished)))
        connection.close()
        connection.settings_dict["NAME"] = unfinished
        _migrate()
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        server.execute(rename.format(sql.Identifier(unfinished), sql.Identifier(self.template)))

    def _drop_left_behind(self, server: psycopg.Connection[Any]) -> None:
        """Databases of runs that were killed, and templates nobody has used for two days."""
        rows = server.execute(
            "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname LIKE ANY(%s)",
            [[f"{COPY}%", f"{TEMPLATE}%"]],
        ).fetchall()
        for name, note in rows:
            is_copy = name.startswith(COPY)
            stamp = name.removeprefix(COPY).split("_")[0] if is_copy else (note or "")
            age = time.time() - int(stamp) if stamp.isdigit() else 0
            if age > (12 if is_copy else 48) * 3600:
                server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def restore(self) -> None:
        """Put a new copy of the template in the place of the old one; every connection to the old one ends."""
        connection.close()
        with self._server() as server:
            copy = sql.Identifier(self.name)
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(copy))
            server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(copy, sql.Identifier(self.template)))

    def drop(self) -> None:
        connection.close()
        with self._server() as server:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self.name)))
