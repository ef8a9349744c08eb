from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.messages import get_messages
from django.contrib.messages.storage.fallback import FallbackStorage
from django.test import RequestFactory
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from apps.audit.as_of import parse_instant, requested_instant


def page(text):
    request = RequestFactory().get("/", {"as_of": text} if text is not None else {})
    request.session = {}
    request._messages = FallbackStorage(request)
    return request


@pytest.mark.parametrize(
    "text, meant",
    [
        ("2026-01-31", datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-31T12:00:00 02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-31T12:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31 12:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
    ],
)
def test_days_and_times(text, meant, monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 6, 1, tzinfo=UTC))

    assert parse_instant(text) == meant


def test_today_means_now():
    assert timezone.now() - parse_instant(timezone.localdate().isoformat()) < timedelta(seconds=5)


def test_a_day_is_the_readers():
    with timezone.override("America/New_York"):
        assert parse_instant("2024-01-31").astimezone(UTC) == datetime(2024, 2, 1, 4, 59, 59, 999999, tzinfo=UTC)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-02-30T10:00", "31.1.2026", "0", "9999-12-31"])
def test_nonsense_and_the_future_are_said_on_a_page_and_refused_in_the_api(text):
    request = page(text)

    assert requested_instant(request) is None
    assert str(next(iter(get_messages(request)))).endswith("This is how things are now.")
    with pytest.raises(ValidationError):
        requested_instant(Request(page(text)))


@pytest.mark.parametrize("text", [None, "", "  "])
def test_nothing_asked_is_now(text):
    assert requested_instant(page(text)) is None
