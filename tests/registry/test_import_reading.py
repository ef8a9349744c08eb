"""Files as they come: what is read, how that is told, and what is refused with words that help."""

import codecs
import csv
import io
import zipfile
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest

from apps.registry.importing import workbook
from apps.registry.importing.errors import MAX_ROWS, UnreadableFile
from apps.registry.importing.reading import decode, read_bytes, read_file


def workbook_bytes(*rows, title="Inventory", also=()) -> bytes:
    book = openpyxl.Workbook()
    book.active.title = title
    for row in rows:
        book.active.append(row)
    for name in also:
        book.create_sheet(name).append(["something", "else"])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_every_cell_of_the_sample_is_read_exactly_as_it_stands(data_sample: Path):
    path = data_sample / "inventory-sample.csv"
    text = path.read_bytes().decode("cp1252")

    table = read_file(path, max_bytes=1_000_000)

    expected = [tuple(row) for row in csv.reader(io.StringIO(text, newline=""))]
    assert [table.headers, *(line.cells for line in table.lines)] == expected
    assert [line.number for line in table.lines] == list(range(2, 29))
    assert any("\r\n" in cell for line in table.lines for cell in line.cells)


def test_the_encoding_taken_is_told_with_the_byte_that_decided_it(data_sample: Path):
    table = read_file(data_sample / "inventory-sample.csv", max_bytes=1_000_000)

    assert table.encoding == "cp1252"
    assert "Read as Windows-1252: not UTF-8 (byte 0x92 at position 271, line 1)" in table.notes[0]


@pytest.mark.parametrize(
    "data, encoding",
    [
        ("name,purpose\nÉlan,1".encode(), "utf-8"),
        (codecs.BOM_UTF8 + "name,purpose\nÉlan,1".encode(), "utf-8-sig"),
        ("name,purpose\nÉlan,1".encode("utf-16"), "utf-16"),
        ("name,purpose\nÉlan,1".encode("cp1252"), "cp1252"),
    ],
)
def test_encodings_that_are_recognised(data, encoding):
    table = read_bytes(data)

    assert table.encoding == encoding
    assert table.headers == ("name", "purpose")
    assert table.lines[0].cells == ("Élan", "1")


