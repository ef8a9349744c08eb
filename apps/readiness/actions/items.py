"""Answering items, judging answers, talking about them."""

from datetime import date
from typing import Any

from apps.readiness.models import Comment, ReviewItem


def assign_item(
    review_item: ReviewItem, *, by: Any, to: Any, due_on: date | None = None, expected_version: int | None = None
) -> ReviewItem:
    """Ask ``to`` (None: nobody) to answer an item by a day. Voids nothing: it is no content."""
    raise NotImplementedError


def answer_item(
    review_item: ReviewItem, *, by: Any, answer: str, expected_version: int | None = None, submit: bool = False
) -> ReviewItem:
    """Write the answer; with ``submit`` hand it over for verification."""
    raise NotImplementedError


def submit_item(review_item: ReviewItem, *, by: Any, expected_version: int | None = None) -> ReviewItem:
    """Hand the answer over for verification."""
    raise NotImplementedError


def propose_not_applicable(
    review_item: ReviewItem, *, by: Any, condition: str, reason: str, expected_version: int | None = None
) -> ReviewItem:
    """Propose that the item does not apply, under a condition of the catalogue; a second person decides."""
    raise NotImplementedError


def reopen_item(
    review_item: ReviewItem, *, by: Any, reason: str, expected_version: int | None = None
) -> ReviewItem:
    """Take a submitted, verified, rejected or set-aside item up again."""
    raise NotImplementedError


def verify_item(
    review_item: ReviewItem,
    *,
    by: Any,
    note: str = "",
    valid_until: date | None = None,
    expected_version: int | None = None,
) -> ReviewItem:
    """Confirm an answer, or that the item does not apply, until it has to be looked at again."""
    raise NotImplementedError


def reject_item(review_item: ReviewItem, *, by: Any, note: str, expected_version: int | None = None) -> ReviewItem:
    """Send an answer back, saying what is missing."""
    raise NotImplementedError


def add_comment(review_item: ReviewItem, *, by: Any, text: str) -> Comment:
    """Add to the discussion of an item. Voids nothing: it is no content."""
    raise NotImplementedError
