"""Answering items, judging answers, talking about them."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import record, save_with_history
from apps.core.exceptions import RuleViolation
from apps.core.mail import queue_mail
from apps.gates.evaluation import end_of_day
from apps.gates.status import refresh
from apps.registry.models import Deputyship
from apps.registry.people import People
from apps.registry.permissions import has_system_perm
from apps.registry.roles import Perm

from .. import policies
from ..models import (
    PASSED,
    Comment,
    Contribution,
    Evidence,
    ItemStatus,
    Review,
    ReviewItem,
    Seat,
    Section,
    SignOffVoid,
    Verification,
)
from ..needs import NeedsTable
from ._shared import check_version, contributed, locked_item, stated, today, utc_today
from ._voiding import void_section

ANSWER_FIELDS = [
    "status",
    "answer",
    "proposes_not_applicable",
    "not_applicable_condition",
    "answered_by",
    "answered_at",
]
SUBMITTABLE = (ItemStatus.OPEN, ItemStatus.IN_PROGRESS, ItemStatus.REJECTED)
VERDICT_FIELDS = ["status", "verified_by", "verified_at", "verification_note", "valid_until"]


def clear_verdict(review_item: ReviewItem) -> None:
    """Forget the last verdict on the row; the verdict itself stays as a row of its own."""
    review_item.verified_by = review_item.verified_at = review_item.valid_until = None
    review_item.verification_note = ""


def content_changed(
    review_item: ReviewItem, *, by: Any, what: str, cause: str = SignOffVoid.Cause.CONTENT_CHANGED
) -> None:
    """What follows from a change of signed content: the section's signature ends."""
    void_section(review_item.review, review_item.item.section, by=by, cause=cause, reason=what)


@transaction.atomic
def assign_item(
    review_item: ReviewItem, *, by: Any, to: Any, due_on: date | None = None, expected_version: int | None = None
) -> ReviewItem:
    """
    Ask ``to`` (None: nobody) to answer an item by a day, and tell them. Voids nothing: it is no content.

    :raises NotAllowed: ``by`` neither works on the system nor in the governance office.
    :raises RuleViolation: ``to`` does not work on the system, the day has passed, or the review is closed.
    :raises StaleObject: it changed since ``expected_version``.
    """
    row = locked_item(review_item)
    policies.check_can_assign(row, user=by)
    check_version(row, expected_version)
    if to is not None and not has_system_perm(to, Perm.CONTRIBUTE, row.system):
        raise RuleViolation(
            f"{to} does not work on this system and could not answer.",
            code="not_a_contributor",
            field="assigned_to",
            help="Give them the role of contributor first.",
        )
    if due_on is not None and due_on < today(by):
        raise RuleViolation("This day has passed.", code="due_passed", field="due_on")
    if (row.assigned_to_id, row.due_on) == (to.pk if to else None, due_on):
        return row
    is_new = to is not None and row.assigned_to_id != to.pk and to.pk != by.pk
    row.assigned_to, row.due_on = to, due_on
    reason = f"Asked {to} to answer" if to else "Assigned to nobody"
    save_with_history(row, by=by, reason=reason, fields=["assigned_to", "due_on"], act="item.assigned")
    if is_new:
        until = f" by {due_on:%-d %B %Y}" if due_on else ""
        queue_mail(
            to,
            subject=f"{row.system.name}: please answer {row.item}",
            body=f"{by} asks you to answer {row.item}{until}.\n\n{row.item.summary}",
            path=row.get_absolute_url(),
        )
    refresh(row.system, by=by)
    return row


