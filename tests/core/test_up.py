"""``make run`` in earnest: the real processes, started, asked, stopped."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings

pytestmark = pytest.mark.sqlite


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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


def is_there(session):
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_stops_all_parts(start, port, number):
    process = start()
    wait_until_healthy(port)
    parts = parts_of(process)

    process.send_signal(number)
    output, _ = process.communicate(timeout=30)

    assert process.returncode == 0, output
    assert f"http://localhost:{port}/" in output
    assert len(parts) == 2
    assert not any(map(is_there, parts))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_when_one_part_dies_the_rest_is_stopped_and_the_exit_says_so(start, port):
    process = start()
    wait_until_healthy(port)
    web, worker = parts_of(process)

    os.kill(web, signal.SIGKILL)
    output, _ = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "web server ended by itself" in output
    assert not is_there(worker)


def test_a_port_in_use_is_said_at_once(start, port):
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()

        output, _ = (process := start()).communicate(timeout=30)

    assert process.returncode == 1
    assert f"port {port}: Address already in use" in output
    assert "Traceback" not in output
