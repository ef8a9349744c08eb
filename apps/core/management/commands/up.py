"""
The whole product in one command: database, catalogues, demonstration, web server, worker and scheduler.

For one machine. In production each part is started, watched and scaled by itself (docs/operations.md).
"""

import contextlib
import ctypes
import fcntl
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections, transaction

GRACE = 10  # seconds a part gets to finish what it is doing
LOOK_EVERY = 0.25
FORCE_AFTER = 1  # a second Ctrl-C this long after the first means "now"
PR_SET_PDEATHSIG = 1
DEMO_SIGN_INS = "demo-sign-ins.txt"  # written by load_demo into the data folder


class _Stopped(BaseException):
    """Somebody asked us to stop while nothing was running yet. Not an Exception: no ``except`` on the way keeps it."""


class Part:
    """One of the processes, in a session of its own so that it and its children can be ended together."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        self.name = name
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
            [sys.executable, "-m", *command],
            cwd=settings.BASE_DIR,
            env=environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_stop_with_parent(),
        )

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def ask_to_stop(self) -> None:
        if self.is_running:
            self.process.terminate()

    def end(self) -> None:
        """End whatever is left of the session; it is no error when that is nothing."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def _stop_with_parent() -> Callable[[], None] | None:
    """Where the kernel offers it, the parts are told to stop even when we are killed outright."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Command(BaseCommand):
    help = "Prepare the database and run web server, worker and scheduler until stopped (Ctrl-C)."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8000))
        parser.add_argument(
            "--bind", default=os.environ.get("BIND_ADDRESS") or "127.0.0.1", help="address to listen on"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stop_asked_at: float | None = None
        self.parts: list[Part] = []
        # Before anything else: started in the background by a shell, a process begins with Ctrl-C ignored.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)
        self.may_raise = True
        bind, port = options["bind"], options["port"]
        try:
            with self._only_one_here():
                self._check_port(bind, port)
                self._prepare()
                self.may_raise = False
                self._serve(bind, port)
        except _Stopped:
            self._say("Stopped.")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def _asked_to_stop(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.stop_asked_at is None:
            self.stop_asked_at = now
            if self.may_raise:
                raise _Stopped
        elif number == signal.SIGINT and now - self.stop_asked_at > FORCE_AFTER:
            for part in self.parts:
                part.end()

    # --- Before the start -------------------------------------------------------------------------------------------
    @contextlib.contextmanager
    def _only_one_here(self) -> Iterator[None]:
        """Two schedulers on the same data would send every reminder twice."""
        with (Path(settings.DATA_DIR) / "up.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise CommandError(
                    f"AI Factory already runs on the data in {settings.DATA_DIR}. Stop it first, or give this one a "
                    "data folder of its own: AIFACTORY_DATA=/path make run"
                ) from error
            yield

    def _check_port(self, bind: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in bind else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((bind, port))
            except OSError as error:
                raise CommandError(
                    f"Cannot listen on {bind} port {port}: {error.strerror}. "
                    f"Stop what uses it, or choose another port: PORT={port + 1} make run"
                ) from error

    def _prepare(self) -> None:
        self._say("Preparing the database ...")
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        call_command("load_catalogues", verbosity=0, stdout=open(os.devnull, "w"))  # noqa: PTH123, SIM115
        if self._wants_demo():
            self._say("Loading the demonstration portfolio ...")
            with _all_or_nothing():
                call_command("load_demo", verbosity=0)
        connections.close_all()

    def _wants_demo(self) -> bool:
        if (
            os.environ.get("AIFACTORY_DEMO", "1").lower() in {"0", "no", "false", "off"}
            or "load_demo" not in get_commands()
        ):
            return False
        return not apps.get_model("registry", "AISystem")._base_manager.exists()

    # --- Running ----------------------------------------------------------------------------------------------------
    def _serve(self, bind: str, port: int) -> None:
        scratch = Path(settings.DATA_DIR) / "tmp"
        scratch.mkdir(exist_ok=True)
        # The queue moves its files through the temporary folder: on the same disk that is a rename, and private.
        environment = os.environ | {"PORT": str(port), "TMPDIR": str(scratch), "PYTHONUNBUFFERED": "1"}
        # Celery advises against root; on a first try in a container that is what one is.
        environment["PYTHONWARNINGS"] = "ignore:You're running the worker with superuser"
        try:
            self.parts.append(Part("web server", _web(bind, port), environment))
            self.parts.append(Part("worker", _worker(), environment))
            died = self._watch(bind, port)
        finally:
            self._stop_parts()
        if died:
            raise CommandError(f"The {died.name} ended by itself (exit {died.process.returncode}); stopped the rest.")
        self._say("Stopped.")

    def _watch(self, bind: str, port: int) -> Part | None:
        """Look after the parts until we are asked to stop (None) or one of them is gone (that one)."""
        announced = False
        while self.stop_asked_at is None:
            for part in self.parts:
                if not part.is_running:
                    return part
            if not announced and _answers(bind, port):
                announced = True
                self._announce(bind, port)
            time.sleep(LOOK_EVERY)
        return None

    def _announce(self, bind: str, port: int) -> None:
        host = "localhost" if bind in {"127.0.0.1", "0.0.0.0", "::", "::1"} else bind  # noqa: S104 - compared, not used
        self._say(f"\nAI Factory runs at http://{host}:{port}/\n")
        sign_ins = Path(settings.DATA_DIR) / DEMO_SIGN_INS
        if sign_ins.exists():
            self._say(sign_ins.read_text(encoding="utf-8"))
        else:
            self._say(f"Make the first administrator with: {sys.executable} manage.py createsuperuser\n")
        self._say("Stop with Ctrl-C.")

    def _stop_parts(self) -> None:
        for part in self.parts:
            part.ask_to_stop()
        until = time.monotonic() + GRACE
        while time.monotonic() < until and any(part.is_running for part in self.parts):
            time.sleep(LOOK_EVERY / 2)
        for part in self.parts:
            part.end()


def _all_or_nothing() -> transaction.Atomic:
    """
    One transaction for the demonstration: stopped half-way it leaves nothing, and the next start loads it again.

    Counting a try to sign insists on a transaction of its own, so that no refusal takes the count back. Here nobody
    tries anything, and as for a test case it may be part of ours.
    """
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    return block


def _web(bind: str, port: int) -> list[str]:
    address = f"[{bind}]:{port}" if ":" in bind else f"{bind}:{port}"
    options = ["--worker-class", "gthread", "--workers", "2", "--threads", "4", "--graceful-timeout", "5"]
    return [
        "gunicorn",
        "factory.wsgi:application",
        "--bind",
        address,
        *options,
        "--no-control-socket",
        "--log-level",
        "warning",
    ]


def _worker() -> list[str]:
    # It works alone: nothing to greet or to gossip with.
    lonely = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return ["celery", "-A", "factory", "--quiet", "worker", "-B", "-P", "threads", "-c", "2", "-l", "warning", *lonely]


def _answers(bind: str, port: int) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104 - where to ask, not where to listen
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
