"""
Profiles: how one kind of inventory file is read, as data.

A profile names the columns it knows, says which of our fields they feed and how values translate, and which columns
tell one system from another. ``docs/inventory-import.md`` explains the format to those who write one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.core.catalogue import CatalogueError, content_digest, read_yaml

from .errors import UnusableProfile
from .reading import ENCODINGS, Table
from .targets import TARGETS, Target
from .text import fold, fold_header

SHIPPED = Path(__file__).resolve().parent.parent / "catalogue" / "import-profiles"
REFUSE, BLANK = "refuse", "blank"


@dataclass(frozen=True)
class Column:
    """A column the profile knows: ``headers`` are the headings it may have, the ``occurrence``-th of that name."""

    key: str
    label: str
    headers: tuple[str, ...]
    required: bool = False
    occurrence: int = 1


@dataclass(frozen=True)
class FieldRule:
    """How one of our fields gets its value. ``values`` goes from a folded source word to one of our choices."""

    target: Target
    columns: tuple[str, ...]
    join: str = " / "
    required: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    unknown: str = BLANK
    empty: str = BLANK
    formats: tuple[str, ...] = ()
    serial_numbers: bool = False

    @property
    def value_if_absent(self) -> str | None:
        """What the field gets when the file has none of its columns."""
        if self.target.kind == "date":
            return None
        return "" if self.empty in (BLANK, REFUSE) else self.empty


@dataclass(frozen=True)
class Profile:
    """One profile, checked. ``namespace`` is shared by the profiles of one inventory over the years."""

    key: str
    version: int
    title: str
    about: str
    namespace: str
    source: str
    encodings: tuple[str, ...]
    columns: tuple[Column, ...]
    identity: tuple[str, ...]
    tell_apart: tuple[str, ...]
    fields: tuple[FieldRule, ...]
    checked_dates: tuple[str, ...]
    checked_formats: tuple[str, ...]
    blank_words: frozenset[str]
    notes: tuple[str, ...]
    content: Mapping[str, Any]

    @property
    def digest(self) -> str:
        return content_digest(dict(self.content))

    @property
    def label(self) -> str:
        return f"{self.title} ({self.key}, version {self.version})"

    def column(self, key: str) -> Column:
        return next(column for column in self.columns if column.key == key)

    def fields_fed_by(self, column_key: str) -> list[str]:
        return [rule.target.label for rule in self.fields if column_key in rule.columns]


def load_profiles(extra_folders: Iterable[Path] = ()) -> dict[str, Profile]:
    """
    Every profile by key: the shipped ones and those in ``extra_folders``, which win over shipped ones of that key.

    :raises UnusableProfile: a file is no profile; the text names the file and what is wrong.
    """
    found: dict[str, Profile] = {}
    for folder in (SHIPPED, *extra_folders):
        for path in sorted(folder.glob("*.y*ml")):
            profile = load_profile(path)
            found[profile.key] = profile
    return found


def load_profile(path: Path) -> Profile:
    """
    The profile in one YAML file.

    :raises UnusableProfile: it is not YAML or does not say what a profile must.
    """
    try:
        content = read_yaml(path)
    except CatalogueError as error:
        raise UnusableProfile(str(error)) from error
    try:
        return parse_profile(content)
    except UnusableProfile as error:
        raise UnusableProfile(f"{path.name}: {error}") from error


def parse_profile(content: Mapping[str, Any]) -> Profile:
    """
    A checked profile from its mapping.

    :raises UnusableProfile: an unknown key, field, choice or column; the text names it.
    """
    _only(content, "the profile", _TOP_KEYS)
    if content.get("kind") != "import-profile":
        raise UnusableProfile('"kind" must be "import-profile".')
    columns = tuple(_column(key, value) for key, value in _mapping(content, "columns").items())
    keys = {column.key for column in columns}
    blank_words = frozenset(fold(str(word)) for word in content.get("blank_words", ()))
    fields = tuple(_field(name, value, keys) for name, value in _mapping(content, "fields").items())
    identity = _mapping(content, "identity")
    _only(identity, "identity", {"columns", "tell_apart"})
    checked = content.get("checked_dates", {})
    _only(checked, "checked_dates", {"columns", "formats"})
    profile = Profile(
        key=str(content["key"]),
        version=int(content["version"]),
        title=str(content.get("title", content["key"])),
        about=str(content.get("about", "")).strip(),
        namespace=str(content.get("namespace", content["key"])),
        source=str(content["source"]),
        encodings=tuple(content.get("encodings", ENCODINGS)),
        columns=columns,
        identity=_known(identity.get("columns", ()), keys, "identity.columns"),
        tell_apart=_known(identity.get("tell_apart", ()), keys, "identity.tell_apart"),
        fields=fields,
        checked_dates=_known(checked.get("columns", ()), keys, "checked_dates.columns"),
        checked_formats=tuple(checked.get("formats", ())),
        blank_words=blank_words,
        notes=tuple(str(note).strip() for note in content.get("notes", ())),
        content=content,
    )
    if not profile.identity:
        raise UnusableProfile("identity.columns must name at least one column.")
    if "name" not in {rule.target.name for rule in fields}:
        raise UnusableProfile('fields must say where "name" comes from.')
    return profile


_TOP_KEYS = {
    "kind", "key", "version", "source", "date", "title", "about", "namespace", "encodings", "columns", "identity",
    "fields", "checked_dates", "blank_words", "notes",
}  # fmt: skip
_FIELD_KEYS = {"from", "join", "required", "values", "unknown", "empty", "formats", "serial_numbers"}


def _column(key: str, value: Any) -> Column:
    if isinstance(value, str | list):
        value = {"headers": value}
    _only(value, f"columns.{key}", {"headers", "required", "occurrence", "label"})
    headers = value.get("headers")
    headers = (headers,) if isinstance(headers, str) else tuple(headers or ())
    if not headers:
        raise UnusableProfile(f"columns.{key} must name at least one heading.")
    return Column(
        key=str(key),
        label=str(value.get("label", headers[0])),
        headers=tuple(str(header) for header in headers),
        required=bool(value.get("required", False)),
        occurrence=int(value.get("occurrence", 1)),
    )


def _field(name: str, value: Any, columns: set[str]) -> FieldRule:
    where = f"fields.{name}"
    if name not in TARGETS:
        raise UnusableProfile(f"{where}: there is no such field. Fields are {', '.join(TARGETS)}.")
    if isinstance(value, str | list):
        value = {"from": value}
    _only(value, where, _FIELD_KEYS)
    target = TARGETS[name]
    source = value.get("from", ())
    rule = FieldRule(
        target=target,
        columns=_known((source,) if isinstance(source, str) else source, columns, f"{where}.from"),
        join=str(value.get("join", " / ")),
        required=str(value.get("required", "") or ""),
        values=_values(target, value.get("values", {}), where),
        unknown=_choice(target, str(value.get("unknown", BLANK)), f"{where}.unknown"),
        empty=_choice(target, str(value.get("empty", BLANK)), f"{where}.empty"),
        formats=tuple(value.get("formats", ())),
        serial_numbers=bool(value.get("serial_numbers", False)),
    )
    if not rule.columns:
        raise UnusableProfile(f"{where}.from must name at least one column.")
    return rule


def _values(target: Target, given: Any, where: str) -> dict[str, str]:
    """``{our choice: [source words]}`` turned round, so that each word is looked up once."""
    values = {fold(choice): choice for choice in target.choices}
    mine: dict[str, str] = {}
    for choice, words in (given or {}).items():
        _choice(target, str(choice), f"{where}.values")
        for word in (words,) if isinstance(words, str) else words:
            folded = fold(str(word))
            if mine.get(folded, choice) != choice:
                raise UnusableProfile(f'{where}.values: "{word}" stands for both {mine[folded]} and {choice}.')
            mine[folded] = str(choice)
    return values | mine


def _choice(target: Target, value: str, where: str) -> str:
    if value in (REFUSE, BLANK) or value in target.choices:
        return value
    raise UnusableProfile(f'{where}: "{value}" is none of {", ".join(target.choices) or "refuse, blank"}.')


def _mapping(content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = content.get(key)
    if not isinstance(value, dict) or not value:
        raise UnusableProfile(f'"{key}" is missing or is no mapping.')
    return value


def _only(content: Any, where: str, known: set[str]) -> None:
    if not isinstance(content, Mapping):
        raise UnusableProfile(f"{where} must be a mapping.")
    if unknown := sorted(set(map(str, content)) - known):
        raise UnusableProfile(f"{where}: unknown {', '.join(unknown)}. Known: {', '.join(sorted(known))}.")


def _known(given: Any, columns: set[str], where: str) -> tuple[str, ...]:
    given = (given,) if isinstance(given, str) else tuple(given)
    if unknown := [key for key in given if key not in columns]:
        raise UnusableProfile(f"{where}: {', '.join(map(str, unknown))} is not under columns.")
    return tuple(given)


# --- Fitting a profile to a file ------------------------------------------------------------------------------------

Places = dict[str, int | None]
"""Where each column of a profile is in a file: its zero-based index, or None when the file has no such column."""


def locate(profile: Profile, headers: Iterable[str]) -> Places:
    """Where the profile's columns are, by their headings alone."""
    found: dict[str, list[int]] = {}
    for index, header in enumerate(headers):
        found.setdefault(fold_header(header), []).append(index)
    places: Places = {}
    taken: set[int] = set()
    for column in profile.columns:
        places[column.key] = None
        for header in column.headers:
            candidates = found.get(fold_header(header), [])
            if len(candidates) >= column.occurrence and candidates[column.occurrence - 1] not in taken:
                places[column.key] = candidates[column.occurrence - 1]
                taken.add(candidates[column.occurrence - 1])
                break
    return places


