"""``make run`` in earnest: the real processes, started, asked, stopped."""

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.test import TransactionTestCase

pytestmark = pytest.mark.sqlite


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def prepared_data(tmp_path, transactional_db):
    """A data folder as an earlier start left it, so that this one has nothing to migrate."""
    database = TransactionTestCase.aifactory_database
    (tmp_path / "data").mkdir()
    shutil.copy(database.template, tmp_path / "data" / "db.sqlite3")


@pytest.fixture
def start(tmp_path, port):
    started = []

    def start_(**environment):
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=settings.BASE_DIR,
            env={
                "PATH": os.environ["PATH"],
                "AIFACTORY_DATA": str(tmp_path / "data"),
                "AIFACTORY_DEMO": "0",
                "PORT": str(port),
            }
            | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start_
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def wait_until_healthy(port, *, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    raise AssertionError("the web server did not come up")


def parts_of(process):
    """The process ids of web server and worker; each leads a session of its own."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(child) for child in children.read_text().split()]


def is_gone(session, *, seconds=5):
    """Nothing of the session is left, once init has cleared away what has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.killpg(session, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_first_start_says_where_to_look_and_ctrl_c_stops_all_parts(start, port):
    process = start()
    wait_until_healthy(port)
    parts = parts_of(process)

    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)

    assert process.returncode == 0, output
    assert f"http://localhost:{port}/" in output
    assert len(parts) == 2
    assert all(map(is_gone, parts))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_term_signal_stops_all_parts(prepared_data, start, port):
    process = start()
    wait_until_healthy(port)
    parts = parts_of(process)

    process.terminate()
    output, _ = process.communicate(timeout=30)

    assert process.returncode == 0, output
    assert all(map(is_gone, parts))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_when_one_part_dies_the_rest_is_stopped_and_the_exit_says_so(prepared_data, start, port):
    process = start()
    wait_until_healthy(port)
    web, worker = parts_of(process)

    os.kill(web, signal.SIGKILL)
    output, _ = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "web server ended by itself" in output
    assert is_gone(worker)


def test_a_port_in_use_is_said_at_once(start, port):
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()

        output, _ = (process := start()).communicate(timeout=30)

    assert process.returncode == 1
    assert f"port {port}: Address already in use" in output
    assert "Traceback" not in output
