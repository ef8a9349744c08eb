"""Comparing text the way a person does: case, stray spaces and typographic variants do not count."""

import re
import unicodedata

_SAME = str.maketrans(
    {
        "\u2018": "'", "\u2019": "'", "\u201b": "'", "\u00b4": "'", "`": "'", "\ufffd": "'",
        "\u201c": '"', "\u201d": '"', "\u201e": '"',
        "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\u2212": "-",
    }
)  # fmt: skip
_SPACE = re.compile(r"\s+")
_LINE_BREAK = re.compile(r"\s*[\r\n\t\v\f\x85\u2028\u2029]+\s*")


def fold(text: str) -> str:
    """``text`` for comparing, never for storing: no case, single spaces, plain quotes and dashes."""
    return _SPACE.sub(" ", unicodedata.normalize("NFKC", text.translate(_SAME))).strip().casefold()


def fold_header(text: str) -> str:
    """A column heading for comparing; closing punctuation does not count either."""
    return fold(text).rstrip(" .:?*")


def one_line(text: str) -> str:
    """``text`` with line breaks and tabs turned into single spaces; ends trimmed, all else as it was."""
    return _LINE_BREAK.sub(" ", text.strip())


def shorten(text: str, limit: int = 60) -> str:
    """``text`` on one line for a message, cut at ``limit`` characters."""
    line = one_line(text)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def column_letter(index: int) -> str:
    """The spreadsheet letter of the column at zero-based ``index``: 0 is A, 26 is AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
