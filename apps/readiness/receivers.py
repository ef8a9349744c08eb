"""What the readiness room does, in the same transaction, when the registry says that something changed."""

from typing import Any

from django.db.models import Q, QuerySet

from apps.core.snapshots import snapshot_parts
from apps.gates.status import refresh
from apps.registry.models import AISystem, ModelVersion
from apps.registry.roles import Role

from .actions._shared import lock_system
from .actions._voiding import void_seats
from .actions.reviews import apply_tier
from .content import FACT_WORDS
from .models import Review, Seat, SignOffVoid


def _open_seats(**where: Any) -> QuerySet[Seat]:
    return Seat.objects.filter(review__state=Review.State.OPEN, **where)


def facts_changed(sender: Any, system: AISystem, by: Any, fields: frozenset[str], reason: str, **kwargs: Any) -> None:
    """
    A fact that signatures rest on changed: all of them end, and verdicts are held to the new tier.

    What other rooms hand in ends the signatures of the sections it is signed with.
    """
    _parts_changed(system, by, fields)
    changed = [name for name in FACT_WORDS if name in fields]
    if not changed:
        return
    reviews = Review.objects.filter(system=system, state=Review.State.OPEN).select_related("template")
    if "tier" in changed:
        for review in reviews:
            review.system = system
            apply_tier(review, by=by)
    words = " and ".join(FACT_WORDS[name] for name in changed)
    void_seats(
        _open_seats(review__system=system),
        by=by,
        cause=SignOffVoid.Cause.FACTS_CHANGED,
        reason=f"{words} changed",
    )


def _parts_changed(system: AISystem, by: Any, fields: frozenset[str]) -> None:
    for part in snapshot_parts():
        if part.name in fields:
            here = _open_seats(review__system=system)
            void_seats(
                here if part.sections is None else here.filter(section__key__in=part.sections),
                by=by,
                cause=SignOffVoid.Cause.CONTENT_CHANGED,
                reason=f"{part.title} changed",
            )


def version_changed(sender: Any, model_version: ModelVersion, by: Any, reason: str, **kwargs: Any) -> None:
    """The artefact behind a reviewed version changed: every signature about it ends, in whatever system."""
    reviews = Review.objects.filter(reviewed_versions__model_version=model_version, state=Review.State.OPEN)
    for system_id in sorted(set(reviews.values_list("system_id", flat=True))):
        system = lock_system(system_id)
        void_seats(
            _open_seats(review__in=reviews.filter(system=system)),
            by=by,
            cause=SignOffVoid.Cause.VERSION_CHANGED,
            reason=f"the artefact of {model_version} changed",
        )
        refresh(system, by=by)


def role_withdrawn(sender: Any, system: AISystem, by: Any, role: str, user_ids: list[int], **kwargs: Any) -> None:
    """What somebody signed by a role they lost, or a deputy signed for them, no longer counts."""
    signed = Q(sign_off__signer__in=user_ids) | Q(sign_off__on_behalf_of__in=user_ids)
    void_seats(
        _open_seats(review__system=system, sign_off__role=role).filter(signed),
        by=by,
        cause=SignOffVoid.Cause.ROLE_WITHDRAWN,
        reason=f"the role {Role(role).label.lower()} it was signed by was withdrawn",
    )
