"""
Ask the real server and read what its processes and those of the database spent on it.

CPU time comes from the processes' own accounting (``/proc``), so that a busy machine disturbs it little: one client,
one connection, requests of both sizes in turn, the cheapest of the rounds.
"""

import html.parser
import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from . import environment
from .rows import ROWS, Row

ROUNDS, REQUESTS, WARM_UP = 3, 20, 6


@dataclass
class Result:
    """What one kind of request costs on one database, in milliseconds."""

    app: float
    db: float
    wall: float
    size: int
    queries: int | None

    @property
    def total(self) -> float:
        return self.app + self.db


def cpu_ns(pid: int) -> int:
    """CPU time that a process has used so far."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return total


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found


class Backends:
    """The processes of PostgreSQL that serve one database; nothing where the database is a file."""

    def __init__(self, database_url: str) -> None:
        self.connection: Any = None
        if database_url.startswith("postgres"):
            import psycopg

            self.connection = psycopg.connect(database_url, autocommit=True)

    def cpu(self) -> dict[int, int]:
        if self.connection is None:
            return {}
        rows = self.connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return {pid: cpu_ns(pid) for (pid,) in rows.fetchall() if Path(f"/proc/{pid}").exists()}

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()


@dataclass
class Server:
    """gunicorn as ``manage.py up`` starts it, on one generated database."""

    database_url: str
    port: int
    process: subprocess.Popen[bytes]
    prepared: dict[str, Any]
    backends: Backends
    client: "Client" = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client(self.port, self.prepared)

    def cpu(self) -> tuple[dict[int, int], dict[int, int]]:
        workers = _children(self.process.pid)
        return {pid: cpu_ns(pid) for pid in workers}, self.backends.cpu()


def _spent(before: dict[int, int], after: dict[int, int]) -> int:
    return sum(value - before.get(pid, 0) for pid, value in after.items())


def prepare(database_url: str, *options: str) -> dict[str, Any]:
    """Run ``bench.prepare`` on a database and read its answer."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.prepare", database_url, *options],
        cwd=environment.ROOT,
        stdout=subprocess.PIPE,
        check=True,
        env=os.environ | environment.variables(database_url),
    )
    return json.loads(done.stdout) if done.stdout else {}


@contextmanager
def serving(database_url: str) -> Iterator[Server]:
    """The server for the length of the block; signatures made meanwhile are taken back."""
    from apps.core.management.commands.up import _web

    prepared = prepare(database_url)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    surroundings = os.environ | environment.variables(database_url)
    # Connections stay open and no helper processes appear: what a process spent is then read from those that are there.
    surroundings |= {"CONN_MAX_AGE": "3600", "PGOPTIONS": "-c max_parallel_workers_per_gather=0"}
    process = subprocess.Popen(
        [sys.executable, "-m", *_web("127.0.0.1", port)],
        cwd=environment.ROOT,
        env=surroundings,
        start_new_session=True,
    )
    backends = Backends(database_url)
    try:
        _wait_until_up(process, port)
        yield Server(database_url, port, process, prepared, backends)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)
        backends.close()
        prepare(database_url, "--undo")


def _wait_until_up(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(120):
        if process.poll() is not None:
            raise RuntimeError("The server did not start.")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/healthz", headers={"Host": "localhost"})
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.5)
        finally:
            connection.close()
    raise RuntimeError("The server does not answer.")


