"""The portfolio as a file: the filter a person chose, no more than they may see, and a ledger entry that says so."""

import csv
import io
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from apps.audit.record import record
from apps.registry.models import AISystem

from .systems import COLUMNS, Choice, as_row, chosen

# A spreadsheet program takes text that begins so for a formula and runs it.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
CHUNK = 1000


@dataclass(frozen=True)
class Format:
    key: str
    label: str
    content_type: str


FORMATS = {
    "csv": Format("csv", "CSV", "text/csv; charset=utf-8"),
    "xlsx": Format("xlsx", "Excel", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}

HEADINGS = {
    "name": ("Name", 44),
    "slug": ("Address", 60),
    "phase_label": ("Phase", 18),
    "tier": ("Risk tier", 9),
    "function_label": ("Business function", 20),
    "unit": ("Unit", 32),
    "owner": ("Owner", 24),
    "sentence": ("Gate", 48),
    "missing": ("Missing", 9),
    "met": ("Met", 9),
    "required": ("Required", 9),
    "at_risk_since": ("At risk since", 18),
    "suspended": ("Suspended", 11),
    "updated_at": ("Last changed", 18),
}


@transaction.atomic
def export_portfolio(*, by: Any, choice: Choice, file_format: str) -> QuerySet[AISystem]:
    """
    The systems that ``by`` may see and chose, put on record as exported; give them to :func:`csv_lines` or
    :func:`xlsx_file`.

    The entry says who, when, in which format and how many; the filter, which may hold names, is in its erasable part.
    """
    rows = chosen(by, choice)
    record(
        act="export.portfolio",
        obj=by,
        by=by,
        reason="Exported the portfolio",
        after={"filter": choice.as_json()},
        ref={"format": file_format, "rows": str(rows.order_by().count())},
    )
    return rows


def export_response(by: Any, choice: Choice, file_format: Format) -> HttpResponseBase:
    """The file as an answer, read from the database while it is sent."""
    rows = export_portfolio(by=by, choice=choice, file_format=file_format.key)
    name = f"portfolio-{timezone.localdate():%Y-%m-%d}.{file_format.key}"
    if file_format.key == "xlsx":
        return FileResponse(xlsx_file(rows), as_attachment=True, filename=name, content_type=file_format.content_type)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(csv_lines(rows), content_type=file_format.content_type, headers=headers)


def harmless(value: Any) -> Any:
    """``value`` for a cell: text that a spreadsheet would run as a formula is marked as text."""
    if not isinstance(value, str):
        return value
    text = ILLEGAL_CHARACTERS_RE.sub("", value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) or text.lstrip().startswith(FORMULA_STARTS) else text


def _cells(rows: QuerySet[AISystem]) -> Iterator[list[Any]]:
    for values in rows.values_list(*COLUMNS.values()).iterator(chunk_size=CHUNK):
        row = as_row(values)
        row["slug"] = f"{settings.SITE_URL}{row['url']}"
        if note := row.get("owner_note"):
            row["owner"] = f"{row['owner']} ({note})"
        row["suspended"] = "yes" if row["suspended"] else "no"
        yield [harmless(row[name]) for name in HEADINGS]


def csv_lines(rows: QuerySet[AISystem]) -> Iterator[bytes]:
    """
    The file in pieces, as the database hands the rows over. Times are UTC, in ISO 8601.

    It begins with a byte order mark: without one, Excel takes the text for an old Windows encoding.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([heading for heading, _ in HEADINGS.values()])
    yield b"\xef\xbb\xbf"
    for number, cells in enumerate(_cells(rows), 1):
        writer.writerow([cell.isoformat() if isinstance(cell, datetime) else cell for cell in cells])
        if number % CHUNK == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode()


def xlsx_file(rows: QuerySet[AISystem]) -> IO[bytes]:
    """A workbook in a temporary file, row by row, so that memory does not grow with the portfolio."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Portfolio")
    sheet.freeze_panes = "B2"
    for number, (_, width) in enumerate(HEADINGS.values(), 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    sheet.append([_heading(sheet, words) for words, _ in HEADINGS.values()])
    count = 1
    for count, cells in enumerate(_cells(rows), 2):  # noqa: B007 - the last number is how far the filter reaches
        # Excel knows no zones: what is written is UTC.
        sheet.append([c.replace(tzinfo=None, microsecond=0) if isinstance(c, datetime) else c for c in cells])
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(HEADINGS))}{count}"
    file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - the response closes it
    book.save(file)
    file.seek(0)
    return file


def _heading(sheet: Any, words: str) -> Any:
    cell = WriteOnlyCell(sheet, value=words)
    cell.font = Font(bold=True)
    return cell
