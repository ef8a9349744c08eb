"""
Side effects after commit: written as rows in the business transaction, carried out by the worker.

A handler may run twice (the process can die between the work and the mark), so handlers are written to bear it.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from .models import OutboxMessage

logger = logging.getLogger(__name__)
HANDLERS: dict[str, Callable[..., None]] = {}
MAX_ATTEMPTS = 10


def handler(kind: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register the function that carries out messages of ``kind``; it takes the payload as keywords."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        HANDLERS[kind] = function
        return function

    return register


def put(kind: str, due_at: Any = None, **payload: Any) -> OutboxMessage:
    """Queue ``kind`` with a JSON payload in the running transaction, and wake the worker once it commits."""
    message = OutboxMessage.objects.create(kind=kind, payload=payload, due_at=due_at or timezone.now())
    transaction.on_commit(_wake, robust=True)
    return message


def _wake() -> None:
    if settings.OUTBOX_WAKE:
        from .tasks import drain_outbox

        drain_outbox.delay()


def drain(limit: int = 500) -> int:
    """
    Carry out what is due, oldest first; returns how many were done.

    Each message is its own transaction and is locked while it runs, so any number of workers may drain at once.
    A message that fails waits longer each time and keeps its error; after ten tries it is left for a person to look at.
    """
    done = 0
    ids = list(
        OutboxMessage.objects.filter(done_at=None, due_at__lte=timezone.now(), attempts__lt=MAX_ATTEMPTS)
        .order_by("due_at", "id")
        .values_list("pk", flat=True)[:limit]
    )
    for pk in ids:
        done += _carry_out(pk)
    return done


@transaction.atomic
def retry(message: OutboxMessage) -> None:
    """Give a message that failed too often another ten tries, from now on."""
    message = OutboxMessage.objects.select_for_update().get(pk=message.pk)
    if message.done_at is None:
        message.attempts, message.due_at = 0, timezone.now()
        message.save(update_fields=["attempts", "due_at"])
        transaction.on_commit(_wake, robust=True)


def discard_waiting() -> int:
    """Mark everything that waits as done without doing it. For data made up in the past, such as a demonstration."""
    return OutboxMessage.objects.filter(done_at=None).update(done_at=timezone.now(), last_error="discarded")


def _carry_out(pk: int) -> bool:
    try:
        with transaction.atomic():
            message = (
                OutboxMessage.objects.select_for_update(
                    skip_locked=connection.features.has_select_for_update_skip_locked
                )
                .filter(pk=pk, done_at=None)
                .first()
            )
            if message is None:
                return False
            HANDLERS[message.kind](**message.payload)
            message.done_at, message.last_error = timezone.now(), ""
            message.save(update_fields=["done_at", "last_error"])
            return True
    except Exception as error:
        logger.exception("outbox message %s failed", pk)
        message = OutboxMessage.objects.get(pk=pk)
        message.attempts += 1
        message.last_error = f"{type(error).__name__}: {error}"[:2000]
        message.due_at = timezone.now() + timedelta(seconds=min(3600, 2**message.attempts * 15))
        message.save(update_fields=["attempts", "last_error", "due_at"])
        return False
