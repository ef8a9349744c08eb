"""Whether signatures count: not void, not run out, and over the content as it is now."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F
from django.utils import timezone

from apps.core.canonical import sha256_hex

from .content import Material, SectionContent, contents
from .models import Review, Seat, Section, SignOff, SignOffVoid

OUTSIDE = "the content was changed outside the application"
CLOSED = "The review is closed, so it no longer counts."


@dataclass(frozen=True)
class SectionState:
    """
    How the signature of one section stands at an instant.

    ``status`` is one of ``signed, rejected, lapsed, changed, void, closed, unsigned``; only ``signed`` is effective.
    ``sign_off`` is the signature in the seat, else the last one that ended; ``why`` is a clause that says why.
    """

    section: Section
    status: str
    sign_off: SignOff | None = None
    since: datetime | None = None
    why: str = ""
    ended_by: str = ""

    @property
    def effective(self) -> bool:
        """An approval that counts."""
        return self.status == "signed"

    @property
    def words(self) -> str:
        """Such as "Unsigned since 3 March 2026, because the answer to T-3 Security changed (Ada Lovelace)."."""
        if self.sign_off is None or self.since is None:
            return "Not signed yet."
        day = f"{self.since:%-d %B %Y}"
        if self.status == "signed":
            return f"Signed by {self.sign_off.signer_name} on {day}, valid until {self.sign_off.valid_until:%-d %B %Y}."
        if self.status == "rejected":
            return f"Rejected by {self.sign_off.signer_name} on {day}: {self.why}"
        if self.status == "closed":
            return f"Signed by {self.sign_off.signer_name} on {day}. {self.why}"
        if self.status == "changed":
            return f"The signature of {day} is not in effect, because {self.why}."
        who = f" ({self.ended_by})" if self.ended_by else ""
        return f"Unsigned since {day}, because {self.why}{who}."


def section_states(
    review: Review, at: datetime | None = None, material: Material | None = None
) -> dict[str, SectionState]:
    """
    The state of every section of ``review`` by key, at ``at`` (default: now), with a fixed number of queries.

    ``material`` spares reading the content once more where the caller has just done so.
    """
    at = at or timezone.now()
    if material is None:
        seats = Seat.objects.filter(review=review).select_related("section").order_by("section__position")
        sections = [seat.section for seat in seats]
    else:
        sections = list(material.sections.values())
    rows = (
        SignOff.objects.filter(review=review)
        .select_related("seat", "snapshot", "void__voided_by")
        .defer("snapshot__body")
        .annotate(review_state=F("review__state"))
    )
    given = list(rows)
    taken = {row.section_id: row for row in given if hasattr(row, "seat")}
    ended = [row.void for row in given if hasattr(row, "void")]
    last = {void.sign_off.section_id: void for void in sorted(ended, key=lambda void: (void.voided_at, void.pk))}
    if any(row.review_state == Review.State.CLOSED for row in given):
        return {section.key: _closed_state(section, taken, last) for section in sections}
    now = contents(review, material) if taken else {}
    return {section.key: _state(section, taken.get(section.pk), now, last, at) for section in sections}


def _state(
    section: Section,
    sign_off: SignOff | None,
    now: dict[str, SectionContent],
    ended: dict[int, SignOffVoid],
    at: datetime,
) -> SectionState:
    if sign_off is None:
        return _ended_state(section, ended.get(section.pk))
    if not covers(sign_off, now[section.key]):
        return SectionState(section, "changed", sign_off, sign_off.signed_at, OUTSIDE)
    if sign_off.valid_until <= at:
        return SectionState(section, "lapsed", sign_off, sign_off.valid_until, lapse_reason(sign_off))
    if sign_off.meaning == SignOff.Meaning.REJECTION:
        return SectionState(section, "rejected", sign_off, sign_off.signed_at, sign_off.comment)
    return SectionState(section, "signed", sign_off, sign_off.signed_at)


def _closed_state(section: Section, taken: Mapping[int, SignOff], ended: Mapping[int, SignOffVoid]) -> SectionState:
    """In a closed review nothing counts; its content is no longer watched, so it is not compared either."""
    sign_off = taken.get(section.pk)
    if sign_off is None:
        return _ended_state(section, ended.get(section.pk))
    return SectionState(section, "closed", sign_off, sign_off.signed_at, CLOSED)


def _ended_state(section: Section, void: SignOffVoid | None) -> SectionState:
    if void is None:
        return SectionState(section, "unsigned")
    sign_off = void.sign_off
    if void.cause == SignOffVoid.Cause.LAPSED:
        return SectionState(section, "lapsed", sign_off, sign_off.valid_until, void.reason)
    who = void.voided_by.get_full_name() if void.voided_by.username != "automation" else ""
    return SectionState(section, "void", sign_off, void.voided_at, void.reason, who)


def lapse_reason(sign_off: SignOff) -> str:
    """The clause that says why time ended a signature."""
    return f"the signature ran out: {sign_off.valid_until_reason}"


def covers(sign_off: SignOff, content: SectionContent) -> bool:
    """
    Whether the signature is about exactly this content.

    The digest is taken from the signed payload, after checking that the payload is the one that was signed: a change
    around the application in any of the three places counts.
    """
    payload = bytes(sign_off.payload)
    if sha256_hex(payload) != sign_off.payload_sha256:
        return False
    signed = json.loads(payload)["content"]["sha256"]
    return signed == sign_off.snapshot.sha256 == content.sha256