@transaction.atomic
def answer_item(
    review_item: ReviewItem, *, by: Any, answer: str, expected_version: int | None = None, submit: bool = False
) -> ReviewItem:
    """
    Write the answer; with ``submit`` hand it over for verification. The section's signature ends.

    The answer that is there already, written again, changes nothing.

    :raises NotAllowed: ``by`` does not work on the system.
    :raises RuleViolation: the answer is empty, or the review is closed.
    :raises StaleObject: it changed since ``expected_version``.
    """
    row = locked_item(review_item)
    policies.check_can_answer(row, user=by)
    check_version(row, expected_version)
    answer = stated(answer, "Write an answer first.", field="answer")
    if answer == row.answer and not row.proposes_not_applicable and row.status_now != "expired":
        return _submit(row, by=by) if submit and row.status in SUBMITTABLE else row
    row.answer, row.answered_by, row.answered_at = answer, by, timezone.now()
    row.proposes_not_applicable, row.not_applicable_condition = False, ""
    row.status = ItemStatus.SUBMITTED if submit else ItemStatus.IN_PROGRESS
    clear_verdict(row)
    reason = "Answered and submitted for verification" if submit else "Answered"
    save_with_history(row, by=by, reason=reason, fields=[*ANSWER_FIELDS, *VERDICT_FIELDS], act="item.answered")
    contributed(row, [by], Contribution.Kind.ANSWER)
    content_changed(row, by=by, what=f"the answer to {row.item} changed")
    refresh(row.system, by=by)
    return row


@transaction.atomic
def submit_item(review_item: ReviewItem, *, by: Any, expected_version: int | None = None) -> ReviewItem:
    """
    Hand the answer over for verification.

    :raises NotAllowed: ``by`` does not work on the system.
    :raises RuleViolation: no answer yet, submitted already, or the review is closed.
    :raises StaleObject: it changed since ``expected_version``.
    """
    row = locked_item(review_item)
    policies.check_can_submit(row, user=by)
    check_version(row, expected_version)
    return _submit(row, by=by)


def _submit(row: ReviewItem, *, by: Any) -> ReviewItem:
    row.status = ItemStatus.SUBMITTED
    clear_verdict(row)
    save_with_history(row, by=by, reason="Submitted for verification", fields=VERDICT_FIELDS, act="item.submitted")
    content_changed(row, by=by, what=f"{row.item} was submitted for verification")
    refresh(row.system, by=by)
    return row


@transaction.atomic
def propose_not_applicable(
    review_item: ReviewItem, *, by: Any, condition: str, reason: str, expected_version: int | None = None
) -> ReviewItem:
    """
    Propose that the item does not apply, under a condition of the catalogue; a second person decides.

    The reason becomes the answer, and whoever proposes counts as having answered.

    :raises NotAllowed: ``by`` does not work on the system.
    :raises RuleViolation: the catalogue does not allow it, no reason, or the review is closed.
    :raises StaleObject: it changed since ``expected_version``.
    """
    row = locked_item(review_item)
    policies.check_can_propose_not_applicable(row, user=by)
    check_version(row, expected_version)
    allowed = policies.whole_conditions(row)
    if condition not in allowed:
        raise RuleViolation(
            f"{row.item} cannot be set aside for that.",
            code="condition_unknown",
            field="condition",
            help="Possible here: " + "; ".join(allowed.values()),
        )
    row.answer = stated(reason, "Say why it does not apply.")
    row.answered_by, row.answered_at = by, timezone.now()
    row.proposes_not_applicable, row.not_applicable_condition = True, condition
    row.status = ItemStatus.SUBMITTED
    clear_verdict(row)
    save_with_history(
        row,
        by=by,
        reason="Proposed as not applicable",
        fields=[*ANSWER_FIELDS, *VERDICT_FIELDS],
        act="item.not_applicable_proposed",
    )
    contributed(row, [by], Contribution.Kind.ANSWER)
    content_changed(row, by=by, what=f"{row.item} was proposed as not applicable")
    refresh(row.system, by=by)
    return row


