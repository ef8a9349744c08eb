"""What the pages of the readiness room share: finding rows a reader may see, and telling a refusal."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from apps.audit.as_of import requested_instant
from apps.core.exceptions import NotAllowed, RuleViolation, StaleObject
from apps.core.forms import add_refusal
from apps.registry.models import AISystem
from apps.registry.people import People

from ..content import ContentChanged
from ..models import Review, ReviewItem

OK, INVALID, REFUSED = 200, 422, 409


def find_system(request: HttpRequest, slug: str) -> AISystem:
    systems = AISystem.objects.visible_to(request.user).select_related("status")
    return get_object_or_404(systems, slug=slug)


def find_review(request: HttpRequest, uid: Any) -> Review:
    reviews = Review.objects.visible_to(request.user).select_related("system", "template", "opened_by", "closed_by")
    return get_object_or_404(reviews, uid=uid)


def moment_of(request: HttpRequest, review: Review) -> datetime | None:
    """
    The past instant the reader asks for, if any.

    :raises Http404: the review was not open yet at that moment.
    """
    at = requested_instant(request)
    if at is not None and at < review.opened_at:
        raise Http404("There was no such review then")
    return at


def find_item(request: HttpRequest, uid: Any, key: str) -> ReviewItem:
    items = ReviewItem.objects.visible_to(request.user).select_related(
        "review__system", "review__template", "item__section", "assigned_to", "answered_by", "verified_by"
    )
    return get_object_or_404(items, review__uid=uid, item__key=key)


def system_frame(system: AISystem, people: People | None = None) -> dict[str, Any]:
    """What the header of a system's pages shows."""
    owner = next(iter((people or People(system)).holders("owner")), None)
    status = getattr(system, "status", None)
    return {
        "system": system,
        "owner": owner[0] if owner else None,
        "suspended": bool(status and status.suspended),
        "evaluation": {"granted": status.next_granted, "sentence": status.sentence} if status else None,
    }


def attempt(form: Any, act: Callable[[], Any]) -> int:
    """
    Validate ``form`` and do ``act``; a refusal becomes an error of the form. The answer is the status for the page.

    :raises StaleObject: somebody else changed the row; the caller shows what.
    :raises ContentChanged: what was to be signed is not what is there now; the caller shows what.
    """
    if not form.is_valid():
        return INVALID
    try:
        act()
    except (StaleObject, ContentChanged):
        raise
    except RuleViolation as error:
        add_refusal(form, error)
        return INVALID if error.field in form.fields else REFUSED
    except ValidationError as error:
        _add_invalid(form, error)
        return INVALID
    return OK


def _add_invalid(form: Any, error: ValidationError) -> None:
    """What a model refused, beside the fields of the form that have the same name."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, errors in error.error_dict.items():
        form.add_error(name if name in form.fields else None, errors)


def why_not(check: Callable[[], None]) -> str:
    """The words of a refusal, or nothing where the thing is allowed; for the line beside a button."""
    try:
        check()
    except (NotAllowed, RuleViolation) as error:
        return " ".join(filter(None, [str(error), getattr(error, "help", "")]))
    return ""


def person_may(check: Callable[..., None], *args: Any, **kwargs: Any) -> None:
    """
    Ask a policy about the person only, before anything they sent is looked at.

    :raises NotAllowed: this person may not. What the state forbids is told by the action, beside what was typed.
    """
    with suppress(RuleViolation):
        check(*args, **kwargs)


def done(request: HttpRequest, words: str) -> None:
    messages.success(request, words)
