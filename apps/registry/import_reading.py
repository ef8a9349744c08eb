"""A stored or uploaded inventory file as its profile reads it, and how its rows stand against the registry."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage

from apps.core.exceptions import RuleViolation

from .importing.errors import UnreadableFile
from .importing.mapping import MappedRow, map_row
from .importing.matching import Known, Match, match_rows
from .importing.profiles import Places, Profile, absent, check_places, detect, load_profiles, parse_profile, unmapped
from .importing.reading import ENCODINGS, Table, read_bytes
from .models import ImportRun, SourceRow


@dataclass(frozen=True)
class Reading:
    """A file with its profile fitted to it, and every row mapped. Says nothing about the registry."""

    table: Table
    profile: Profile
    places: Places
    rows: tuple[MappedRow, ...]

    @property
    def notes(self) -> list[str]:
        """What was decided while reading, for people."""
        return notes_on(self.table, self.profile, self.places)

    @property
    def kept_only(self) -> list[str]:
        """Headings of the columns that feed no field."""
        return unmapped(self.profile, self.places, self.table)

    def match(self) -> dict[int, Match]:
        """What is to be done with each row as the registry is now."""
        return match_rows(self.rows, _known(self.profile.namespace))


def notes_on(table: Table, profile: Profile, places: Places) -> list[str]:
    """What was decided while reading, for people."""
    return [*table.notes, *absent(profile, places), *profile.notes]


def profiles() -> dict[str, Profile]:
    """Every profile by key: the shipped ones and those the organisation put into its data folder."""
    return load_profiles([Path(settings.DATA_DIR) / "import-profiles"])


def profile_named(key: str) -> Profile | None:
    if not key:
        return None
    known = profiles()
    if key not in known:
        raise RuleViolation(
            f'There is no profile "{key}". Profiles: {", ".join(known)}.', code="unknown_profile", field="profile"
        )
    return known[key]


def read_with(data: bytes, *, profile_key: str = "") -> tuple[Table, Profile]:
    """
    A file as a table, and the named profile or the one its headings fit best.

    :raises UnreadableFile: the file cannot be read.
    :raises RuleViolation: there is no such profile.
    """
    chosen = profile_named(profile_key)
    table = read_bytes(data, encodings=chosen.encodings if chosen else ENCODINGS)
    known = profiles()
    return table, chosen or detect(known, table.headers) or known["generic"]


def fit(table: Table, profile: Profile, places: Places) -> Reading:
    """
    Every row of the file, mapped.

    :raises UnusableProfile: a column the profile needs is missing.
    """
    check_places(profile, places, table)
    rows = tuple(map_row(line, table=table, profile=profile, places=places) for line in table.lines)
    return Reading(table, profile, places, rows)


def reading_of(run: ImportRun) -> Reading:
    """
    The stored file of a run as its profile and mapping read it.

    :raises UnreadableFile: the file is gone from the store.
    :raises UnusableProfile: a column the profile needs is missing.
    """
    return _stored_reading(run.file.name, json.dumps(run.profile), json.dumps(run.mapping))


@lru_cache(maxsize=1)  # one step after another reads the same file
def _stored_reading(name: str, profile_json: str, mapping_json: str) -> Reading:
    return fit(_stored_table(name, profile_json), parse_profile(json.loads(profile_json)), json.loads(mapping_json))


def table_of(run: ImportRun) -> Table:
    """
    The stored file of a run as a table.

    :raises UnreadableFile: the file is gone from the store.
    """
    return _stored_table(run.file.name, json.dumps(run.profile))


@lru_cache(maxsize=1)
def _stored_table(name: str, profile_json: str) -> Table:
    try:
        with default_storage.open(name) as file:
            data = file.read()
    except OSError as error:
        raise UnreadableFile("The uploaded file is no longer in the store. Upload it again.") from error
    return read_bytes(data, encodings=parse_profile(json.loads(profile_json)).encodings)


def _known(namespace: str) -> list[Known]:
    current = SourceRow.objects.filter(namespace=namespace, is_current=True)
    return [Known(*row) for row in current.values_list("system_id", "identity", "apart", "raw_sha256")]
