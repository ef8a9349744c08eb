"""Evidence: taken in, attached to items, corrected, withdrawn."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.core.files.base import File

from apps.readiness.models import Evidence, EvidenceLink, ReviewItem
from apps.registry.models import AISystem


def add_evidence(
    system: AISystem,
    *,
    by: Any,
    kind: str,
    title: str,
    effective_on: date,
    valid_until: date | None = None,
    note: str = "",
    url: str = "",
    reference: str = "",
    upload: File | None = None,
    attach_to: Iterable[ReviewItem] = (),
) -> Evidence:
    """Take evidence in for a system and attach it to items of its reviews."""
    raise NotImplementedError


def attach_evidence(
    review_item: ReviewItem, *, by: Any, evidence: Evidence, expected_version: int | None = None
) -> EvidenceLink:
    """Attach evidence of the same system to an item."""
    raise NotImplementedError


def detach_evidence(link: EvidenceLink, *, by: Any, reason: str) -> ReviewItem:
    """Take evidence away from an item; the evidence itself stays with the system."""
    raise NotImplementedError


def change_evidence(
    evidence: Evidence,
    *,
    by: Any,
    expected_version: int | None = None,
    title: str | None = None,
    note: str | None = None,
    url: str | None = None,
    reference: str | None = None,
    effective_on: date | None = None,
    valid_until: Any = ...,
) -> Evidence:
    """Correct what is said about evidence; a file is never exchanged. What is left out stays."""
    raise NotImplementedError


def withdraw_evidence(
    evidence: Evidence, *, by: Any, reason: str, expected_version: int | None = None
) -> Evidence:
    """Say that evidence no longer counts; it stays readable."""
    raise NotImplementedError
