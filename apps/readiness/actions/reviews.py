"""Opening and closing reviews, and which model versions they are about."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.audit.record import delete_with_history, save_with_history
from apps.core.canonical import canonical_bytes, sha256_hex
from apps.core.exceptions import NotReady, RuleViolation
from apps.gates.status import refresh
from apps.registry.models import AISystem, ModelVersion, Phase

from .. import policies
from ..models import (
    ChecklistTemplate,
    Contribution,
    EvidenceLink,
    Item,
    Review,
    ReviewedVersion,
    ReviewItem,
    Seat,
    SignOffVoid,
)
from ..needs import NeedsTable
from ._copying import Carried, carried_over, stricter_rows
from ._shared import check_version, create_with_history, lock_system, locked_review, stated
from ._voiding import void_review
from .items import VERDICT_FIELDS


@transaction.atomic
def open_review(system: AISystem, *, by: Any, phase: str, versions: Iterable[ModelVersion] | None = None) -> Review:
    """
    Open a review of ``system`` towards ``phase``, about ``versions`` (default: those it uses now).

    Where the system was reviewed before, the new review starts as a copy of the newest one: answers with their authors,
    assigned people, and evidence that is still usable; no signatures. A verdict goes over with its verifier and its end
    as long as it is in date and answer, evidence and question are the same, because that is what it is about; else the
    item waits for verification again, or for evidence where some of it has gone. Authors and suppliers keep their
    duties.

    The opening is one governed change: its ledger entry carries the digest of all items as they start.

    :raises NotAllowed: neither works on the system nor in the governance office.
    :raises RuleViolation: no review leads into that phase, a version that is not the system's, or a review of the same
        versions is open already.
    :raises NotReady: no checklist is loaded.
    """
    system = lock_system(system.pk)
    policies.check_can_open_review(system, user=by)
    _check_phase(phase)
    chosen = _versions(system, versions)
    _check_none_open(system, phase, chosen)
    template = ChecklistTemplate.objects.filter(in_force=True).first()
    if template is None:
        raise NotReady("No checklist is loaded. An administrator runs: manage.py load_catalogues")
    earlier = Review.objects.filter(system=system).select_related("template").first()
    now = timezone.now()
    review = Review(system=system, template=template, phase=phase, copied_from=earlier, opened_by=by, opened_at=now)
    items = list(Item.objects.filter(section__template=template).select_related("section"))
    carried = carried_over(review, earlier, items, now)
    start = {
        "versions": sorted(str(version) for version in chosen),
        "items": [one.digest_body() for one in carried],
    }
    words = f"Opened the review towards {Phase(phase).label}"
    if earlier is not None:
        words += f", starting from the one towards {earlier.get_phase_display()}"
    digest = sha256_hex(canonical_bytes(start))
    save_with_history(review, by=by, reason=words, act="review.opened", ref={"items": digest})
    _fill(review, chosen, carried, by=by, reason=words, at=now)
    refresh(system, by=by)
    return review


def _check_phase(phase: str) -> None:
    phases = NeedsTable.load().phases()
    if phase not in phases:
        names = ", ".join(str(label) for value, label in Phase.choices if value in phases)
        raise RuleViolation(
            "There is no readiness review towards this phase.",
            code="no_review_for_phase",
            field="phase",
            help=f"Reviews lead into: {names}.",
        )


def _versions(system: AISystem, versions: Iterable[ModelVersion] | None) -> list[ModelVersion]:
    """The versions under review: those given, which have to be the system's own or in use by it, else those in use."""
    rows = ModelVersion.objects.select_related("model")
    if versions is None:
        return list(rows.filter(uses__system=system))
    wanted = {version.pk for version in versions}
    own = rows.filter(Q(model__system=system) | Q(uses__system=system), pk__in=wanted).distinct()
    found = list(own)
    if len(found) != len(wanted):
        raise RuleViolation(
            "A review is about model versions of this system, or versions it uses.",
            code="foreign_version",
            field="versions",
            help="Register the version, or state that the system uses it, first.",
        )
    return found


