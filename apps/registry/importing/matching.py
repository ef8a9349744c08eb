"""
Which row is which system: the same row again, a changed row, a new system, or nobody can tell.

Names repeat in real inventories, so a row is matched within its identity (say agency, bureau and name) in three steps:
the very same content, then the same content in the columns that tell apart, then whoever alone is left on both sides.
Where more than one pairing is possible none is guessed.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from .mapping import MappedRow


class Verdict(StrEnum):
    """What is to be done with a row."""

    NEW = "new"
    SAME = "same"
    CHANGED = "changed"
    REFUSED = "refused"


@dataclass(frozen=True)
class Known:
    """A row imported before: ``key`` is whatever the caller knows it by."""

    key: int
    identity: str
    apart: str
    digest: str


@dataclass(frozen=True)
class Match:
    """What is to be done with the row at ``number``; ``known`` is the earlier row for SAME and CHANGED."""

    number: int
    verdict: Verdict
    known: int | None = None
    reason: str = ""


def match_rows(rows: Iterable[MappedRow], known: Iterable[Known]) -> dict[int, Match]:
    """One :class:`Match` per row, by row number. Does not depend on the order in which rows were imported before."""
    matches: dict[int, Match] = {}
    groups: dict[str, list[MappedRow]] = defaultdict(list)
    for row in rows:
        if row.errors:
            matches[row.number] = Match(row.number, Verdict.REFUSED, reason=row.reason)
        else:
            groups[row.identity].append(row)
    before: dict[str, list[Known]] = defaultdict(list)
    for entry in known:
        before[entry.identity].append(entry)
    for identity, group in groups.items():
        matches.update(_match_group(group, before.get(identity, [])))
    return matches


def _match_group(group: list[MappedRow], known: list[Known]) -> dict[int, Match]:
    matches: dict[int, Match] = {}
    rows: list[MappedRow] = []
    first_with: dict[str, int] = {}
    for row in group:
        if row.digest in first_with:
            reason = (
                f"Every cell is the same as in row {first_with[row.digest]}, so this would be the same system twice."
            )
            matches[row.number] = Match(row.number, Verdict.REFUSED, reason=reason)
        else:
            first_with[row.digest] = row.number
            rows.append(row)
    left = list(known)
    rows, left = _pair(rows, left, "digest", Verdict.SAME, matches)
    rows, left = _pair(rows, left, "apart", Verdict.CHANGED, matches)
    if len(rows) == 1 and len(left) == 1:
        matches[rows[0].number] = Match(rows[0].number, Verdict.CHANGED, known=left[0].key)
    elif not left:
        matches.update({row.number: Match(row.number, Verdict.NEW) for row in rows})
    else:
        matches.update({row.number: Match(row.number, Verdict.REFUSED, reason=_unclear(rows, left)) for row in rows})
    return matches


def _pair(
    rows: list[MappedRow], known: list[Known], by: str, verdict: Verdict, matches: dict[int, Match]
) -> tuple[list[MappedRow], list[Known]]:
    """Pair what has the same ``by``, once on each side; returns what is left."""
    row_by, known_by = defaultdict(list), defaultdict(list)
    for row in rows:
        row_by[getattr(row, by)].append(row)
    for entry in known:
        known_by[getattr(entry, by)].append(entry)
    paired: set[str] = set()
    for value, same in row_by.items():
        if len(same) == 1 and len(known_by[value]) == 1:
            matches[same[0].number] = Match(same[0].number, verdict, known=known_by[value][0].key)
            paired.add(value)
    return (
        [row for row in rows if getattr(row, by) not in paired],
        [entry for entry in known if getattr(entry, by) not in paired],
    )


def _unclear(rows: list[MappedRow], left: list[Known]) -> str:
    numbers = ", ".join(str(row.number) for row in rows[:5]) + (" ..." if len(rows) > 5 else "")
    return (
        f"Changed or new, and it cannot be told which: rows {numbers} of this file and {len(left)} systems imported "
        "before have the same name and place. Nothing was guessed: give the systems names that differ, or change them "
        "by hand."
    )
