"""Evidence: taken in, attached to items, corrected, withdrawn."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.db import transaction
from django.utils import timezone

from apps.audit.record import delete_with_history, save_with_history
from apps.core.exceptions import RuleViolation
from apps.gates.status import refresh
from apps.registry.models import AISystem

from .. import policies, uploads
from ..models import (
    PASSED,
    Contribution,
    Evidence,
    EvidenceKind,
    EvidenceLink,
    ItemStatus,
    Review,
    ReviewItem,
    SignOffVoid,
)
from ._shared import check_version, contributed, lock_system, locked_item, stated, today, utc_today
from .items import VERDICT_FIELDS, clear_verdict, content_changed, usable_evidence


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
    """
    Take evidence in for a system and attach it to items of its reviews.

    A file is read once, for its kind (by content, not by name) and its SHA-256, before anything is locked.

    :raises NotAllowed: ``by`` does not work on the system.
    :raises RuleViolation: what this kind of evidence needs is missing, a date is not possible, the file is refused, or
        an item belongs elsewhere or to a closed review.
    :raises ValidationError: a value that does not fit its field.
    """
    policies.check_can_add_evidence(system, user=by)
    evidence = Evidence(
        system=system,
        kind=kind,
        title=title.strip(),
        note=note.strip(),
        url=url.strip(),
        reference=reference.strip(),
        effective_on=effective_on,
        valid_until=valid_until,
        supplied_by=by,
    )
    if upload is not None:
        checked = uploads.check(upload)
        evidence.filename, evidence.content_type = checked.filename, checked.content_type
        evidence.size, evidence.sha256 = checked.size, checked.sha256
        evidence.file = upload
    _check_facts(evidence, by=by)
    if evidence.valid_until is not None and evidence.valid_until < utc_today():
        raise RuleViolation("This evidence has run out already.", code="expired", field="valid_until")
    try:
        return _take_in(evidence, by=by, attach_to=list(attach_to))
    except BaseException:
        # The row is rolled back; a file is in no transaction.
        stored: Any = evidence.file
        if upload is not None and stored._committed:
            stored.storage.delete(stored.name)
        raise


@transaction.atomic
def _take_in(evidence: Evidence, *, by: Any, attach_to: list[ReviewItem]) -> Evidence:
    evidence.system = lock_system(evidence.system_id)
    policies.check_can_add_evidence(evidence.system, user=by)
    evidence.supplied_at = timezone.now()
    ref = {"sha256": evidence.sha256} if evidence.sha256 else None
    save_with_history(
        evidence, by=by, reason=f"Supplied {evidence.get_kind_display().lower()}", act="evidence.added", ref=ref
    )
    for review_item in attach_to:
        _attach(review_item, evidence, by=by)
    if attach_to:
        refresh(evidence.system, by=by)
    return evidence


def _check_facts(evidence: Evidence, *, by: Any) -> None:
    """What every kind of evidence needs, and what its own kind needs."""
    if evidence.effective_on > today(by):
        raise RuleViolation(
            "Evidence is about something that has happened: this day is in the future.",
            code="effective_in_future",
            field="effective_on",
        )
    if evidence.valid_until is not None and evidence.valid_until < evidence.effective_on:
        raise RuleViolation("It would end before it begins.", code="ends_before_start", field="valid_until")
    if evidence.url and not evidence.url.lower().startswith(("https://", "http://")):
        raise RuleViolation("The address has to begin with https:// or http://.", code="url_scheme", field="url")
    _check_kind(evidence)
    evidence.clean_fields(exclude={"system", "file", "supplied_by", "withdrawn_by"})
    if not evidence.title:
        raise ValidationError({"title": "Give it a title."})


_NEEDS: dict[str, tuple[tuple[str, ...], str]] = {
    EvidenceKind.DOCUMENT: (("file",), "A document needs its file."),
    EvidenceKind.LINK: (("url",), "A link needs its address."),
    EvidenceKind.TICKET: (("reference", "url"), "A ticket or commit needs its number or its address."),
    EvidenceKind.TEST_RUN: (("url", "file"), "A test run needs its address or its report as a file."),
    EvidenceKind.ATTESTATION: (("note",), "An attestation needs the words that are attested."),
    EvidenceKind.PROBE: (("url", "reference", "file"), "A probe needs an address, a reference or a file."),
}


def _check_kind(evidence: Evidence) -> None:
    if evidence.kind not in _NEEDS:
        raise RuleViolation("This kind of evidence is not known.", code="kind_unknown", field="kind")
    fields, words = _NEEDS[evidence.kind]
    if not any(getattr(evidence, name) for name in fields):
        raise RuleViolation(words, code=f"{fields[0]}_missing", field="upload" if fields[0] == "file" else fields[0])
    if evidence.file and "file" not in fields:
        raise RuleViolation(
            "A file goes with a document, a test run or a probe.",
            code="file_not_expected",
            field="upload",
            help="Choose “Document (file)” as its kind.",
        )


@transaction.atomic
def attach_evidence(
    review_item: ReviewItem, *, by: Any, evidence: Evidence, expected_version: int | None = None
) -> EvidenceLink:
    """
    Attach evidence of the same system to an item. A verified item waits for verification again.

    Whoever supplied the evidence, and whoever attaches it, has a part in the item from now on.

    :raises NotAllowed: ``by`` does not work on the system.
    :raises RuleViolation: attached already, withdrawn, another system's, or the review is closed.
    :raises StaleObject: the item changed since ``expected_version``.
    """
    link = _attach(review_item, evidence, by=by, expected_version=expected_version)
    refresh(link.evidence.system, by=by)
    return link


def _attach(
    review_item: ReviewItem, evidence: Evidence, *, by: Any, expected_version: int | None = None
) -> EvidenceLink:
    row = locked_item(review_item)
    policies.check_can_attach(row, user=by)
    check_version(row, expected_version)
    evidence = Evidence.objects.select_related("supplied_by").get(pk=evidence.pk)
    if evidence.system_id != row.system.pk:
        raise RuleViolation("This evidence belongs to another system.", code="foreign_evidence", field="evidence")
    if evidence.withdrawn_at is not None:
        raise RuleViolation("This evidence was withdrawn.", code="withdrawn", field="evidence")
    if EvidenceLink.objects.filter(review_item=row, evidence=evidence).exists():
        raise RuleViolation("It is attached here already.", code="attached_already", field="evidence")
    evidence.system = row.system
    link = EvidenceLink(review_item=row, evidence=evidence, attached_by=by, attached_at=timezone.now())
    save_with_history(link, by=by, reason=f"Attached to {row.item}: {evidence.title}", act="evidence.attached")
    contributed(row, [evidence.supplied_by, by], Contribution.Kind.EVIDENCE)
    _evidence_changed(row, by=by, reason=f"Evidence added: {evidence.title}", what=f"evidence was added to {row.item}")
    return link


def _evidence_changed(
    row: ReviewItem,
    *,
    by: Any,
    reason: str,
    what: str,
    cause: str = SignOffVoid.Cause.CONTENT_CHANGED,
) -> None:
    """
    What follows for an item whose evidence is not what it was: the verdict goes, the version rises, signatures end.

    A passed item waits for verification again, or for evidence where none usable is left; so does a rejected one for
    somebody to submit it again.
    """
    if row.status in PASSED:
        usable = row.proposes_not_applicable or bool(usable_evidence(row))
        row.status = ItemStatus.SUBMITTED if usable else ItemStatus.IN_PROGRESS
        clear_verdict(row)
    elif row.status in (ItemStatus.OPEN, ItemStatus.REJECTED):
        row.status = ItemStatus.IN_PROGRESS
    save_with_history(row, by=by, reason=reason, fields=VERDICT_FIELDS, act="item.evidence_changed")
    content_changed(row, by=by, what=what, cause=cause)


@transaction.atomic
def detach_evidence(link: EvidenceLink, *, by: Any, reason: str) -> ReviewItem:
    """
    Take evidence away from an item; the evidence itself stays with the system.

    :raises NotAllowed: ``by`` does not work on the system.
    :raises RuleViolation: no reason, detached already, or the review is closed.
    """
    row = locked_item(link.review_item)
    found = EvidenceLink.objects.select_related("evidence__system").filter(pk=link.pk).first()
    policies.check_can_attach(row, user=by)
    if found is None:
        raise RuleViolation("It is not attached here any more.", code="detached_already")
    reason = stated(reason, "Say why it is taken away.")
    title = found.evidence.title
    delete_with_history(found, by=by, reason=f"Taken away from {row.item}: {title}. {reason}", act="evidence.detached")
    what = f"evidence was taken away from {row.item}"
    _evidence_changed(row, by=by, reason=f"Evidence taken away: {title}", what=what)
    refresh(row.system, by=by)
    return row


CHANGEABLE = ("title", "note", "url", "reference", "effective_on", "valid_until")


@transaction.atomic
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
    """
    Correct what is said about evidence; a file is never exchanged. What is left out stays.

    ``valid_until=None`` takes its end away. Items of open reviews it is attached to are reopened, and whoever changed
    it has a part in them.

    :raises NotAllowed: ``by`` neither supplied it nor runs the system.
    :raises RuleViolation: withdrawn, or a value that this kind of evidence cannot have.
    :raises StaleObject: it changed since ``expected_version``.
    :raises ValidationError: a value that does not fit its field.
    """
    row = _locked_evidence(evidence)
    policies.check_can_change_evidence(row, user=by)
    check_version(row, expected_version)
    given: dict[str, Any] = {
        "title": title,
        "note": note,
        "url": url,
        "reference": reference,
        "effective_on": effective_on,
    }
    values = {name: value.strip() if isinstance(value, str) else value for name, value in given.items()}
    changed = [name for name, value in values.items() if value is not None and value != getattr(row, name)]
    for name in changed:
        setattr(row, name, values[name])
    if valid_until is not ... and valid_until != row.valid_until:
        row.valid_until = valid_until
        changed.append("valid_until")
    if not changed:
        return row
    _check_facts(row, by=by)
    save_with_history(row, by=by, reason="Corrected", fields=changed, act="evidence.changed")
    for item in _items_of(row):
        contributed(item, [by], Contribution.Kind.EVIDENCE)
        what = f"evidence for {item.item} was changed"
        _evidence_changed(item, by=by, reason=f"Evidence changed: {row.title}", what=what)
    refresh(row.system, by=by)
    return row


def _locked_evidence(evidence: Evidence) -> Evidence:
    system = lock_system(evidence.system_id)
    row = Evidence.objects.get(pk=evidence.pk)
    row.system = system
    return row


def _items_of(evidence: Evidence) -> list[ReviewItem]:
    """The items of open reviews that rest on ``evidence``; the system is locked."""
    rows = ReviewItem.objects.filter(evidence_links__evidence=evidence, review__state=Review.State.OPEN)
    found = list(rows.select_related("item__section", "review__template"))
    for row in found:
        row.review.system = evidence.system
    return found


@transaction.atomic
def withdraw_evidence(evidence: Evidence, *, by: Any, reason: str, expected_version: int | None = None) -> Evidence:
    """
    Say that evidence no longer counts. It stays readable, and attached; items that passed on it are reopened.

    :raises NotAllowed: ``by`` neither supplied it nor runs the system.
    :raises RuleViolation: no reason, or withdrawn already.
    :raises StaleObject: it changed since ``expected_version``.
    """
    row = _locked_evidence(evidence)
    policies.check_can_withdraw_evidence(row, user=by)
    check_version(row, expected_version)
    row.withdrawal_reason = stated(reason, "Say why it no longer counts.")
    row.withdrawn_by, row.withdrawn_at = by, timezone.now()
    save_with_history(
        row,
        by=by,
        reason=f"Withdrawn: {row.withdrawal_reason}",
        fields=["withdrawn_by", "withdrawn_at", "withdrawal_reason"],
        act="evidence.withdrawn",
    )
    for item in _items_of(row):
        what = f"evidence for {item.item} was withdrawn"
        cause = SignOffVoid.Cause.EVIDENCE_WITHDRAWN
        _evidence_changed(item, by=by, reason=f"Evidence withdrawn: {row.title}", what=what, cause=cause)
    refresh(row.system, by=by)
    return row
