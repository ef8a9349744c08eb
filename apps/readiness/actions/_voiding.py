"""Ending signatures: the void, the emptied seat, the ledger entry, and mail to owner and signers."""

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import record
from apps.core.mail import queue_mail
from apps.registry.people import People
from apps.registry.roles import Role

from ..effective import lapse_reason
from ..models import Review, Seat, Section, SignOff, SignOffVoid


def void_section(review: Review, section: Section, *, by: Any, cause: str, reason: str) -> list[SignOffVoid]:
    """End the signature in one section's seat, if there is one."""
    return void_seats(Seat.objects.filter(review=review, section=section), by=by, cause=cause, reason=reason)


def void_review(review: Review, *, by: Any, cause: str, reason: str) -> list[SignOffVoid]:
    """End all signatures of a review."""
    return void_seats(Seat.objects.filter(review=review), by=by, cause=cause, reason=reason)


def void_seats(seats: QuerySet[Seat], *, by: Any, cause: str, reason: str) -> list[SignOffVoid]:
    """
    End the signatures in ``seats`` of one system, which the caller has locked.

    ``reason`` is a clause: "the answer to T-3 Security changed". A signature whose time was up before is recorded as
    lapsed, whatever else happened now.
    """
    taken = seats.exclude(sign_off=None)
    rows = taken.select_related("section", "sign_off__signer", "sign_off__review__system")
    voids = [_void(seat, by=by, cause=cause, reason=reason) for seat in rows]
    if voids:
        _tell(voids)
    return voids


def _void(seat: Seat, *, by: Any, cause: str, reason: str) -> SignOffVoid:
    sign_off: Any = seat.sign_off
    now = timezone.now()
    if sign_off.valid_until <= now:
        cause, reason = SignOffVoid.Cause.LAPSED, lapse_reason(sign_off)
    void = SignOffVoid.objects.create(sign_off=sign_off, cause=cause, reason=reason, voided_by=by, voided_at=now)
    Seat.objects.filter(pk=seat.pk, sign_off=sign_off).update(sign_off=None)
    record(
        act="signoff.voided",
        obj=sign_off,
        by=by,
        reason=f"The signature of {seat.section} no longer counts, because {reason}",
        after={"cause": cause, "reason": reason, "voided_at": now},
        ref={"signoff": sign_off.payload_sha256, "cause": str(cause)},
    )
    return void


def _tell(voids: list[SignOffVoid]) -> None:
    """One mail to the owner about all, one to each signer about theirs."""
    system = voids[0].sign_off.system
    owners = User.objects.filter(pk__in=People(system).who_owes(Role.OWNER).user_ids)
    for owner in owners:
        _mail(owner, voids)
    told = {owner.pk for owner in owners}
    for void in voids:
        if void.sign_off.signer_id not in told:
            _mail(void.sign_off.signer, [void])


def _mail(user: User, voids: list[SignOffVoid]) -> None:
    review = voids[0].sign_off.review
    lines = "\n".join(f"- {_line(void)}" for void in voids)
    what = "a signature no longer counts" if len(voids) == 1 else f"{len(voids)} signatures no longer count"
    queue_mail(
        user,
        subject=f"{review.system.name}: {what}",
        body=f"In the review towards {review.get_phase_display()}:\n\n{lines}",
        path=review.get_absolute_url(),
    )


def _line(void: SignOffVoid) -> str:
    sign_off = void.sign_off
    word = "rejection" if sign_off.meaning == SignOff.Meaning.REJECTION else "signature"
    return f"{sign_off.section}, {word} of {sign_off.signer_name}: {void.reason}."
