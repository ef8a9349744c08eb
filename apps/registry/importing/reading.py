"""Reading a CSV or XLSX file into headings and rows of exact text, and saying how it was read."""

import codecs
import csv
import io
import re
from dataclasses import dataclass, field
from pathlib import Path

from apps.core.canonical import canonical_bytes, sha256_hex

from .errors import UnreadableFile, check_size
from .text import column_letter, shorten
from .workbook import read_workbook

DELIMITERS = (",", ";", "\t", "|")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
ENCODINGS = ("utf-8", "cp1252")
ENCODING_NAMES = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252"}


@dataclass(frozen=True)
class SourceLine:
    """One row of the file: ``number`` is its row number in a spreadsheet, where the headings are usually row 1."""

    number: int
    cells: tuple[str, ...]

    @property
    def is_blank(self) -> bool:
        return not any(cell.strip() for cell in self.cells)

    @property
    def digest(self) -> str:
        """SHA-256 of the cells as canonical JSON."""
        return sha256_hex(canonical_bytes(self.cells))


@dataclass(frozen=True)
class Table:
    """A file as it was read. ``notes`` tell a person every decision taken on the way."""

    headers: tuple[str, ...]
    lines: tuple[SourceLine, ...]
    format: str
    encoding: str
    notes: tuple[str, ...] = field(default=())

    def header_label(self, index: int) -> str:
        """The heading on one line, with its spreadsheet letter where the heading alone is not unique or empty."""
        header = shorten(self.headers[index], 90)
        if not header:
            return f"(column {column_letter(index)})"
        if sum(other.strip() == self.headers[index].strip() for other in self.headers) > 1:
            return f"{header} (column {column_letter(index)})"
        return header


def read_file(
    path: Path | str, *, max_bytes: int, encodings: tuple[str, ...] = ENCODINGS, sheet: str | None = None
) -> Table:
    """
    Read the file at ``path``.

    :raises UnreadableFile: empty, too large, not CSV or XLSX, in no accepted encoding, or without a row of data.
    """
    path = Path(path)
    size = path.stat().st_size
    if size > max_bytes:
        raise UnreadableFile(
            f"The file has {_megabytes(size)}; at most {_megabytes(max_bytes)} can be imported at once. "
            "Split it into several files and import them one after the other."
        )
    return read_bytes(path.read_bytes(), encodings=encodings, sheet=sheet)


def read_bytes(data: bytes, *, encodings: tuple[str, ...] = ENCODINGS, sheet: str | None = None) -> Table:
    """
    Read the content of a file; CSV or XLSX is told by the content, never by the name.

    :raises UnreadableFile: see :func:`read_file`.
    """
    if not data.strip(b"\x00 \t\r\n\xef\xbb\xbf"):
        raise UnreadableFile("The file is empty. Export the inventory again and check that it has rows.")
    if data.startswith(b"PK\x03\x04"):
        rows, notes = read_workbook(data, sheet=sheet)
        return _table(rows, format="xlsx", encoding="", notes=notes)
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise UnreadableFile(
            "This is an old Excel file (.xls) or one with a password. Open it, remove the password if there is one, "
            "and save it as .xlsx or as CSV."
        )
    text, encoding, notes = decode(data, encodings)
    rows, more = read_csv(text)
    return _table(rows, format="csv", encoding=encoding, notes=notes + more)


