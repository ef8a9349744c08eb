"""Signing sections, taking signatures back, and the conditions stated in them."""

import uuid
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypedDict
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.accounts import stepup
from apps.accounts.models import Proof
from apps.audit.record import record, save_with_history, state_of
from apps.core.canonical import canonical_bytes, sha256_hex
from apps.core.exceptions import NotAllowed, RuleViolation
from apps.core.mail import queue_mail
from apps.gates.status import refresh
from apps.registry.permissions import may_see

from .. import policies
from ..content import SCHEMA, ContentChanged, SectionContent, changes_since, section_content, statement_for
from ..effective import OUTSIDE
from ..models import Condition, Review, Seat, Section, SignOff, SignOffVoid, Snapshot
from ..needs import NeedsTable, Standing
from ._shared import check_version, lock_system, locked_review, stated, today
from ._voiding import void_seats


class StatedCondition(TypedDict):
    """One condition as a form hands it over: what, who (a user) and until which day."""

    text: str
    owner: Any
    due_on: date


@dataclass(frozen=True)
class _Request:
    """What the signer sent."""

    by: Any
    meaning: str
    statement: str
    digest: str
    seen: dict[str, int]
    conditions: Sequence[StatedCondition]
    comment: str
    zone: str


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

    ``statement`` is the text the person read (``content.statement_for``), ``digest`` the SHA-256 of the content they
    saw, ``seen`` what :class:`content.SectionContent` gave the form beside it, so that a refusal can say what changed.
    A rejection needs a comment instead of complete items, and takes the seat like an approval.

    A refusal is put on record too.

    :raises NotAllowed: no right, or a duty stands against it; a token, or an account without a password of its own.
    :raises ContentChanged: the content is no longer what ``digest`` says; ``changes`` lists what is different.
    :raises RuleViolation: wrong password or code, items open, signed already, another statement, an impossible
        condition, a rejection without a comment.
    """
    request = _Request(by, meaning, statement, digest, seen or {}, conditions, comment.strip(), _known_zone(zone))
    try:
        verified = stepup.verify(by, password=password, code=code)
        with transaction.atomic():
            return _complete(review, section, request, verified)
    except (NotAllowed, RuleViolation) as refusal:
        _record_refusal(review, section, by, refusal, digest)
        raise


def _known_zone(name: str) -> str:
    """The signer's time zone, or UTC where the browser sent something else."""
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, zoneinfo.ZoneInfoNotFoundError, OSError):
        return "UTC"
    return name


def _record_refusal(review: Review, section: Section, by: Any, refusal: Exception, digest: str) -> None:
    record(
        act="signoff.refused",
        obj=review,
        by=by,
        reason=f"{section}: {refusal}",
        ref={
            "section": section.key,
            "code": getattr(refusal, "code", "not_allowed"),
            "content": digest if len(digest) == 64 else "",
        },
    )


def _complete(review: Review, section: Section, request: _Request, verified: stepup.Verified) -> SignOff:
    """Everything in one transaction: what is checked here is what is there when it commits."""
    review = locked_review(review)
    if section.template_id != review.template_id:
        raise RuleViolation("This section belongs to another checklist.", code="foreign_section")
    by, now = request.by, timezone.now()
    # Asked again after the lock: a right may have gone while the page was open.
    authority = policies.check_may_sign(review, section, user=by)
    _check_proof(verified, review, section)
    seat = policies.check_seat_is_free(review, section, now)
    if seat.sign_off is not None:
        # Lapsed, or over content that was changed around the application.
        _clear(seat, by=by)
    content = section_content(review, section)
    if content.sha256 != request.digest:
        raise ContentChanged(changes_since(review, section, _sane(request.seen)))
    _check_request(request, section, review)
    required = policies.required_items(review, section, now)
    if request.meaning == SignOff.Meaning.APPROVAL:
        policies.check_section_complete(required)
    made = _write(review, section, request, verified, content, authority, _end(required, now), now)
    taken = Seat.objects.filter(pk=seat.pk, sign_off=None).update(sign_off=made)
    if taken != 1:
        raise RuleViolation("Somebody else signed this section at the same moment.", code="signed_already")
    _track_conditions(made, review, request)
    record(
        act="signoff.completed",
        obj=made,
        by=by,
        system=review.system,
        reason=f"{section} signed: {made.get_meaning_display().lower()}",
        after=state_of(made),
        ref={"signoff": made.payload_sha256, "content": content.sha256},
    )
    refresh(review.system, by=by)
    return made