class Client:
    """One browser or script: a connection that stays open, cookies, forms."""

    def __init__(self, port: int, prepared: dict[str, Any]) -> None:
        self.port = port
        self.prepared = prepared
        self.connection: http.client.HTTPConnection | None = None
        self.csrf: dict[str, str] = {}

    def send(
        self, row: Row, path: str, *, method: str = "", body: bytes = b"", content_type: str = "application/json"
    ) -> tuple[int, bytes]:
        headers = {"Host": "localhost", "Accept-Encoding": "identity"}
        person = self.prepared["people"].get(row.person, {})
        if row.door == "api":
            headers["Authorization"] = f"Bearer {person['token']}"
        elif row.door in ("page", "form"):
            headers["Cookie"] = f"sessionid={person['session']}"
            if csrf := self.csrf.get(row.person):
                headers["Cookie"] += f"; csrftoken={csrf}"
        if body:
            headers["Content-Type"] = content_type
        for attempt in (1, 2):
            try:
                return self._once(row, method or row.method, path, body, headers)
            except (http.client.RemoteDisconnected, ConnectionError):
                self.connection = None
                if attempt == 2:
                    raise
        raise AssertionError

    def _once(self, row: Row, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            self.connection.connect()
            self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection.request(method, path, body=body or None, headers=headers)
        response = self.connection.getresponse()
        content = response.read()
        for name, value in response.getheaders():
            if name.lower() == "set-cookie" and value.startswith("csrftoken="):
                self.csrf[row.person] = value.split("=", 1)[1].split(";", 1)[0]
        return response.status, content

    def request(self, row: Row, turn: int) -> tuple[str, bytes, str]:
        """Path, body and type of one request; for a form the page is read first."""
        path = row.address(self.prepared, turn)
        if row.door != "form":
            return path, row.body(turn), "application/json"
        status, content = self.send(row, path, method="GET")
        if status != 200:
            raise RuntimeError(f"{path}: {status}")
        fields = _fields_of(content.decode())
        if "digest" not in fields:
            raise RuntimeError(f"{path}: nothing to sign here")
        fields |= {"meaning": "approval", "password": environment.PASSWORD}
        return path, urlencode(fields).encode(), "application/x-www-form-urlencoded"


class _Inputs(html.parser.HTMLParser):
    """Hidden fields of the form with a password in it."""

    def __init__(self) -> None:
        super().__init__()
        self.current: dict[str, str] = {}
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form":
            self.current = {}
        if tag == "input" and values.get("type") == "hidden" and values.get("name"):
            self.current[str(values["name"])] = values.get("value") or ""
        if tag == "input" and values.get("type") == "password":
            self.found = self.current


def _fields_of(page: str) -> dict[str, str]:
    parser = _Inputs()
    parser.feed(page)
    return parser.found


class NotThere(Exception):
    """The server answers with another status than a row expects."""


def one_round(server: Server, row: Row, first: int, count: int) -> tuple[float, float, list[float], int]:
    """``count`` requests from turn ``first``: CPU of app and database per request, wall times, size of an answer."""
    requests = [server.client.request(row, first + turn) for turn in range(count)]
    walls, size = [], 0
    app_before, db_before = server.cpu()
    for path, body, content_type in requests:
        started = time.perf_counter()
        status, content = server.client.send(row, path, body=body, content_type=content_type)
        walls.append((time.perf_counter() - started) * 1000)
        size = max(size, len(content))
        if status != row.expect:
            raise NotThere(f"{row.method} {path} answers {status}")
    app_after, db_after = server.cpu()
    app, db = _spent(app_before, app_after), _spent(db_before, db_after)
    return app / count / 1e6, db / count / 1e6, walls, size


def measure(servers: list[Server], row: Row) -> list[Result]:
    """One row on every size, in turn, so that all see the same disturbances."""
    turn = 0
    for server in servers:
        one_round(server, row, turn, WARM_UP)
    turn += WARM_UP
    rounds: list[list[tuple[float, float, list[float], int]]] = [[] for _ in servers]
    for _ in range(ROUNDS):
        for number, server in enumerate(servers):
            rounds[number].append(one_round(server, row, turn, REQUESTS))
        turn += REQUESTS
    results = []
    for server, measured in zip(servers, rounds, strict=True):
        app, db, _, _ = min(measured, key=lambda one: one[0] + one[1])
        walls = [wall for one in measured for wall in one[2]]
        size = max(one[3] for one in measured)
        queries = server.prepared["queries"].get(row.name)
        results.append(Result(app, db, statistics.median(walls), size, queries))
    return results


def table(
    database_urls: list[str], only: str = "", say: Any = print
) -> tuple[list[int], list[tuple[Row, list[Result]]]]:
    """Measure all rows on all databases at once; returns the sizes and the results."""
    for url in database_urls:
        if urlsplit(url).scheme not in ("postgres", "postgresql", "sqlite"):
            raise ValueError(f"Not a database that can be measured: {url}")
    contexts = [serving(url) for url in database_urls]
    servers = [context.__enter__() for context in contexts]
    found = []
    try:
        sizes = [server.prepared["size"] for server in servers]
        for row in ROWS:
            if only and only.lower() not in row.name.lower():
                continue
            try:
                results = measure(servers, row)
            except (NotThere, RuntimeError) as error:
                say(f"{row.name:<50} left out: {error}")
                continue
            found.append((row, results))
            shown = "   ".join(
                f"{r.app:6.1f} + {r.db:5.1f} ms ({r.wall:6.1f} wall, {r.size / 1000:5.1f} kB, {r.queries} queries)"
                for r in results
            )
            say(f"{row.name:<50} {shown}")
    finally:
        for context in contexts:
            context.__exit__(None, None, None)
    return sizes, found
