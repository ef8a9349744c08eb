"""From one source row to the values of a system: a pure function, with a reason for all it could not use."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from apps.core.canonical import canonical_bytes, sha256_hex

from .dates import parse_date
from .profiles import BLANK, REFUSE, FieldRule, Places, Profile
from .reading import SourceLine, Table
from .text import fold, one_line, shorten

Value = str | date | None


@dataclass(frozen=True)
class MappedRow:
    """
    What a row says about a system.

    ``values`` has every field the profile feeds. ``identity`` tells which system the row is about, ``apart`` tells rows
    with the same identity from each other. Any of ``errors`` refuses the row; ``warnings`` are kept with it.
    """

    number: int
    digest: str
    values: Mapping[str, Value]
    identity: str
    apart: str
    warnings: tuple[str, ...]
    errors: tuple[str, ...]

    @property
    def reason(self) -> str:
        return " ".join(self.errors)


class _Notes:
    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.errors: list[str] = []


def map_row(line: SourceLine, *, table: Table, profile: Profile, places: Places) -> MappedRow:
    """The values, identity, warnings and errors of one row. Never raises for what a row contains."""
    notes = _Notes()
    _check_shape(line, table, notes)
    # In a row of the wrong shape every cell may be under the wrong heading: what its fields say is not worth telling.
    about_fields = notes if not notes.errors else _Notes()
    values = {rule.target.name: _field(rule, line, table, profile, places, about_fields) for rule in profile.fields}
    for key in profile.checked_dates:
        _check_date(key, line, table, profile, places, about_fields)
    return MappedRow(
        number=line.number,
        digest=line.digest,
        values=values,
        identity=_fingerprint([profile.namespace, *_folded(profile.identity, line, places)]),
        apart=_fingerprint(_folded(profile.tell_apart, line, places)),
        warnings=tuple(notes.warnings),
        errors=tuple(notes.errors),
    )


def _check_shape(line: SourceLine, table: Table, notes: _Notes) -> None:
    width = len(table.headers)
    if line.is_blank:
        notes.errors.append("The row is empty.")
    elif any(cell.strip() for cell in line.cells[width:]):
        notes.errors.append(
            f"The row has {len(line.cells)} cells under {width} headings, so its cells cannot be matched to columns. "
            "Most often a separator inside a cell is not within quotation marks."
        )
    elif len(line.cells) < width:
        notes.warnings.append(f"The row has {len(line.cells)} cells under {width} headings; the rest counts as empty.")
    if any("\ufffd" in cell for cell in line.cells):
        notes.warnings.append("Characters of this row were lost before the file was written (shown as \ufffd).")


def _field(rule: FieldRule, line: SourceLine, table: Table, profile: Profile, places: Places, notes: _Notes) -> Value:
    if all(places.get(key) is None for key in rule.columns):
        # Told once for the whole file (profiles.absent), not in every row.
        if rule.required:
            notes.errors.append(f"No column of the file gives {rule.target.label}: {rule.required}")
        return rule.value_if_absent
    where = " + ".join(_label(key, table, profile, places) for key in rule.columns)
    cells = [_cell(line, places.get(key)) for key in rule.columns]
    texts = [cell for cell in cells if cell.strip() and fold(cell) not in profile.blank_words]
    raw = rule.join.join(cell.strip() for cell in texts)
    if rule.target.kind == "choice":
        return _choice(rule, raw, where, notes)
    if rule.target.kind == "date":
        return _date(rule, raw, where, notes)
    notes.warnings.extend(
        f'{where}: "{shorten(cell)}" counts as empty.' for cell in cells if cell.strip() and cell not in texts
    )
    return _text(rule, raw, where, notes)


def _text(rule: FieldRule, raw: str, where: str, notes: _Notes) -> str:
    value = raw
    if rule.target.kind == "line" and (value := one_line(raw)) != raw:
        notes.warnings.append(f"{where}: line breaks or tabs inside the text became single spaces.")
    if rule.required and not value:
        notes.errors.append(f"{where} is empty: {rule.required}")
    limit = rule.target.max_length
    if limit and len(value) > limit:
        notes.errors.append(f"{where}: {len(value)} characters; {rule.target.label} takes at most {limit}.")
    return value


def _choice(rule: FieldRule, raw: str, where: str, notes: _Notes) -> str:
    folded = fold(raw)
    if folded in rule.values:
        return rule.values[folded]
    if folded:
        return _otherwise(rule, rule.unknown, f'{where}: "{shorten(raw)}" is not in the profile', notes)
    # Nothing given and nothing taken needs no words.
    return "" if rule.empty == BLANK else _otherwise(rule, rule.empty, f"{where} is empty", notes)


def _otherwise(rule: FieldRule, what: str, because: str, notes: _Notes) -> str:
    if what == REFUSE:
        notes.errors.append(f"{because}; {rule.target.label} cannot be told. Allowed: {_words(rule)}.")
        return ""
    if what == BLANK:
        notes.warnings.append(f"{because}; {rule.target.label} left open.")
        return ""
    notes.warnings.append(f"{because}; {rule.target.label} set to {what}.")
    return what


def _words(rule: FieldRule) -> str:
    words = sorted(rule.values)
    return ", ".join(words[:12]) + (" and more" if len(words) > 12 else "")


def _date(rule: FieldRule, raw: str, where: str, notes: _Notes) -> date | None:
    if not raw:
        return None
    day, remark = parse_date(raw, formats=rule.formats, serial_numbers=rule.serial_numbers)
    if remark:
        left_open = "" if day else f"; {rule.target.label} left open"
        notes.warnings.append(f'{where}: "{shorten(raw)}" {remark}{left_open}.')
    return day


def _check_date(key: str, line: SourceLine, table: Table, profile: Profile, places: Places, notes: _Notes) -> None:
    """A column that feeds no field but should hold days: what is none is pointed out, and stays in the source row."""
    raw = _cell(line, places.get(key))
    if not raw.strip() or fold(raw) in profile.blank_words:
        return
    day, remark = parse_date(raw, formats=profile.checked_formats)
    if day is None:
        where = _label(key, table, profile, places)
        notes.warnings.append(f'{where}: "{shorten(raw)}" {remark}; kept in the source row only.')


def _cell(line: SourceLine, index: int | None) -> str:
    return line.cells[index] if index is not None and index < len(line.cells) else ""


def _label(key: str, table: Table, profile: Profile, places: Places) -> str:
    index = places.get(key)
    return table.header_label(index) if index is not None else profile.column(key).label


def _folded(keys: tuple[str, ...], line: SourceLine, places: Places) -> list[str]:
    return [fold(_cell(line, places.get(key))) for key in keys]


def _fingerprint(parts: list[Any]) -> str:
    return sha256_hex(canonical_bytes(parts))


def as_stored(values: Mapping[str, Value]) -> dict[str, str]:
    """Mapped values as JSON keeps them: days in ISO form, nothing as an empty text."""
    return {name: value.isoformat() if isinstance(value, date) else value or "" for name, value in values.items()}