@transaction.atomic
def reopen_item(review_item: ReviewItem, *, by: Any, reason: str, expected_version: int | None = None) -> ReviewItem:
    """
    Take a submitted, verified, rejected or set-aside item up again. The answer stays, the verdict goes.

    :raises NotAllowed: ``by`` neither answers nor verifies here.
    :raises RuleViolation: it is open, no reason, or the review is closed.
    :raises StaleObject: it changed since ``expected_version``.
    """
    row = locked_item(review_item)
    policies.check_can_reopen(row, user=by)
    check_version(row, expected_version)
    reason = stated(reason, "Say why, so that others know what to look at.")
    row.status = ItemStatus.IN_PROGRESS
    row.proposes_not_applicable, row.not_applicable_condition = False, ""
    clear_verdict(row)
    save_with_history(
        row, by=by, reason=f"Reopened: {reason}", fields=[*ANSWER_FIELDS, *VERDICT_FIELDS], act="item.reopened"
    )
    content_changed(row, by=by, what=f"{row.item} was reopened")
    refresh(row.system, by=by)
    return row


@transaction.atomic
def verify_item(
    review_item: ReviewItem,
    *,
    by: Any,
    note: str = "",
    valid_until: date | None = None,
    expected_version: int | None = None,
) -> ReviewItem:
    """
    Confirm an answer, or that the item does not apply, until it has to be looked at again.

    That is the earliest of: the day asked for, the item's validity on this tier, the end of its usable evidence. What
    does not apply is looked at again after the time its condition names.

    :raises NotAllowed: no right to, answered it, supplied evidence, or is in the delivery team of a tier 1 system.
    :raises RuleViolation: not submitted, evidence missing or not enough, the day has passed, or the review is closed.
    :raises StaleObject: it changed since ``expected_version``.
    """
    row = locked_item(review_item)
    policies.check_can_judge(row, user=by)
    check_version(row, expected_version)
    usable = usable_evidence(row)
    if not row.proposes_not_applicable:
        policies.check_evidence_suffices(row, usable)
    now = timezone.now()
    end = _end_of_validity(row, usable, now)
    if valid_until is not None:
        if valid_until < utc_today():
            raise RuleViolation("This day has passed.", code="valid_until_passed", field="valid_until")
        end = min(end, end_of_day(valid_until))
    verdict = ItemStatus.NOT_APPLICABLE if row.proposes_not_applicable else ItemStatus.VERIFIED
    row.status, row.verified_by, row.verified_at = verdict, by, now
    row.verification_note, row.valid_until = note.strip(), end
    words = "Confirmed as not applicable" if row.proposes_not_applicable else "Verified"
    save_with_history(row, by=by, reason=words, fields=VERDICT_FIELDS, act="item.verified")
    _keep_verdict(row, by=by, outcome=Verification.Outcome.VERIFIED)
    content_changed(row, by=by, what=f"{row.item} was verified")
    _tell_signers_if_complete(row, by=by)
    refresh(row.system, by=by)
    return row


def usable_evidence(row: ReviewItem) -> list[Evidence]:
    """What is attached to the item, not withdrawn and in date."""
    return list(Evidence.objects.usable(utc_today()).filter(links__review_item=row))


def longest_validity(row: ReviewItem, since: datetime) -> datetime:
    """How long a verdict given at ``since`` may last by the catalogue: shorter on strict tiers."""
    if row.proposes_not_applicable:
        conditions = row.review.template.body.get("not_applicable_conditions", [])
        days = {line["key"]: int(line["expires_days"]) for line in conditions}
        return since + timedelta(days=days.get(row.not_applicable_condition, 180))
    factors = row.review.template.body.get("validity_tier_factor", {})
    factor = Decimal(str(factors.get(str(row.system.effective_tier), "1")))
    return since + timedelta(seconds=int(row.item.validity_days * 86400 * factor))


def _end_of_validity(row: ReviewItem, usable: list[Evidence], now: datetime) -> datetime:
    ends = [end_of_day(piece.valid_until) for piece in usable if piece.valid_until is not None]
    return min([longest_validity(row, now), *ends])


