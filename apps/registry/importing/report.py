"""The report of an import as CSV that a spreadsheet program opens without running anything in it."""

import csv
from collections.abc import Iterable, Iterator
from typing import Any

HEADINGS = ("Row", "Outcome", "Name", "System", "Reason", "Warnings")
_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(value: Any) -> str:
    """``value`` as text no spreadsheet takes for a formula: a leading apostrophe, where it would."""
    text = str(value)
    return f"'{text}" if text.startswith(_STARTS_A_FORMULA) else text


class _Echo:
    """A file for the CSV writer that hands each line on instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def csv_lines(rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Headings and rows as lines of CSV. Starts with the mark that makes Excel read UTF-8."""
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow(HEADINGS)
    for row in rows:
        yield writer.writerow([safe_cell(cell) for cell in row])
