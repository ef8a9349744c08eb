from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.utils import timezone

from apps.core.exceptions import RuleViolation, StaleObject
from apps.core.models import GovernedModel
from apps.registry.models import AISystem

from ..models import Contribution, Review, ReviewItem

Row = TypeVar("Row", bound=GovernedModel)


def lock_system(system_id: int) -> AISystem:
    """
    Make writers of one system take turns, and read it as it is now.

    Every action of this room takes this lock first, so a signature sees all content or none of a change to it. The
    weaker row lock is enough, and lets other transactions refer to the system meanwhile.
    """
    return AISystem.objects.select_for_update(no_key=True).get(pk=system_id)


def locked_review(review: Review) -> Review:
    system = lock_system(review.system_id)
    row = Review.objects.select_related("template").get(pk=review.pk)
    row.system = system
    return row


def locked_item(review_item: ReviewItem) -> ReviewItem:
    """The item as it is now, with its review and the system locked."""
    system = lock_system(review_item.review.system_id)
    row = ReviewItem.objects.select_related("item__section", "review__template", "assigned_to").get(pk=review_item.pk)
    row.review.system = system
    return row


def check_version(obj: GovernedModel, expected: int | None) -> None:
    """:raises StaleObject: somebody changed ``obj`` since the caller saw version ``expected``."""
    if expected is not None and obj.version != expected:
        raise StaleObject


def stated(text: str, words: str, *, field: str = "reason") -> str:
    """:raises RuleViolation: there is no text where one is owed; ``words`` ask for it."""
    if not text.strip():
        raise RuleViolation(words, code=f"{field}_missing", field=field)
    return text.strip()


def today(by: Any) -> date:
    """Which day it is for this person."""
    return timezone.now().astimezone(ZoneInfo(getattr(by, "timezone", "") or settings.TIME_ZONE)).date()


def utc_today() -> date:
    """The day that validity is judged by: the same for everybody."""
    return timezone.now().astimezone(UTC).date()


def contributed(review_item: ReviewItem, users: Iterable[Any], kind: str) -> None:
    """Note who had a part in an item; it stays noted whatever happens to that part."""
    known = set(Contribution.objects.filter(review_item=review_item, kind=kind).values_list("user_id", flat=True))
    for user_id in dict.fromkeys(user.pk for user in users):
        if user_id not in known:
            Contribution.objects.create(review_item=review_item, user_id=user_id, kind=kind, at=timezone.now())


def create_with_history(model: type[Row], rows: list[Row], *, by: Any, reason: str, at: datetime) -> list[Row]:
    """
    Insert many governed rows and their history with two statements.

    For actions whose one ledger entry carries a digest of all the rows; single rows go through ``save_with_history``.
    """
    # The queryset of a governed model refuses bulk_create, because it leaves history out. Here history follows.
    made: list[Row] = models.QuerySet[Row, Row](model=model).bulk_create(rows)
    model.history.bulk_history_create(made, default_user=by, default_change_reason=reason, default_date=at)  # type: ignore[attr-defined]
    return made
