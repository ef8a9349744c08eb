"""
What signatures cover beyond the review itself: rooms hand in their part by name.

A room has a module ``snapshot`` (found like Django finds ``admin.py``) with functions such as::

    @snapshot_part("kpis", title="the business KPIs", sections=["business"])
    def kpis(system: AISystem) -> dict: ...

The registry is on the ground floor, because rooms on one floor do not import each other. A part is plain JSON without
names of people. Its room announces a change with the part's name among the fields of ``registry.signals.announce``; the
signatures that cover it end then.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.utils.module_loading import autodiscover_modules

Build = Callable[[Any], Any]


@dataclass(frozen=True)
class SnapshotPart:
    """``title`` goes into sentences such as "the business KPIs changed"; ``sections`` None: every section covers it."""

    name: str
    title: str
    sections: frozenset[str] | None
    build: Build

    def covers(self, section_key: str) -> bool:
        return self.sections is None or section_key in self.sections


_PARTS: dict[str, SnapshotPart] = {}


def snapshot_part(name: str, *, title: str, sections: Iterable[str] | None = None) -> Callable[[Build], Build]:
    """
    Register the function that builds the part ``name`` of what is signed in ``sections`` (left out: in all).

    :raises ValueError: the name is taken.
    """

    def register(build: Build) -> Build:
        if name in _PARTS and _PARTS[name].build is not build:
            raise ValueError(f"Two parts of the snapshot are named {name}.")
        _PARTS[name] = SnapshotPart(name, title, frozenset(sections) if sections is not None else None, build)
        return build

    return register


@cache
def _discover() -> None:
    """Once a process: looking for modules costs more than building most parts."""
    autodiscover_modules("snapshot")


def snapshot_parts() -> list[SnapshotPart]:
    """All parts that the installed rooms bring, by name."""
    _discover()
    return [_PARTS[name] for name in sorted(_PARTS)]
