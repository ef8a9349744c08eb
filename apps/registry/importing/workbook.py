"""Reading an XLSX workbook into rows of text, without trusting its size or its formulas."""

import io
import re
import zipfile
from datetime import date, datetime, time, timedelta
from typing import Any

from .errors import UnreadableFile, check_size

MAX_UNPACKED_BYTES = 200 * 1024 * 1024
MAX_PARTS = 2_000
_FORMULA = re.compile(rb"<(?:\w+:)?f[ />]")


def read_workbook(data: bytes, *, sheet: str | None = None) -> tuple[list[tuple[str, ...]], list[str]]:
    """
    The rows of a sheet and notes. The sheet is ``sheet``, or the first visible one with content.

    :raises UnreadableFile: damaged, protected, unpacks to too much, or has no such sheet.
    """
    formulas = _inspect(data)
    import openpyxl

    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        unevaluated = openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False) if formulas else None
    except Exception as error:  # openpyxl raises whatever its parsers raise
        raise UnreadableFile(
            f"The workbook cannot be opened ({type(error).__name__}). Open it in a spreadsheet program and save it "
            "again as .xlsx, or save the sheet as CSV."
        ) from error
    visible = [ws for ws in book.worksheets if ws.sheet_state == "visible"]
    wanted = [ws for ws in book.worksheets if ws.title == sheet] if sheet else visible
    if sheet and not wanted:
        names = ", ".join(ws.title for ws in book.worksheets)
        raise UnreadableFile(f'The workbook has no sheet "{sheet}". It has: {names}.')
    for worksheet in wanted:
        rows, notes = _rows(worksheet, unevaluated[worksheet.title] if unevaluated else None)
        if rows:
            others = [ws.title for ws in book.worksheets if ws.title != worksheet.title]
            notes.insert(0, f'Read from the sheet "{worksheet.title}".')
            if others:
                notes.append(f"Sheets not read: {', '.join(others)}.")
            return rows, notes
    raise UnreadableFile("No visible sheet of the workbook has any content.")


def _inspect(data: bytes) -> bool:
    """
    Whether the sheets hold formulas; refuses what should not be unpacked.

    The sizes in the archive's directory can lie, so the parts are really unpacked here, in pieces, and counted.
    """
    formulas, unpacked = False, 0
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if not any(part.filename == "[Content_Types].xml" for part in parts):
                raise UnreadableFile("This is a zip archive, not a workbook. Unpack it and import the file inside.")
            if len(parts) > MAX_PARTS:
                raise UnreadableFile("The workbook has too many parts. Save the one sheet that matters as CSV.")
            for part in parts:
                tail = b""
                with archive.open(part) as stream:
                    while piece := stream.read(1 << 20):
                        unpacked += len(piece)
                        if unpacked > MAX_UNPACKED_BYTES:
                            raise UnreadableFile(
                                "The workbook unpacks to more than "
                                f"{MAX_UNPACKED_BYTES // 1024 // 1024} MB. Save the one sheet that matters as CSV."
                            )
                        window = tail + piece
                        if part.filename.endswith((".xml", ".rels")) and b"<!DOCTYPE" in window:
                            raise UnreadableFile("The workbook holds a document type definition, which none needs.")
                        if "worksheets/" in part.filename and _FORMULA.search(window):
                            formulas = True
                        tail = piece[-16:]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise UnreadableFile(
            "The workbook is damaged or has a password. Open it in a spreadsheet program and save it again."
        ) from error
    return formulas


def _rows(worksheet: Any, unevaluated: Any) -> tuple[list[tuple[str, ...]], list[str]]:
    """Rows as text, without what is blank at the end; a formula nobody has calculated stays as its own text."""
    # The size a sheet states about itself may be wrong, so it is ignored and the rows are counted.
    worksheet.reset_dimensions()
    formula_rows = iter(())
    if unevaluated is not None:
        unevaluated.reset_dimensions()
        formula_rows = unevaluated.iter_rows(values_only=True)
    rows: list[tuple[str, ...]] = []
    calculated = uncalculated = 0
    for number, values in enumerate(worksheet.iter_rows(values_only=True), start=1):
        formulas = next(formula_rows, ()) or ()
        cells = []
        for index, value in enumerate(values):
            formula = formulas[index] if index < len(formulas) else None
            if isinstance(formula, str) and formula.startswith("=") and value != formula:
                calculated, uncalculated = calculated + (value is not None), uncalculated + (value is None)
                value = formula if value is None else value
            cells.append(as_text(value))
        while cells and not cells[-1]:
            cells.pop()
        check_size(number, len(cells))
        rows.append(tuple(cells))
    while rows and not rows[-1]:
        rows.pop()
    notes = ["Numbers and dates of the workbook are kept as text: dates as year-month-day, numbers in full."]
    if calculated:
        notes.append(f"{calculated:,} cells hold formulas; the values last calculated were read.")
    if uncalculated:
        notes.append(f"{uncalculated:,} cells hold formulas that were never calculated; the formula itself is kept.")
    width = max((len(row) for row in rows), default=0)
    # A sheet has no ragged rows: a cell nobody filled is an empty cell.
    return [row + ("",) * (width - len(row)) if row else row for row in rows], notes


def as_text(value: Any) -> str:
    """One cell as text that says the same: dates in ISO form, whole numbers without a fraction."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time.min else value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)
