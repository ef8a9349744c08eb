"""Canonical JSON (RFC 8785) and SHA-256: the bytes that signatures and ledger entries are about."""

import hashlib
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
import rfc8785

_AS_IT_IS = frozenset({type(None), str, bool, int})


def plain(value: Any) -> Any:
    """
    ``value`` in the few types that hash the same everywhere.

    Decimals and UUIDs become strings, instants RFC 3339 in UTC with six digits and ``Z``. Floats are refused: their
    text differs between languages.

    :raises TypeError: for a float or any other type.
    """
    kind = type(value)
    if kind in _AS_IT_IS:
        return value
    if kind is dict:
        return {key if type(key) is str else str(key): plain(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [plain(item) for item in value]
    if isinstance(value, str | int):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, dict):
        return plain(dict(value))
    if isinstance(value, list | tuple):
        return plain(list(value))
    raise TypeError(f"{kind.__name__} has no canonical form")


def canonical_bytes(value: Any) -> bytes:
    """
    The RFC 8785 bytes of ``value`` after :func:`plain`.

    With ASCII keys and no floats orjson writes exactly these bytes, many times faster; the rest, and whatever it
    refuses, goes to the reference. A test holds the two together.
    """
    value = plain(value)
    if _keys_are_ascii(value):
        with suppress(orjson.JSONEncodeError):
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER)
    return rfc8785.dumps(value)


def _keys_are_ascii(value: Any) -> bool:
    """Keys of other letters sort by UTF-16, which is another order than that of their bytes."""
    if type(value) is dict:
        return all(map(str.isascii, value)) and all(map(_keys_are_ascii, value.values()))
    return all(map(_keys_are_ascii, value)) if type(value) is list else True


def sha256_hex(data: bytes) -> str:
    """SHA-256 of ``data`` in lower-case hexadecimal, 64 characters."""
    return hashlib.sha256(data).hexdigest()