def decode(data: bytes, encodings: tuple[str, ...] = ENCODINGS) -> tuple[str, str, list[str]]:
    """
    The text of ``data``, the encoding used and notes on why.

    Every byte becomes exactly one meaning or the file is refused: nothing is replaced or left out.

    :raises UnreadableFile: binary content, or no accepted encoding fits.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _decode_as(data, "utf-16"), "utf-16", ["Read as UTF-16, as the mark at the start of the file says."]
    if b"\x00" in data or sum(data[:4096].count(byte) for byte in range(9)) > 8:
        raise UnreadableFile(
            "This does not look like a table: it has bytes that no text has. Save the inventory as CSV or .xlsx."
        )
    if data.startswith(codecs.BOM_UTF8):
        return _decode_as(data, "utf-8-sig"), "utf-8-sig", ["Read as UTF-8, as the mark at the start of the file says."]
    refusals: list[str] = []
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            refusals.append(
                f"not {_encoding_name(encoding)} (byte 0x{data[error.start]:02x} at position {error.start}, "
                f"line {data.count(bytes([10]), 0, error.start) + 1})"
            )
        else:
            return text, encoding, _decode_notes(text, encoding, refusals)
    raise UnreadableFile(
        f'The encoding of the file was not recognised: {"; ".join(refusals)}. Save it again as "CSV UTF-8" or as .xlsx.'
    )


def _decode_as(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableFile(
            f"The file says it is {_encoding_name(encoding)} but byte {error.start} does not fit. "
            'Save it again as "CSV UTF-8" or as .xlsx.'
        ) from error


def _decode_notes(text: str, encoding: str, refusals: list[str]) -> list[str]:
    notes = []
    if refusals:
        beyond_ascii = sum(character > "\x7f" for character in text)
        notes.append(
            f"Read as {_encoding_name(encoding)}: {'; '.join(refusals)}. "
            f"{beyond_ascii:,} characters outside ASCII were read that way; no byte was replaced or left out."
        )
    if lost := text.count("\ufffd"):
        notes.append(
            f"{lost:,} characters had been lost before this file was written (they are the replacement sign "
            "\ufffd in it); they stay as they are."
        )
    return notes


def _encoding_name(encoding: str) -> str:
    return ENCODING_NAMES.get(encoding, encoding)


def read_csv(text: str) -> tuple[list[tuple[str, ...]], list[str]]:
    """
    The rows of a CSV text, line breaks inside cells kept as they are, and notes.

    :raises UnreadableFile: quoting that can be read in more than one way, or too many rows or columns.
    """
    notes = []
    first, _, rest = text.partition("\n")
    if first.strip().casefold().startswith("sep=") and len(first.strip()) == 5:
        delimiter, text = first.strip()[4], rest
        notes.append(f"The first line names {_delimiter_name(delimiter)} as the separator; it is not a row.")
    else:
        delimiter = _delimiter(text)
        if delimiter != ",":
            notes.append(f"Cells are separated by {_delimiter_name(delimiter)}.")
    # Strict: a lenient parser drops stray quotes from cells without a word.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[str, ...]] = []
    while True:
        starts_at = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return rows, notes
        except csv.Error as error:
            raise UnreadableFile(
                f"Row {len(rows) + 1}, which starts on line {starts_at}, cannot be read ({error}). "
                "Most often a quotation mark inside a cell is not doubled, or one is never closed. "
                "Correct it there or save the inventory as .xlsx."
            ) from error
        check_size(len(rows) + 1, len(row))
        rows.append(tuple(row))


def _delimiter(text: str) -> str:
    """The separator that cuts the start of the file into most cells, outside quotation marks."""
    head = text[:20_000]
    counts = dict.fromkeys(DELIMITERS, 0)
    quoted = False
    seen_any = False
    for character in head:
        if character == '"':
            quoted = not quoted
        elif not quoted and character in counts:
            counts[character] += 1
            seen_any = True
        elif not quoted and character == "\n" and seen_any:
            break
    return max(DELIMITERS, key=lambda candidate: counts[candidate])


def _delimiter_name(delimiter: str) -> str:
    return {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}.get(delimiter, f'"{delimiter}"')


def _table(rows: list[tuple[str, ...]], *, format: str, encoding: str, notes: list[str]) -> Table:
    """Headings and lines from raw rows. The headings are the first row with two filled cells."""
    header_at = next((n for n, row in enumerate(rows) if sum(bool(cell.strip()) for cell in row) >= 2), None)
    if header_at is None:
        raise UnreadableFile(
            "No row of column headings was found: every row has fewer than two filled cells. "
            "Check that the cells are separated by a comma, semicolon or tab."
        )
    if header_at:
        notes = [*notes, f"The headings are in row {header_at + 1}; what stands above them is not imported."]
    _check_storable(rows)
    headers = list(rows[header_at])
    while (
        headers
        and not headers[-1].strip()
        and not any(len(row) >= len(headers) and row[len(headers) - 1].strip() for row in rows)
    ):
        headers.pop()
    lines = [SourceLine(number, row) for number, row in enumerate(rows[header_at + 1 :], start=header_at + 2)]
    trailing = 0
    while lines and lines[-1].is_blank:
        lines.pop()
        trailing += 1
    if not lines:
        raise UnreadableFile("The file has column headings but no rows below them.")
    if trailing:
        notes = [*notes, f"{trailing:,} blank rows after the last filled row were left out."]
    return Table(tuple(headers), tuple(lines), format, encoding, tuple(notes))


def _check_storable(rows: list[tuple[str, ...]]) -> None:
    """A null character or half a character pair is text to Python and to no database."""
    for number, row in enumerate(rows, start=1):
        if _UNSTORABLE.search("".join(row)):
            raise UnreadableFile(
                f"Row {number} holds a character that cannot be stored (a null character or half of one). "
                'Remove it there, or save the file again as "CSV UTF-8".'
            )


def _megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:,.1f} MB"