def test_characters_lost_before_are_kept_and_told():
    _, _, notes = decode("name,purpose\ncan\ufffdt,x".encode())

    assert "1 characters had been lost" in notes[0]


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "The file is empty"),
        (b" \r\n\t\r\n", "The file is empty"),
        (b"name,purpose\n", "no rows below"),
        (b"name,purpose\n,\n,\n", "no rows below"),
        (b"just one column\nvalue\n", "No row of column headings"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00", "does not look like a table"),
        (b"%PDF-1.7\x00\x01", "does not look like a table"),
        (b"name,purpose\n\x81\x8d,x\n", "byte 0x81 at position 13, line 2"),
        (codecs.BOM_UTF8 + b"name,purpose\n\xff,x", "says it is UTF-8"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 50, "old Excel file"),
        (b"PK\x03\x04 and then nothing", "damaged or has a password"),
        (b'name,purpose\na,"never closed\nb,c\n', "Row 2, which starts on line 2"),
        (b'name,purpose\na,"closed" and on\n', "Row 2, which starts on line 2"),
        (b"name,purpose\n" + b"," * 600, "at most 500"),
        ("name,purpose\na,b\x00c\n".encode("utf-16"), "Row 2 holds a character that cannot be stored"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(data, words):
    with pytest.raises(UnreadableFile) as refusal:
        read_bytes(data)

    assert words in str(refusal.value)


def test_a_file_too_large_is_not_even_opened(tmp_path: Path):
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)

    with pytest.raises(UnreadableFile, match=r"The file has 100\.0 MB; at most 50\.0 MB"):
        read_file(path, max_bytes=50 * 1024 * 1024)


def test_too_many_rows_are_refused():
    with pytest.raises(UnreadableFile, match="more than 50,000 rows"):
        read_bytes(b"name,purpose\n" + b"a,b\n" * (MAX_ROWS + 1))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_separators(delimiter):
    table = read_bytes(f'name{delimiter}"a, b; c"\nx{delimiter}y\n'.encode())

    assert table.headers == ("name", "a, b; c")


def test_a_line_naming_the_separator_is_no_row():
    table = read_bytes(b"sep=;\nname;purpose\na,b;c\n")

    assert table.headers == ("name", "purpose")
    assert table.lines[0].cells == ("a,b", "c")
    assert "not a row" in table.notes[0]


def test_a_title_above_the_headings_is_told():
    table = read_bytes(b"Inventory of 2026,,\n,,\nname,purpose,\na,b,\n")

    assert table.headers == ("name", "purpose")
    assert table.lines[0].number == 4
    assert "The headings are in row 3" in table.notes[0]


def test_blank_rows_at_the_end_are_counted_not_imported():
    table = read_bytes(b"name,purpose\na,b\n,\n\n,\n")

    assert len(table.lines) == 1
    assert table.notes == ("3 blank rows after the last filled row were left out.",)


def test_a_repeated_or_empty_heading_is_told_by_its_letter():
    table = read_bytes(b"name,explain,,explain\na,b,c,d\n")

    assert [table.header_label(n) for n in range(4)] == [
        "name",
        "explain (column B)",
        "(column C)",
        "explain (column D)",
    ]


def test_a_workbook_becomes_text_that_says_the_same():
    table = read_bytes(
        workbook_bytes(
            ["Name", "Purpose", "Started", "Users", "Share", "Live"],
            ["Route planner", "Plans routes", datetime(2024, 11, 1), 45000, 0.25, True],  # noqa: DTZ001
            ["Night planner", "Plans nights", date(2024, 11, 2), 3.0, None, None],
            also=["Notes"],
        )
    )

    assert table.format == "xlsx"
    assert [line.cells for line in table.lines] == [
        ("Route planner", "Plans routes", "2024-11-01", "45000", "0.25", "TRUE"),
        ("Night planner", "Plans nights", "2024-11-02", "3", "", ""),
    ]
    assert 'Read from the sheet "Inventory".' in table.notes
    assert "Sheets not read: Notes." in table.notes


def test_a_named_sheet_is_read_and_a_wrong_name_lists_the_right_ones():
    data = workbook_bytes(["Name", "Purpose"], ["a", "b"], also=["Second"])

    with pytest.raises(UnreadableFile, match="It has: Inventory, Second"):
        read_bytes(data, sheet="Third")


def test_a_formula_never_calculated_stays_visible():
    table = read_bytes(workbook_bytes(["Name", "Purpose"], ["a", '=CONCATENATE("b", "c")']))

    assert table.lines[0].cells == ("a", '=CONCATENATE("b", "c")')
    assert any("never calculated" in note for note in table.notes)


def test_a_workbook_that_unpacks_to_too_much_is_refused_before_it_is_parsed(monkeypatch):
    monkeypatch.setattr(workbook, "MAX_UNPACKED_BYTES", 1024 * 1024)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 4 * 1024 * 1024)

    with pytest.raises(UnreadableFile, match="unpacks to more than 1 MB"):
        read_bytes(out.getvalue())


def test_a_workbook_with_entity_definitions_is_refused():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", '<!DOCTYPE x [<!ENTITY a "aaaa">]><workbook>&a;</workbook>')

    with pytest.raises(UnreadableFile, match="document type definition"):
        read_bytes(out.getvalue())


def test_a_zip_archive_that_is_no_workbook_is_refused():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("inventory.csv", "name,purpose\na,b\n")

    with pytest.raises(UnreadableFile, match="zip archive, not a workbook"):
        read_bytes(out.getvalue())
