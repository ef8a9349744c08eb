"""
Files people bring as evidence: judged by what is in them, never by what they are called.

What can carry a program that a browser would run (HTML, SVG, scripts, macros) is refused, as is anything whose content
and name say different things.
"""

import codecs
import hashlib
import json
import re
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.template.defaultfilters import filesizeformat

from apps.core.exceptions import RuleViolation

OFFICE = "application/vnd.openxmlformats-officedocument"
# ending -> content type that is stored and sent when somebody downloads it
TYPES = {
    "pdf": "application/pdf",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "csv": "text/csv",
    "txt": "text/plain",
    "log": "text/plain",
    "md": "text/markdown",
    "json": "application/json",
    "xml": "application/xml",
    "docx": f"{OFFICE}.wordprocessingml.document",
    "xlsx": f"{OFFICE}.spreadsheetml.sheet",
    "pptx": f"{OFFICE}.presentationml.presentation",
}
ACCEPTED = "PDF, PNG, JPEG, CSV, text, Markdown, JSON, XML, Word, Excel or PowerPoint (without macros)"
_TEXT = {"csv", "txt", "log", "md", "json", "xml"}
_MEMBER = {"docx": "word/document.xml", "xlsx": "xl/workbook.xml", "pptx": "ppt/presentation.xml"}
_ACTIVE = re.compile(
    rb"\s*(<\?xml[^>]*>)?\s*(<!--.*?-->\s*)*<(!doctype\s+(html|svg)|html|svg|script|iframe|body|head)\b", re.I | re.S
)
_JSON_PARSED_UP_TO = 2 * 1024 * 1024
_LONGEST_NAME = 150


@dataclass(frozen=True)
class Checked:
    """What a file turned out to be."""

    filename: str
    content_type: str
    size: int
    sha256: str


def _refuse(message: str, code: str) -> RuleViolation:
    return RuleViolation(message, code=code, field="upload", help=f"Accepted: {ACCEPTED}.")


def check(upload: File, *, max_bytes: int | None = None) -> Checked:
    """
    Read ``upload`` once from the start and say what it is; it stands at its start again afterwards.

    :raises RuleViolation: empty, too large, of a kind that is not accepted, or not what its name says.
    """
    limit = settings.EVIDENCE_MAX_BYTES if max_bytes is None else max_bytes
    name = safe_name(upload.name or "")
    ending = PurePosixPath(name).suffix.lstrip(".").lower()
    digest, size, text = hashlib.sha256(), 0, _TextWatch()
    head = b""
    upload.seek(0)
    for chunk in upload.chunks():
        size += len(chunk)
        if size > limit:
            raise _refuse(f"This file is larger than {filesizeformat(limit)}.", "file_too_large")
        head = head if len(head) >= 4096 else (head + chunk)[:4096]
        digest.update(chunk)
        text.feed(chunk)
    upload.seek(0)
    if size == 0:
        raise _refuse("This file is empty.", "file_empty")
    if ending not in TYPES:
        raise _refuse(_not_accepted(ending), "file_type")
    _check_content(upload, ending, head, text.is_text, size)
    upload.seek(0)
    return Checked(name, TYPES[ending], size, digest.hexdigest())


def _not_accepted(ending: str) -> str:
    return f"Files that end in .{ending} are not accepted." if ending else "The name of this file has no ending."


def _check_content(upload: File, ending: str, head: bytes, is_text: bool, size: int) -> None:
    kind = _kind(upload, head, is_text)
    if kind == "active":
        raise _refuse("Web pages, SVG pictures and scripts are not accepted, whatever their name.", "file_active")
    if kind == "macros":
        raise _refuse("Office files with macros are not accepted.", "file_macros")
    expected = "jpg" if ending == "jpeg" else "text" if ending in _TEXT else ending
    if kind != expected:
        names = {"": "something else", "text": "text", "jpg": "a JPEG picture"}
        found = names.get(kind, f"a {kind.upper()} file")
        raise _refuse(f"The name ends in .{ending}, but the content is {found}.", "file_mismatch")
    if ending == "json" and size <= _JSON_PARSED_UP_TO:
        _check_json(upload)
    if ending == "xml" and not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise _refuse("The name ends in .xml, but the content is not XML.", "file_mismatch")


def _kind(upload: File, head: bytes, is_text: bool) -> str:
    """What the content is: an ending of ``TYPES``, ``text``, ``active``, ``macros`` or empty for anything else."""
    if head.startswith(b"%PDF-"):
        return "pdf"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if head.startswith(b"PK\x03\x04"):
        return _office_kind(upload)
    if is_text:
        return "active" if _ACTIVE.match(_as_ascii(head)) else "text"
    return ""


def _as_ascii(head: bytes) -> bytes:
    """The beginning without byte order mark and without the zero bytes of UTF-16, to look for tags."""
    for mark in (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        head = head.removeprefix(mark)
    return head.replace(b"\0", b"")


def _office_kind(upload: File) -> str:
    try:
        upload.seek(0)
        # Reads the list of members only: nothing is unpacked, so a zip bomb stays packed.
        with zipfile.ZipFile(upload) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
        return ""
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        return "macros"
    if "[Content_Types].xml" in names:
        for ending, member in _MEMBER.items():
            if member in names:
                return ending
    return "zip"


def _check_json(upload: File) -> None:
    upload.seek(0)
    try:
        json.loads(upload.read())
    except (ValueError, RecursionError) as error:
        raise _refuse("The name ends in .json, but the content is not valid JSON.", "file_mismatch") from error


class _TextWatch:
    """Fed with chunks, knows whether all of it is text: UTF-8, UTF-16 with a mark, or an older one-byte encoding."""

    _CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")

    def __init__(self) -> None:
        self.is_text = True
        self._feed: Callable[[bytes], Any] | None = None

    def feed(self, chunk: bytes) -> None:
        if self._feed is None:
            wide = chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
            self._feed = self._utf16() if wide else self._bytes
        if self.is_text:
            self._feed(chunk)

    def _utf16(self) -> Callable[[bytes], Any]:
        decoder = codecs.getincrementaldecoder("utf-16")()

        def feed(chunk: bytes) -> None:
            try:
                decoded = decoder.decode(chunk)
            except UnicodeDecodeError:
                self.is_text = False
            else:
                self.is_text = self.is_text and "\0" not in decoded

        return feed

    def _bytes(self, chunk: bytes) -> None:
        if self._CONTROL.search(chunk):
            self.is_text = False


def safe_name(name: str) -> str:
    """
    The last part of ``name`` without control and direction characters, at most 150 characters, its ending kept.

    Kept to show people; files are stored under a random name.
    """
    last = re.split(r"[\\/]", unicodedata.normalize("NFC", name))[-1]
    clean = "".join(ch for ch in last if unicodedata.category(ch) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
    clean = re.sub(r"\s+", " ", clean).strip(" .")
    clean = re.sub(r'[<>:"|?*]', "_", clean)
    if not clean:
        return "evidence"
    stem, dot, ending = clean.rpartition(".")
    if not dot:
        return clean[:_LONGEST_NAME]
    ending = ending[:20]
    return f"{stem[: _LONGEST_NAME - len(ending) - 1]}.{ending}"