def _clear(seat: Seat, *, by: Any) -> None:
    void_seats(Seat.objects.filter(pk=seat.pk), by=by, cause=SignOffVoid.Cause.CONTENT_CHANGED, reason=OUTSIDE)
    seat.sign_off = None


def _sane(seen: dict[str, int]) -> dict[str, int]:
    """What a form sent back, without values no version can have."""
    return {str(key): value for key, value in seen.items() if type(value) is int and 0 < value < 2**31}


_STRENGTH = {"password": 0, "second_factor": 1, "passkey": 2}


def _check_proof(verified: stepup.Verified, review: Review, section: Section) -> None:
    """:raises RuleViolation: the policy asks for a stronger proof for this section and tier."""
    rules = NeedsTable.load().sign_off.get("proof", {})
    least = [rules.get("minimum", "password")]
    for line in rules.get("raise", []):
        on_tier = review.system.effective_tier in line.get("tiers", [1, 2, 3])
        if on_tier and section.key in line.get("sections", [section.key]):
            least.append(line["minimum"])
    needed = max(least, key=lambda name: _STRENGTH[name])
    given = "password" if verified.method == Proof.Method.PASSWORD else "second_factor"
    if _STRENGTH[given] < _STRENGTH[needed]:
        raise RuleViolation(
            f"Signing this section takes a {needed.replace('_', ' ')}, not a password alone.",
            code="proof_too_weak",
            field="code",
            help="Set one up on your profile page, then sign.",
        )


def _check_request(request: _Request, section: Section, review: Review) -> None:
    """What the signer said: the statement as it stands, and everything that goes with it."""
    if request.meaning not in SignOff.Meaning.values:
        raise RuleViolation("A signature approves or rejects.", code="meaning_unknown", field="meaning")
    if " ".join(request.statement.split()) != statement_for(section, request.meaning):
        raise RuleViolation(
            "The statement you read is not the one of this section. Read it again, then sign.", code="statement_changed"
        )
    if request.meaning == SignOff.Meaning.REJECTION:
        stated(request.comment, "Say why you reject it, so that the team knows what to do.", field="comment")
        if request.conditions:
            raise RuleViolation("A rejection has no conditions.", code="conditions_unexpected", field="conditions")
    for condition in request.conditions:
        _check_condition(condition, request.by, review)


def _check_condition(condition: StatedCondition, by: Any, review: Review) -> None:
    stated(condition["text"], "Say what the condition is.", field="conditions")
    if condition["due_on"] < today(by):
        raise RuleViolation("The day of a condition has passed.", code="due_passed", field="conditions")
    if not may_see(condition["owner"], review.system):
        raise RuleViolation(
            f"{condition['owner']} has no role on this system and could not fulfil the condition.",
            code="condition_owner",
            field="conditions",
        )


def _end(required: list[Standing], now: datetime) -> tuple[datetime, str]:
    """Until when the signature can last, and why not longer."""
    days = NeedsTable.load().sign_off["max_valid_days"]
    ends = [(now + timedelta(days=days), f"a signature lasts {days} days at most")]
    ends += [(row.until, row.end_words) for row in required if row.until is not None]
    return min(ends, key=lambda end: end[0])


