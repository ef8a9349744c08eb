import uuid

from django.db import models


class Entry(models.Model):
    """
    One governed change in the ledger. Rows are inserted with the change they are about and never touched again.

    ``body`` is the canonical JSON that counts; the other columns repeat parts of it for look-ups. Nothing in it names
    a person: what does lives in :class:`EntryPrivate`, and ``body`` holds only a salted commitment to it.
    """

    eid = models.UUIDField(default=uuid.uuid4, unique=True)
    body = models.BinaryField()
    at = models.DateTimeField()
    act = models.CharField(max_length=60)
    kind = models.CharField(max_length=60)
    object_id = models.CharField(max_length=60)
    system_uid = models.UUIDField(null=True)
    actor_uid = models.UUIDField(null=True)

    class Meta:
        indexes = [
            # serves the timeline of one system, newest first
            models.Index(fields=["system_uid", "-id"], name="audit_entry_of_system"),
            models.Index(fields=["kind", "object_id"], name="audit_entry_of_object"),
        ]
        verbose_name_plural = "entries"

    def __str__(self) -> str:
        return f"{self.act} {self.kind} {self.object_id}"


class EntryPrivate(models.Model):
    """The erasable part of an entry: the salt and the words behind its commitments."""

    entry = models.OneToOneField(Entry, on_delete=models.PROTECT, related_name="private")
    salt = models.BinaryField(null=True)
    data = models.JSONField(null=True)
    hold_until = models.DateField(null=True)
    erased_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"private part of entry {self.entry_id}"
