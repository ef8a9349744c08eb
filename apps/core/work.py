"""What awaits a person: the shape in which rooms hand their lists to "my work"."""

from dataclasses import dataclass
from datetime import date
from typing import Any

# Ranks, most blocking first. Rooms may use numbers in between.
RANK_SIGN = 10
RANK_VERIFY = 20
RANK_REJECTED = 30
RANK_ANSWER = 40
RANK_CONDITION = 50
RANK_EXPIRING = 60


@dataclass(frozen=True)
class WorkItem:
    """
    One thing a person can do now. ``why`` says why it is theirs; ``rank`` sorts, the smallest being most blocking.

    ``kind`` is one of ``sign, verify, rejected, answer, condition, expiring`` or a word of another room; ``due`` is the
    last day, if there is one.
    """

    kind: str
    title: str
    why: str
    system: Any
    url: str
    rank: int
    due: date | None = None
