from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from apps.audit.as_of import requested_instant
from apps.core.api.pagination import CursorPage
from apps.core.exceptions import NotAllowed
from apps.registry.models import AISystem, ModelVersion

from ...boards import Board, ItemRow, SectionBoard, Tally
from ...models import Evidence, Review, ReviewItem

IF_MATCH = OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description="The ETag you read.", required=True)
IDEMPOTENCY_KEY = OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)
AS_OF = OpenApiParameter("as_of", str, description="A past day (its end) or RFC 3339 time.")
REASON = OpenApiParameter("reason", str, description="Why. It stays on record.", required=True)


class NewestFirst(CursorPage):
    ordering = "-id"


def valid(serializer: Any) -> dict[str, Any]:
    """:raises ValidationError: what was sent does not fit."""
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def find_system(request: Request, slug: str) -> AISystem:
    return get_object_or_404(AISystem.objects.visible_to(request.user), slug=slug)


def find_review(request: Request, uid: Any) -> Review:
    reviews = Review.objects.visible_to(request.user).select_related("system", "template", "opened_by")
    return get_object_or_404(reviews, uid=uid)


def moment_of(request: Request, review: Review) -> Any:
    """
    The past instant asked for, if any.

    :raises Http404: the review was not open yet at that moment.
    """
    at = requested_instant(request)
    if at is not None and at < review.opened_at:
        raise Http404
    return at


def find_item(request: Request, uid: Any, key: str) -> ReviewItem:
    items = ReviewItem.objects.visible_to(request.user).select_related(
        "review__system", "review__template", "review__opened_by", "item__section"
    )
    return get_object_or_404(items, review__uid=uid, item__key=key)


def find_evidence(request: Request, uid: Any) -> Evidence:
    pieces = Evidence.objects.visible_to(request.user).select_related("system", "supplied_by", "withdrawn_by")
    return get_object_or_404(pieces, uid=uid)


def find_versions(request: Request, names: Iterable[str]) -> list[ModelVersion]:
    """
    The model versions named as ``model/number``.

    :raises ValidationError: one of them is not there, or not for this reader to see.
    """
    found = []
    visible = ModelVersion.objects.visible_to(request.user).select_related("model__system")
    for name in names:
        model, _, number = name.rpartition("/")
        match = visible.filter(model__name=model, number=int(number)).first() if number.isdecimal() and model else None
        if match is None:
            raise ValidationError({"versions": [f"There is no model version {name}. Name it as model/number."]})
        found.append(match)
    return found


def in_person(request: Request, words: str) -> None:
    """:raises NotAllowed: a token asks for what only a person in the browser does."""
    if getattr(request.user, "via", "session") != "session":
        raise NotAllowed(words, help="Sign in with a browser and use its page.")


def today() -> Any:
    return timezone.localdate()


# --- Plain values -----------------------------------------------------------------------------------------------------


def review_row(review: Review) -> dict[str, Any]:
    return {
        "uid": review.uid,
        "system": review.system.slug,
        "phase": review.phase,
        "state": review.state,
        "template": review.template.version,
        "opened_by": review.opened_by.username,
        "opened_at": review.opened_at,
        "closed_at": review.closed_at,
        "version": review.version,
        "url": f"{settings.SITE_URL}{review.get_absolute_url()}",
    }


def review_json(board: Board) -> dict[str, Any]:
    """A review with everything a client shows of it."""
    versions = [
        {"model": row.model.name, "number": row.number, "digest": row.artefact_digest or None} for row in board.versions
    ]
    return {
        **review_row(board.review),
        "close_reason": board.review.close_reason,
        "model_versions": versions,
        "required": tally_json(board.required),
        "all_items": tally_json(board.all_items),
        "sections": [section_json(part) for part in board.sections],
        "items": [item_row(row) for row in board.rows],
    }


def tally_json(tally: Tally) -> dict[str, int]:
    return {"passed": tally.passed, "total": tally.total, "not_applicable": tally.not_applicable}


def section_json(part: SectionBoard) -> dict[str, Any]:
    state = part.state
    return {
        "key": part.section.key,
        "title": part.section.title,
        "signing_role": part.section.signing_role,
        "required": tally_json(part.required),
        "all_items": tally_json(part.all_items),
        "signature": {
            "status": state.status,
            "effective": state.effective,
            "since": state.since,
            "sentence": state.words,
            "sign_off": state.sign_off.uid if state.sign_off else None,
        },
    }


def item_row(row: ItemRow) -> dict[str, Any]:
    it = row.review_item
    return {
        "key": row.item.key,
        "title": row.item.title,
        "section": row.item.section.key,
        "status": row.status,
        "required": row.required,
        "blocker": row.item.blocker,
        "assigned_to": row.assigned_to.username if row.assigned_to else None,
        "due_on": it.due_on,
        "answered_by": row.answered_by.username if row.answered_by else None,
        "verified_by": row.verified_by.username if row.verified_by else None,
        "valid_until": it.valid_until,
        "evidence": row.evidence,
        "comments": row.comments,
        "version": it.version,
    }
