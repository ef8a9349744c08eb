from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from simple_history.models import HistoricalRecords

from .querysets import GovernedQuerySet


class GovernedModel(models.Model):
    """
    A row whose every change is on record: history, ledger entry, and a version that stops lost updates.

    Saved only by ``apps.audit.record.save_with_history``. ``version`` starts at 1 and grows by one a change; it is
    what ETags and hidden form fields carry.
    """

    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    history = HistoricalRecords(inherit=True)
    # What django-simple-history reads before a save and leaves after it.
    _history_user: Any
    _change_reason: str | None
    _last_history: Any

    objects = GovernedQuerySet.as_manager()

    class Meta:
        abstract = True

    @property
    def etag(self) -> str:
        return f'"{self._meta.model_name}-{self.pk}-{self.version}"'


class OutboxMessage(models.Model):
    """
    Something to do after the commit, written in the same transaction as its cause.

    The row is the record; Celery only wakes the worker. A lost broker loses nothing.
    """

    kind = models.CharField(max_length=60)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    done_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)

    class Meta:
        indexes = [
            # serves outbox.drain: open rows, oldest first
            models.Index(fields=["due_at", "id"], condition=models.Q(done_at=None), name="core_outbox_open")
        ]

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk}"


class IdempotencyKey(models.Model):
    """The answer once given to a request with this ``Idempotency-Key``, so that a retry does nothing twice."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    request_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="core_idempotency_key_once_per_user")]

    def __str__(self) -> str:
        return self.key