def _check_none_open(system: AISystem, phase: str, versions: list[ModelVersion]) -> None:
    wanted = {version.pk for version in versions}
    rows = Review.objects.filter(system=system, phase=phase, state=Review.State.OPEN)
    for review in rows.prefetch_related("reviewed_versions"):
        if {row.model_version_id for row in review.reviewed_versions.all()} == wanted:
            raise RuleViolation(
                f"A review towards {review.get_phase_display()} is open already.",
                code="review_open_already",
                help="Go on in that one, or close it first.",
            )


def _fill(
    review: Review, versions: list[ModelVersion], carried: list[Carried], *, by: Any, reason: str, at: datetime
) -> None:
    """Insert everything that hangs on a new review, each kind with one statement."""
    rows = [ReviewedVersion(review=review, model_version=version) for version in versions]
    create_with_history(ReviewedVersion, rows, by=by, reason=reason, at=at)
    for one in carried:
        one.row.review = review
    create_with_history(ReviewItem, [one.row for one in carried], by=by, reason=reason, at=at)
    links, contributions = [], []
    for one in carried:
        for link in one.links:
            link.review_item = one.row
        for part in one.contributions:
            part.review_item = one.row
        links += one.links
        contributions += one.contributions
    create_with_history(EvidenceLink, links, by=by, reason=reason, at=at)
    Contribution.objects.bulk_create(contributions)
    Seat.objects.bulk_create(
        Seat(review=review, section=section) for section in dict.fromkeys(one.row.item.section for one in carried)
    )


@transaction.atomic
def close_review(review: Review, *, by: Any, reason: str, expected_version: int | None = None) -> Review:
    """
    Close a review: nothing in it changes any more, and its signatures no longer count at the gate.

    :raises NotAllowed: neither owner nor governance office.
    :raises RuleViolation: closed already, or no reason.
    :raises StaleObject: it changed since ``expected_version``.
    """
    row = locked_review(review)
    policies.check_can_close_review(row, user=by)
    check_version(row, expected_version)
    row.close_reason = stated(reason, "Say why it is closed.")
    row.state, row.closed_by, row.closed_at = Review.State.CLOSED, by, timezone.now()
    save_with_history(
        row,
        by=by,
        reason=f"Closed the review: {row.close_reason}",
        fields=["state", "closed_by", "closed_at", "close_reason"],
        act="review.closed",
    )
    refresh(row.system, by=by)
    return row


@transaction.atomic
def change_reviewed_versions(
    review: Review, *, by: Any, versions: Iterable[ModelVersion], expected_version: int | None = None
) -> Review:
    """
    Say which model versions the review is about. All signatures given so far end; answers and verdicts stay.

    :raises NotAllowed: neither works on the system nor in the governance office.
    :raises RuleViolation: the review is closed, or a version is not the system's.
    :raises StaleObject: it changed since ``expected_version``.
    """
    row = locked_review(review)
    policies.check_can_change_versions(row, user=by)
    check_version(row, expected_version)
    wanted = {version.pk: version for version in _versions(row.system, versions)}
    present = {
        one.model_version_id: one
        for one in ReviewedVersion.objects.filter(review=row).select_related("model_version__model", "review__system")
    }
    if wanted.keys() == present.keys():
        return row
    for pk in present.keys() - wanted.keys():
        words = f"{present[pk].model_version} is no longer under review"
        delete_with_history(present[pk], by=by, reason=words, act="review.version_removed")
    for pk in wanted.keys() - present.keys():
        words = f"{wanted[pk]} is under review"
        save_with_history(
            ReviewedVersion(review=row, model_version=wanted[pk]), by=by, reason=words, act="review.version_added"
        )
    names = ", ".join(sorted(str(version) for version in wanted.values())) or "no model version"
    save_with_history(row, by=by, reason=f"Now about {names}", fields=[], act="review.versions_changed")
    cause = SignOffVoid.Cause.VERSION_CHANGED
    void_review(row, by=by, cause=cause, reason="the model versions under review changed")
    refresh(row.system, by=by)
    return row


def apply_tier(review: Review, *, by: Any) -> None:
    """
    Hold the verdicts of an open review to the system's new tier: shorter, and on tier 1 from outside the delivery team.

    Called by the receiver of the change, inside its transaction, with the system locked.
    """
    for row in stricter_rows(review):
        save_with_history(
            row, by=by, reason="Verification held to the new risk tier", fields=VERDICT_FIELDS, act="item.tier_applied"
        )
