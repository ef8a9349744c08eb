"""Dates as inventories write them: one full day is read, anything less is left to the source row with a reason."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta

SPREADSHEET_EPOCH = date(1899, 12, 30)
ISO = "%Y-%m-%d"
# Serial numbers of 1954 to 2064: below, a number is more likely a year or a count than a day.
SERIALS = range(20_000, 60_000)
YEARS = range(1950, 2100)
_ISO_WITH_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?")
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_MONTH_NAME = re.compile(rf"\d{{1,4}}[- ]{_MONTH}|{_MONTH}[- ,]+\d{{1,4}}", re.IGNORECASE)


def parse_date(text: str, *, formats: Sequence[str], serial_numbers: bool = False) -> tuple[date | None, str]:
    """
    The day ``text`` names, or ``None``, and what a person should know about the reading ("" when it is plain).

    A year typed into a cell that shows dates comes out of a spreadsheet as a day in 1905 (2021 is 7/13/1905): that
    is recognised and not taken for a day.
    """
    text = text.strip()
    if serial_numbers and text.isdigit() and int(text) in SERIALS:
        day = SPREADSHEET_EPOCH + timedelta(days=int(text))
        return day, f"is a spreadsheet's number for {day.isoformat()} and was read as that day"
    if _ISO_WITH_TIME.fullmatch(text):
        text = text[:10]
    for pattern in (ISO, *formats):
        try:
            day = datetime.strptime(text, pattern).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
        serial = (day - SPREADSHEET_EPOCH).days
        if serial in YEARS:
            return (
                None,
                f"is how a spreadsheet shows the number {serial} as a date; most likely the year {serial} is meant",
            )
        if day.year not in YEARS:
            return None, f"is a day in {day.year}, which cannot be meant"
        return day, ""
    if text.isdigit() and int(text) in YEARS:
        return None, "is a year without a day"
    if _MONTH_NAME.fullmatch(text):
        return None, "names no full day (a day and month, or a month and year)"
    return None, "is not a date"
