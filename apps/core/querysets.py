"""Reading helpers that all apps share."""

from datetime import datetime
from typing import Any

from django.db import models


class GovernedQuerySet(models.QuerySet):
    """
    Governed rows change one by one, through ``save_with_history``; the short cuts that write no history are closed.

    Raises :class:`TypeError` instead of writing, so that a short cut fails in the first test that meets it.
    """

    def _closed(self, name: str) -> TypeError:
        return TypeError(f"{self.model.__name__} is governed: {name}() would write neither history nor ledger entry.")

    def update(self, **kwargs: Any) -> int:
        raise self._closed("update")

    def delete(self) -> tuple[int, dict[str, int]]:
        raise self._closed("delete")

    def bulk_create(self, *args: Any, **kwargs: Any) -> Any:
        raise self._closed("bulk_create")

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        raise self._closed("bulk_update")


class Reader:
    """
    Reads models as they are, or as they were at one instant: one set of queries behind a page and its "as of" view.

    >>> Reader(None)(AISystem)        # live rows
    >>> Reader(some_instant)(AISystem)  # rows as instances, from history
    """

    def __init__(self, at: datetime | None = None) -> None:
        self.at = at

    def __call__(self, model: type[models.Model]) -> models.QuerySet:
        if self.at is None:
            return model._default_manager.all()
        return model.history.as_of(self.at)  # type: ignore[attr-defined]
