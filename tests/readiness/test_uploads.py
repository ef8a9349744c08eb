"""Files are judged by what is in them."""

import hashlib
import io
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.core.exceptions import RuleViolation
from apps.readiness.uploads import TYPES, check, safe_name

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 20


def office(member, *, macros=False):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(member, "<x/>")
        if macros:
            archive.writestr(f"{member.split('/')[0]}/vbaProject.bin", b"\0")
    return buffer.getvalue()


def plain_zip():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("malware.exe", b"MZ")
    return buffer.getvalue()


def upload(name, content):
    return SimpleUploadedFile(name, content)


@pytest.mark.parametrize(
    "name, content",
    [
        ("a.pdf", b"%PDF-1.7 x"),
        ("a.png", PNG),
        ("a.jpg", JPEG),
        ("A.JPEG", JPEG),
        ("a.csv", b"a;b\r\n1;2\r\n"),
        ("a.csv", "Größe;Ort\n".encode("cp1252")),
        ("a.txt", "Grüße\n".encode()),
        ("a.txt", "Grüße\n".encode("utf-16")),
        ("a.log", b"\x1b[32mok\x1b[0m\n"),
        ("a.md", b"# Report\n\nA <b>word</b>.\n"),
        ("a.json", b'{"passed": 12}'),
        ("a.xml", b'\xef\xbb\xbf<?xml version="1.0"?><testsuite/>'),
        ("a.docx", office("word/document.xml")),
        ("a.xlsx", office("xl/workbook.xml")),
        ("a.pptx", office("ppt/presentation.xml")),
    ],
)
def test_accepted_files_get_their_type_from_their_content(name, content):
    file = upload(name, content)

    found = check(file)

    assert found.content_type == TYPES[name.rsplit(".")[-1].lower()]
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.size == len(content)
    assert file.tell() == 0


@pytest.mark.parametrize(
    "name, content, code",
    [
        ("a.pdf", b"", "file_empty"),
        ("a.exe", b"MZ\x90\0", "file_type"),
        ("a.zip", plain_zip(), "file_type"),
        ("a.html", b"<html></html>", "file_type"),
        ("a.svg", b"<svg/>", "file_type"),
        ("noending", b"text", "file_type"),
        (".pdf", b"%PDF-1.7", "file_type"),
        ("a.pdf", b"MZ\x90\0\0", "file_mismatch"),
        ("a.pdf", PNG, "file_mismatch"),
        ("a.png", JPEG, "file_mismatch"),
        ("a.txt", b"%PDF-1.7", "file_mismatch"),
        ("a.txt", b"a\0b", "file_mismatch"),
        ("a.txt", b"\xff\xfe\x00\x00", "file_mismatch"),
        ("a.docx", plain_zip(), "file_mismatch"),
        ("a.docx", b"PK\x03\x04 broken", "file_mismatch"),
        ("a.docx", office("xl/workbook.xml"), "file_mismatch"),
        ("a.docx", office("word/document.xml", macros=True), "file_macros"),
        ("a.txt", b"  <!DOCTYPE html><p>", "file_active"),
        ("a.txt", b"\xef\xbb\xbf<SCRIPT>alert(1)</SCRIPT>", "file_active"),
        ("a.csv", "<html>".encode("utf-16"), "file_active"),
        ("a.xml", b'<?xml version="1.0"?>\n<!-- x --><svg xmlns="http://www.w3.org/2000/svg"/>', "file_active"),
        ("a.xml", b"plain words", "file_mismatch"),
        ("a.json", b"{not json", "file_mismatch"),
        ("a.json", b"[" * 100_000, "file_mismatch"),
    ],
)
def test_everything_else_is_refused_with_a_reason(name, content, code):
    with pytest.raises(RuleViolation) as refusal:
        check(upload(name, content))

    assert refusal.value.code == code
    assert refusal.value.field == "upload"
    assert "PDF" in refusal.value.help


def test_the_limit_holds_while_reading(settings):
    settings.EVIDENCE_MAX_BYTES = 1000

    assert check(upload("a.txt", b"x" * 1000)).size == 1000
    with pytest.raises(RuleViolation, match="larger than"):
        check(upload("a.txt", b"x" * 1001))


@pytest.mark.parametrize(
    "given, kept",
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\ada\\report.pdf", "report.pdf"),
        ("a\x00b\r\n.pdf", "ab.pdf"),
        ("annual\u202efdp.exe", "annualfdp.exe"),
        ('say "hi" <b>.txt', "say _hi_ _b_.txt"),
        ("  spaced   out .csv ", "spaced out .csv"),
        ("Größe.pdf", "Größe.pdf"),
        ("...", "evidence"),
        ("", "evidence"),
        ("x" * 400 + ".pdf", "x" * 146 + ".pdf"),
    ],
)
def test_names_are_made_harmless(given, kept):
    assert safe_name(given) == kept
