"""Opening and closing reviews, and which model versions they are about."""

from collections.abc import Iterable
from typing import Any

from apps.readiness.models import Review
from apps.registry.models import AISystem, ModelVersion


def open_review(
    system: AISystem, *, by: Any, phase: str, versions: Iterable[ModelVersion] | None = None
) -> Review:
    """
    Open a review of ``system`` towards ``phase``, about ``versions`` (default: those it uses now).

    :raises NotAllowed: neither works on the system nor in the governance office.
    :raises RuleViolation: no review leads into that phase, or one of the same versions is open already.
    """
    raise NotImplementedError


def close_review(review: Review, *, by: Any, reason: str, expected_version: int | None = None) -> Review:
    """
    Close a review: nothing in it changes any more, and its signatures no longer count at the gate.

    :raises NotAllowed: neither owner nor governance office.
    :raises RuleViolation: closed already, or no reason.
    :raises StaleObject: it changed since ``expected_version``.
    """
    raise NotImplementedError


def change_reviewed_versions(
    review: Review, *, by: Any, versions: Iterable[ModelVersion], expected_version: int | None = None
) -> Review:
    """
    Say which model versions the review is about. All signatures given so far end.

    :raises NotAllowed: neither works on the system nor in the governance office.
    :raises RuleViolation: the review is closed, or the versions are not ones ``by`` may see.
    """
    raise NotImplementedError