def check_places(profile: Profile, places: Places, table: Table) -> None:
    """
    Whether the file can be read with these places.

    :raises UnusableProfile: a required column is missing, or a place is outside the file; names column and fix.
    """
    for key, index in places.items():
        if index is not None and not 0 <= index < len(table.headers):
            raise UnusableProfile(f'"{profile.column(key).label}" points to a column the file does not have.')
    missing = [column for column in profile.columns if column.required and places.get(column.key) is None]
    if missing:
        names = "; ".join(f'"{column.label}"' for column in missing)
        headings = ", ".join(f'"{table.header_label(n)}"' for n in range(min(len(table.headers), 12)))
        more = " and more" if len(table.headers) > 12 else ""
        raise UnusableProfile(
            f"The file has no column {names}, which the profile {profile.key} needs. Its columns are {headings}{more}. "
            "Rename the heading in the file, say which column it is in the mapping, or choose another profile."
        )


def detect(profiles: Mapping[str, Profile], headers: Iterable[str]) -> Profile | None:
    """The profile that fits these headings best: all its required columns are there, most columns are known."""
    headers = tuple(headers)
    best: tuple[float, Profile] | None = None
    for profile in profiles.values():
        places = locate(profile, headers)
        if any(column.required and places[column.key] is None for column in profile.columns):
            continue
        known = sum(index is not None for index in places.values())
        score = known + known / len(profile.columns)
        if best is None or score > best[0]:
            best = (score, profile)
    return best[1] if best else None


def unmapped(profile: Profile, places: Places, table: Table) -> list[str]:
    """Headings of columns that feed no field; they are kept with the source row."""
    used = {places.get(key) for rule in profile.fields for key in rule.columns}
    return [table.header_label(index) for index in range(len(table.headers)) if index not in used]


def absent(profile: Profile, places: Places) -> list[str]:
    """One note for each field that no column of the file feeds."""
    return [
        f"No column of the file gives {rule.target.label}; "
        + (f"it is set to {rule.value_if_absent}." if rule.value_if_absent else "it stays open.")
        for rule in profile.fields
        if all(places.get(key) is None for key in rule.columns)
    ]
