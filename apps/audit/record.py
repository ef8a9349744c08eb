"""
Writing governed changes: the row, its history and its ledger entry, all in the caller's transaction.

Every action ends in one of these. The shape of an entry follows docs/adr/0004-ledger-entries.md.
"""

import secrets
import uuid
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from apps.core.canonical import canonical_bytes, plain, sha256_hex
from apps.core.middleware import current_request_id
from apps.core.models import GovernedModel

from .models import Entry, EntryPrivate

_COMMIT = b"aifactory/commit/v1\x00"


def commitment(salt: bytes, content: Any) -> str:
    """SHA-256 over a domain prefix, a 32-byte salt and the canonical JSON of ``content``; hexadecimal."""
    return sha256_hex(_COMMIT + salt + canonical_bytes(content))


def _hashable(value: Any) -> Any:
    if isinstance(value, float):
        return str(Decimal(str(value)))
    if isinstance(value, models.fields.files.FieldFile):
        return value.name or ""
    if isinstance(value, dict):
        return {key: _hashable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_hashable(item) for item in value]
    if isinstance(value, bytes | memoryview):
        return sha256_hex(bytes(value))
    return value


def state_of(obj: models.Model) -> dict[str, Any]:
    """The stored columns of ``obj`` as plain values, foreign keys as ids."""
    return {field.attname: _hashable(getattr(obj, field.attname)) for field in obj._meta.concrete_fields}


def system_of(obj: Any) -> Any:
    """The system a governed row belongs to: itself, or what its ``system`` attribute says, or none."""
    if obj._meta.label_lower == "registry.aisystem":
        return obj
    return getattr(obj, "system", None)


def record(
    *,
    act: str,
    obj: models.Model | None,
    by: Any,
    system: Any = None,
    before: dict | None = None,
    after: dict | None = None,
    reason: str = "",
    ref: dict[str, str] | None = None,
    history: models.Model | None = None,
    via: str = "",
) -> Entry:
    """
    Append one entry to the ledger, in the running transaction.

    ``before`` and ``after`` are the object's columns; only their salted commitments enter the entry. ``ref`` holds
    public references such as digests. ``via`` says through which kind of access (session, token, task). ``obj`` is None
    where nothing of ours is concerned, such as a sign-in with a name nobody has.
    """
    system = system or (system_of(obj) if obj is not None else None)
    salt = secrets.token_bytes(32)
    now = timezone.now()
    eid = uuid.uuid4()
    changed = sorted(k for k in (after or {}) if before is None or before.get(k) != (after or {}).get(k))
    private = {
        "actor": str(by) if by else "",
        "reason": reason,
        "before": before if before is None else {k: before.get(k) for k in changed} or before,
        "after": after if after is None else {k: after[k] for k in changed} or after,
    }
    private = plain(private)
    kind, object_id = _address_of(obj)
    body = {
        "typ": "aifactory.audit/v1",
        "eid": eid,
        "at": now,
        "actor": {"sub": by.uid if by else None, "via": via or getattr(by, "via", "session")},
        "act": act,
        "obj": {"kind": kind, "id": object_id, "ver": getattr(obj, "version", None)},
        "system": system.uid if system is not None else None,
        "before": commitment(salt, private["before"]) if before is not None else None,
        "after": commitment(salt, private["after"]) if after is not None else None,
        "private": commitment(salt, {"actor": private["actor"], "reason": reason}),
        "hist": _history_reference(history, salt),
        "ref": ref or {},
        "req": current_request_id() or None,
    }
    entry = Entry.objects.create(
        eid=eid,
        body=canonical_bytes(body),
        at=now,
        act=act,
        kind=kind,
        object_id=object_id,
        system_uid=system.uid if system is not None else None,
        actor_uid=by.uid if by else None,
    )
    EntryPrivate.objects.create(entry=entry, salt=salt, data=private)
    return entry


def _address_of(obj: models.Model | None) -> tuple[str, str]:
    """The kind of an object and its public identifier, as entries hold them."""
    if obj is None:
        return "", ""
    return obj._meta.label_lower, str(getattr(obj, "uid", None) or obj.pk)


def _history_reference(history: Any, salt: bytes) -> dict[str, Any] | None:
    if history is None:
        return None
    columns = {field.attname: _hashable(getattr(history, field.attname)) for field in history.tracked_fields}
    return {"table": history._meta.db_table, "id": history.pk, "commit": commitment(salt, columns)}


@transaction.atomic
def save_with_history(
    obj: GovernedModel,
    *,
    by: Any,
    reason: str,
    fields: Iterable[str] | None = None,
    act: str = "",
    ref: dict[str, str] | None = None,
) -> GovernedModel:
    """
    Save ``obj`` in the name of ``by`` and put the change on record: history row, version, ledger entry.

    ``fields`` names what is saved of an existing row (a caller's copy may be stale in the others); a new row is saved
    whole. ``reason`` is what people read in the timeline; ``act`` is the machine's word for it.

    :raises TypeError: an existing row without ``fields``.
    """
    adding = obj._state.adding
    noun = obj._meta.model_name
    obj._history_user = by if by and by.pk else None
    obj._change_reason = reason
    before = None
    obj.updated_at = timezone.now()
    if adding:
        obj.save(force_insert=True)
    else:
        if fields is None:
            raise TypeError("Name the fields to save on an existing row.")
        stored = type(obj)._base_manager.get(pk=obj.pk)
        before = state_of(stored)
        obj.version = stored.version + 1
        obj.save(update_fields=[*fields, "version", "updated_at"])
    record(
        act=act or f"{noun}.{'created' if adding else 'changed'}",
        obj=obj,
        by=by,
        before=before,
        after=state_of(obj),
        reason=reason,
        ref=ref,
        history=obj._last_history,
    )
    return obj


@transaction.atomic
def delete_with_history(obj: GovernedModel, *, by: Any, reason: str, act: str = "") -> None:
    """Delete ``obj``; its history stays, closed by a row that says who, when and why."""
    obj._history_user = by
    obj._change_reason = reason
    before = state_of(obj)
    system = system_of(obj)
    pk = obj.pk
    obj.delete()
    obj.pk = pk
    record(
        act=act or f"{obj._meta.model_name}.deleted",
        obj=obj,
        by=by,
        system=system,
        before=before,
        reason=reason,
        history=obj._last_history,
    )
    obj.pk = None