def _keep_verdict(row: ReviewItem, *, by: Any, outcome: str) -> None:
    """The verdict as a row of its own, about the answer in the version that was judged (the one before this save)."""
    Verification.objects.create(
        review_item=row,
        outcome=outcome,
        verified_by=by,
        verified_at=timezone.now(),
        note=row.verification_note,
        item_version=row.version - 1,
        valid_until=row.valid_until,
    )


@transaction.atomic
def reject_item(review_item: ReviewItem, *, by: Any, note: str, expected_version: int | None = None) -> ReviewItem:
    """
    Send an answer back, saying what is missing; whoever answered hears of it.

    :raises NotAllowed: as verifying.
    :raises RuleViolation: not submitted, no note, or the review is closed.
    :raises StaleObject: it changed since ``expected_version``.
    """
    row = locked_item(review_item)
    policies.check_can_judge(row, user=by)
    check_version(row, expected_version)
    note = stated(note, "Say what is missing, so that it can be put right.", field="note")
    clear_verdict(row)
    row.status, row.verification_note = ItemStatus.REJECTED, note
    save_with_history(row, by=by, reason=f"Rejected: {note}", fields=VERDICT_FIELDS, act="item.rejected")
    _keep_verdict(row, by=by, outcome=Verification.Outcome.REJECTED)
    content_changed(row, by=by, what=f"{row.item} was rejected")
    for user in User.objects.filter(pk__in={row.answered_by_id, row.assigned_to_id} - {None, by.pk}):
        queue_mail(
            user,
            subject=f"{row.system.name}: {row.item} was sent back",
            body=f"{by} sent the answer back:\n\n{note}",
            path=row.get_absolute_url(),
        )
    refresh(row.system, by=by)
    return row


@transaction.atomic
def add_comment(review_item: ReviewItem, *, by: Any, text: str) -> Comment:
    """
    Add to the discussion of an item. Voids nothing: it is no content.

    :raises NotAllowed: ``by`` only reads here.
    :raises RuleViolation: there is no text.
    """
    row = locked_item(review_item)
    policies.check_can_comment(row, user=by)
    text = stated(text, "Write something first.", field="text")
    comment = Comment.objects.create(review_item=row, author=by, text=text, at=timezone.now())
    record(act="item.commented", obj=comment, by=by, system=row.system, after={"item": row.pk, "text": text})
    return comment


def _tell_signers_if_complete(row: ReviewItem, *, by: Any) -> None:
    """Mail the signers of a section once the last item that its gate asks for has passed."""
    review, section = row.review, row.item.section
    needs = NeedsTable.load().of(review.phase, review.system.effective_tier)
    if section.key not in needs.sections or not needs.asks_for(row.item) or row.status not in PASSED:
        return
    now = timezone.now()
    if all(standing.passes for standing in policies.required_items(review, section, now, needs)):
        tell_signers(review, section)


def tell_signers(review: Review, section: Section) -> None:
    """Mail those who can sign ``section`` that it is ready, with the way to the page."""
    if Seat.objects.filter(review=review, section=section).exclude(sign_off=None).exists():
        return
    ids = {pk for _, user_ids in People(review.system).holders(section.signing_role) for pk in user_ids}
    deputies = Deputyship.objects.running().filter(system=review.system, role=section.signing_role)
    ids |= set(deputies.values_list("deputy_id", flat=True))
    involved = Contribution.objects.filter(review_item__review=review, review_item__item__section=section)
    for user in User.objects.filter(pk__in=ids - set(involved.values_list("user_id", flat=True)), is_active=True):
        queue_mail(
            user,
            subject=f"{review.system.name}: {section} is ready for your signature",
            body=(
                f"Everything that {review.get_phase_display()} asks for in this section has been verified. "
                "Please read it and sign, or say what stands against it."
            ),
            path=f"/reviews/{review.uid}/sections/{section.key}/sign/",
        )
