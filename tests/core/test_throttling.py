from types import SimpleNamespace

import pytest
from django.core.cache import cache

from apps.core.api.throttling import SharedRateThrottle


@pytest.fixture
def clock(monkeypatch):
    now = SimpleNamespace(value=600_000.0)
    monkeypatch.setattr(SharedRateThrottle, "timer", staticmethod(lambda: now.value))
    monkeypatch.setattr(SharedRateThrottle, "_counts", {})
    cache.clear()
    return now


def ask(rate, pk=1):
    throttle = SharedRateThrottle()
    throttle.num_requests, throttle.duration = throttle.parse_rate(rate)
    request = SimpleNamespace(user=SimpleNamespace(pk=pk, is_authenticated=True))
    return throttle.allow_request(request, None), throttle


def test_the_limit_holds_within_a_window_and_for_each_person(clock):
    assert [ask("3/min")[0] for _ in range(5)] == [True, True, True, False, False]
    assert ask("3/min", pk=2)[0] is True
    clock.value += 60
    assert ask("3/min")[0] is True


def test_says_how_long_to_wait(clock):
    clock.value += 45
    _, throttle = ask("3/min")
    assert throttle.wait() == 15


def test_most_requests_leave_the_shared_cache_alone(clock, monkeypatch):
    asked = []
    monkeypatch.setattr(cache, "get", lambda *args: asked.append(args) or 0)
    for _ in range(240):
        ask("6000/min")
    assert len(asked) == 2


def test_processes_count_together(clock, monkeypatch):
    for _ in range(99):
        assert ask("100/min")[0] is True
    # Another process, which has counted nothing yet, meets the limit after its first share.
    monkeypatch.setattr(SharedRateThrottle, "_counts", {})
    assert [ask("100/min")[0] for _ in range(4)] == [True, True, False, False]


def test_old_windows_are_forgotten(clock, monkeypatch):
    monkeypatch.setattr("apps.core.api.throttling.KEPT", 10)
    for pk in range(10):
        ask("100/min", pk=pk)
    clock.value += 60
    ask("100/min", pk=99)
    assert len(SharedRateThrottle._counts) == 1
