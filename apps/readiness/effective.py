"""Whether signatures count: not void, not run out, and over the content as it is now."""

from dataclasses import dataclass
from datetime import datetime

from .models import Review, Section, SignOff


@dataclass(frozen=True)
class SectionState:
    """
    How the signature of one section stands at an instant.

    ``status`` is one of ``signed, rejected, lapsed, changed, void, unsigned``; only ``signed`` is effective. ``sign_off``
    is the signature in the seat, else the last one that ended. ``words`` is the sentence for people.
    """

    section: Section
    status: str
    sign_off: SignOff | None
    since: datetime | None
    why: str
    sha256: str

    @property
    def effective(self) -> bool:
        """An approval that counts."""
        return self.status == "signed"

    @property
    def words(self) -> str:
        """Such as "Unsigned since 3 March 2026, because the answer to T-3 Security changed"."""
        raise NotImplementedError


def section_states(review: Review, at: datetime | None = None) -> dict[str, SectionState]:
    """The state of every section of ``review`` by key, at ``at`` (default: now), with a fixed number of queries."""
    raise NotImplementedError
