"""Signing sections, taking signatures back, and the conditions stated in them."""

from collections.abc import Sequence
from typing import Any, TypedDict

from apps.readiness.models import Condition, Review, Section, SignOff, SignOffVoid


class StatedCondition(TypedDict):
    """One condition as a form hands it over: what, who (a user) and until which day."""

    text: str
    owner: Any
    due_on: Any


def sign_off(
    review: Review,
    section: Section,
    *,
    by: Any,
    password: str,
    code: str = "",
    meaning: str = SignOff.Meaning.APPROVAL,
    statement: str,
    digest: str,
    seen: dict[str, int] | None = None,
    conditions: Sequence[StatedCondition] = (),
    comment: str = "",
    zone: str = "UTC",
) -> SignOff:
    """
    Sign one section of a review in the name of ``by``.

    ``statement`` is the text the person read, ``digest`` the SHA-256 of the content they saw, ``seen`` what
    :class:`content.SectionContent` gave the form beside it, so that a refusal can say what changed.

    :raises NotAllowed: no right, or a duty stands against it.
    :raises ContentChanged: the content is no longer what ``digest`` says; ``changes`` lists what is different.
    :raises RuleViolation: wrong password, blockers open, seat taken, another statement.
    """
    raise NotImplementedError


def withdraw_sign_off(sign_off: SignOff, *, by: Any, reason: str) -> SignOffVoid:
    """Take one's own signature back."""
    raise NotImplementedError


def complete_condition(
    condition: Condition, *, by: Any, note: str, expected_version: int | None = None
) -> Condition:
    """Say that a condition is fulfilled, and how."""
    raise NotImplementedError
