"""What a signature is about: the content of a section in canonical JSON, and its digest."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from apps.core.exceptions import RuleViolation

from .models import Review, Section


@dataclass(frozen=True)
class SectionContent:
    """
    The content of one section at this moment.

    ``body`` is what is signed (uids, never names), ``canonical`` its RFC 8785 bytes, ``sha256`` their digest. ``seen``
    goes into the form beside the digest: the version of each row, so that a refusal can name what changed meanwhile.
    """

    section: Section
    body: dict[str, Any]
    canonical: bytes
    sha256: str
    seen: dict[str, int]


@dataclass(frozen=True)
class Change:
    """One difference between what somebody read and what is there now, fit for ``components/diff_table.html``."""

    label: str
    old: str
    new: str


class ContentChanged(RuleViolation):
    """What was signed is not what is there now; ``changes`` says what is different."""

    def __init__(self, changes: list[Change]) -> None:
        what = "; ".join(change.label for change in changes[:5]) or "the content"
        super().__init__(
            f"Nothing was signed: it changed since you opened the page ({what}). Read it again, then sign.",
            code="content_changed",
        )
        self.changes = changes


def contents(review: Review) -> dict[str, SectionContent]:
    """The content of all sections by key, with a fixed number of queries."""
    raise NotImplementedError


def section_content(review: Review, section: Section) -> SectionContent:
    """The content of one section."""
    raise NotImplementedError


def section_snapshot(review: Review, section: Section) -> tuple[bytes, str]:
    """The canonical bytes of a section and their SHA-256."""
    raise NotImplementedError


def names_in(body: dict[str, Any]) -> dict[str, str]:
    """Full names for the uids of people in a section's content, for showing it."""
    raise NotImplementedError


def changes_since(review: Review, section: Section, seen: dict[str, int]) -> list[Change]:
    """What is different now from what ``seen`` describes, in words for people."""
    raise NotImplementedError


def end_of(day: date) -> datetime:
    """The first instant after ``day`` in UTC: what is valid until a day is valid on that day."""
    raise NotImplementedError
