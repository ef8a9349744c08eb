"""Which past instant a reader asks a page for: ``?as_of=2026-05-31`` or ``?as_of=2026-05-31T14:00:00+02:00``."""

from datetime import datetime, time
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

PARAMETER = "as_of"
NOT_A_DATE = "Give a day such as 2026-05-31, or a time such as 2026-05-31T14:00:00+02:00."
NOT_YET = "That has not happened yet. Ask for a moment in the past."


def requested_instant(request: HttpRequest | Request) -> datetime | None:
    """
    The past instant a request asks for, or None for "as it is now".

    A day means its end, in the reader's zone; so does a time without a zone stand in the reader's. A page that is asked
    for nonsense or for the future says so and shows how things are now; the API refuses.

    :raises ValidationError: (API only) not a date, or in the future.
    """
    parameters: Any = request.query_params if isinstance(request, Request) else request.GET
    text = parameters.get(PARAMETER, "").strip()
    if not text:
        return None
    try:
        return parse_instant(text)
    except ValueError as error:
        if isinstance(request, Request):
            raise ValidationError({PARAMETER: [str(error)]}) from error
        messages.warning(request, f"{error} This is how things are now.")
        return None


def parse_instant(text: str) -> datetime:
    """:raises ValueError: ``text`` is no date or time, or one in the future; the message is fit for people."""
    now = timezone.now()
    try:
        day = parse_date(text)
        # The plus of a zone arrives as a space when nobody encoded it.
        moment = None if day else parse_datetime(text[:11] + text[11:].replace(" ", "+"))
    except ValueError as error:
        raise ValueError(NOT_A_DATE) from error
    if day is not None:
        if day > timezone.localdate(now):
            raise ValueError(NOT_YET)
        return min(timezone.make_aware(datetime.combine(day, time.max)), now)
    if moment is None:
        raise ValueError(NOT_A_DATE)
    if timezone.is_naive(moment):
        moment = timezone.make_aware(moment)
    if moment > now:
        raise ValueError(NOT_YET)
    return moment