def _write(
    review: Review,
    section: Section,
    request: _Request,
    verified: stepup.Verified,
    content: SectionContent,
    authority: policies.Authority,
    end: tuple[datetime, str],
    now: datetime,
) -> SignOff:
    """The signature with its payload, proof and snapshot."""
    uid = uuid.uuid4()
    conditions = [
        {"text": one["text"].strip(), "owner": str(one["owner"].uid), "due_on": one["due_on"].isoformat()}
        for one in request.conditions
    ]
    system, template, principal = review.system, review.template, authority.principal
    statement = statement_for(section, request.meaning)
    payload = canonical_bytes(
        {
            "typ": "aifactory.signoff/v1",
            "id": uid,
            "instance": urlsplit(settings.SITE_URL).netloc,
            "review": review.uid,
            "section": section.key,
            "meaning": str(request.meaning),
            "subject": {"system": system.uid, "name": system.name, "phase": review.phase},
            "content": {"schema": SCHEMA, "sha256": content.sha256},
            "template": {"key": template.key, "version": template.version, "sha256": template.sha256},
            "statement": statement,
            "lang": template.body.get("language", "en"),
            "conditions": conditions,
            "comment": request.comment,
            "signer": {"sub": request.by.uid, "on_behalf_of": principal.uid if principal else None},
            "authority": {"role": str(authority.role)},
            "auth": {"method": str(verified.method)},
            "signed_at": now,
            "zone": request.zone,
            "valid_until": end[0],
            "valid_until_reason": end[1],
        }
    )
    snapshot, _ = Snapshot.objects.get_or_create(
        sha256=content.sha256, defaults={"body": content.canonical, "taken_at": now}
    )
    digest = sha256_hex(payload)
    return SignOff.objects.create(
        uid=uid,
        review=review,
        section=section,
        meaning=request.meaning,
        statement=statement,
        conditions=conditions,
        comment=request.comment,
        signer=request.by,
        signer_name=request.by.get_full_name(),
        role=authority.role,
        on_behalf_of=principal,
        signed_at=now,
        zone=request.zone,
        valid_until=end[0],
        valid_until_reason=end[1][:300],
        proof=stepup.keep(verified, purpose="sign-off", digest=digest),
        snapshot=snapshot,
        payload=payload,
        payload_sha256=digest,
    )


def _track_conditions(made: SignOff, review: Review, request: _Request) -> None:
    """Conditions become tasks with an owner and a day; their owners hear of it."""
    for one in request.conditions:
        condition = Condition(
            sign_off=made, system=review.system, text=one["text"].strip(), owner=one["owner"], due_on=one["due_on"]
        )
        save_with_history(condition, by=request.by, reason=f"Condition of {made.section}", act="condition.stated")
        queue_mail(
            one["owner"],
            subject=f"{review.system.name}: a condition to fulfil by {one['due_on']:%-d %B %Y}",
            body=f"{request.by} signed {made.section} on the condition:\n\n{condition.text}",
            path=review.get_absolute_url(),
        )


@transaction.atomic
def withdraw_sign_off(sign_off: SignOff, *, by: Any, reason: str) -> SignOffVoid:
    """
    Take one's own signature back.

    :raises NotAllowed: somebody else's signature.
    :raises RuleViolation: it is over already, no reason, or the review is closed.
    """
    review = locked_review(sign_off.review)
    row = SignOff.objects.select_related("review", "section").get(pk=sign_off.pk)
    policies.check_can_withdraw_sign_off(row, user=by)
    reason = stated(reason, "Say why you take it back.")
    seats = Seat.objects.filter(review=review, sign_off=row)
    words = f"the signer took the signature back: {reason}"
    voids = void_seats(seats, by=by, cause=SignOffVoid.Cause.WITHDRAWN, reason=words)
    refresh(review.system, by=by)
    return voids[0]


@transaction.atomic
def complete_condition(condition: Condition, *, by: Any, note: str, expected_version: int | None = None) -> Condition:
    """
    Say that a condition is fulfilled, and how; the signer hears of it.

    :raises NotAllowed: neither its owner nor the signer.
    :raises RuleViolation: done already, no note, or the signature no longer counts.
    :raises StaleObject: it changed since ``expected_version``.
    """
    system = lock_system(condition.system_id)
    row = Condition.objects.select_related("sign_off__signer", "sign_off__review", "owner").get(pk=condition.pk)
    row.system = system
    policies.check_can_complete_condition(row, user=by)
    check_version(row, expected_version)
    row.done_note = stated(note, "Say how it was fulfilled.", field="note")
    row.done_by, row.done_at = by, timezone.now()
    save_with_history(
        row, by=by, reason="Condition fulfilled", fields=["done_by", "done_at", "done_note"], act="condition.completed"
    )
    if row.sign_off.signer_id != by.pk:
        queue_mail(
            row.sign_off.signer,
            subject=f"{system.name}: your condition is fulfilled",
            body=f"{row.text}\n\n{by}: {row.done_note}",
            path=row.sign_off.review.get_absolute_url(),
        )
    refresh(system, by=by)
    return row
