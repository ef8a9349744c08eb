"""Canonical JSON (RFC 8785) and SHA-256: the bytes that signatures and ledger entries are about."""

import hashlib
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import rfc8785


def plain(value: Any) -> Any:
    """
    ``value`` in the few types that hash the same everywhere.

    Decimals and UUIDs become strings, instants RFC 3339 in UTC with six digits and ``Z``. Floats are refused: their
    text differs between languages.

    :raises TypeError: for a float or any other type.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical form")


def canonical_bytes(value: Any) -> bytes:
    """The RFC 8785 bytes of ``value`` after :func:`plain`."""
    return rfc8785.dumps(plain(value))


def sha256_hex(data: bytes) -> str:
    """SHA-256 of ``data`` in lower-case hexadecimal, 64 characters."""
    return hashlib.sha256(data).hexdigest()
