"""
Writing millions of rows: plain tuples by COPY on PostgreSQL, by executemany on SQLite.

For throw-away databases only. It goes around actions, managers and signals, so whoever uses it writes history and
ledger entries as well.
"""

import random
import uuid
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import orjson
from django.core.management.color import no_style
from django.db import connection, models

from apps.audit.models import Entry, EntryPrivate
from apps.core.canonical import sha256_hex

Row = dict[str, Any]
FLUSH_AT = 5000
_REQUIRED = object()


def _template(model: type[models.Model]) -> Row:
    """Column values of an empty row; what has no constant default has to be given."""
    row: Row = {}
    for field in model._meta.concrete_fields:
        if field.null and not field.has_default():
            row[field.attname] = None
        elif field.has_default() and not callable(field.default):
            row[field.attname] = field.default
        elif field.default in (dict, list):
            row[field.attname] = field.default()
        elif isinstance(field, models.CharField | models.TextField | models.FileField) and not field.choices:
            row[field.attname] = ""
        else:
            row[field.attname] = _REQUIRED
    return row


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


_COPIED: dict[type, Callable[[Any], str]] = {
    type(None): lambda value: "\\N",
    str: _escaped,
    bytes: lambda value: "\\\\x" + value.hex(),
    dict: lambda value: _escaped(orjson.dumps(value).decode()),
    list: lambda value: _escaped(orjson.dumps(value).decode()),
}


def _copied(value: Any) -> str:
    """One value in the text format of COPY."""
    return _COPIED.get(type(value), str)(value)


class Table:
    """Buffered rows of one model. Keys are given out here, from the first free one."""

    def __init__(self, model: type[models.Model], part: int = 0, parts: int = 1) -> None:
        self.model = model
        self.name = model._meta.db_table
        self.fields = list(model._meta.concrete_fields)
        self.columns = [field.attname for field in self.fields]
        self.template = _template(model)
        self.key = model._meta.pk.attname  # type: ignore[union-attr]
        last = model._base_manager.aggregate(last=models.Max(self.key))["last"]
        # Several processes write at once, each every n-th key.
        self.next_key, self.step = (last or 0) // parts * parts + parts + part, parts
        self.buffer: list[tuple[Any, ...]] = []
        self.written = 0
        quoted = ", ".join(connection.ops.quote_name(field.column) for field in self.fields)
        self.copy = f"COPY {connection.ops.quote_name(self.name)} ({quoted}) FROM STDIN"
        marks = ", ".join(["%s"] * len(self.fields))
        self.insert = f"INSERT INTO {connection.ops.quote_name(self.name)} ({quoted}) VALUES ({marks})"  # noqa: S608

    def row(self, values: Row) -> Row:
        """A row with its key. :raises ValueError: a column is missing or unknown."""
        row = {**self.template, **values}
        if self.key not in values:
            row[self.key] = self.next_key
            self.next_key += self.step
        if len(row) != len(self.columns):
            raise ValueError(f"{self.name}: no such column: {sorted(row.keys() - set(self.columns))}")
        return row

    def put(self, row: Row) -> None:
        self.buffer.append(tuple(row[column] for column in self.columns))
        if len(self.buffer) >= FLUSH_AT:
            self.flush()

    def flush(self) -> None:
        if not self.buffer:
            return
        rows, self.buffer = self.buffer, []
        self.written += len(rows)
        if any(value is _REQUIRED for value in rows[0]):
            lacking = [c for c, value in zip(self.columns, rows[0], strict=True) if value is _REQUIRED]
            raise ValueError(f"{self.name}: no value for {lacking}")
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                with cursor.copy(self.copy) as copy:
                    copy.write("".join("\t".join(map(_copied, row)) + "\n" for row in rows))
            else:
                cursor.executemany(self.insert, [self._prepared(row) for row in rows])

    def _prepared(self, row: tuple[Any, ...]) -> list[Any]:
        return [
            field.get_db_prep_save(value, connection) if value is not None else None
            for field, value in zip(self.fields, row, strict=True)
        ]


_COMMIT = b"aifactory/commit/v1\x00"


def _bytes(value: Any) -> bytes:
    """Canonical JSON of values that are plain already. With ASCII keys and no floats orjson writes the same bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def commitment(salt: bytes, value: Any) -> str:
    return sha256_hex(_COMMIT + salt + _bytes(value))


_PLAIN: dict[type, Callable[[Any], Any]] = {
    datetime: lambda value: value.isoformat(timespec="microseconds")[:26] + "Z",  # all of them are in UTC
    uuid.UUID: str,
    date: date.isoformat,
    bytes: sha256_hex,
}


def _plain(value: Any) -> Any:
    convert = _PLAIN.get(type(value))
    return convert(value) if convert else value


def digest(*parts: object) -> str:
    """A stable SHA-256 in hexadecimal for something generated."""
    return sha256_hex("/".join(map(str, parts)).encode())


def state_of(row: Row) -> Row:
    return {name: _plain(value) for name, value in row.items()}


class Writer:
    """Rows with what a governed change leaves behind: history, ledger entry and its private part."""

    def __init__(self, source: random.Random, part: int = 0, parts: int = 1) -> None:
        self.random, self.part, self.parts = source, part, parts
        self.tables: dict[type[models.Model], Table] = {}
        self.histories: dict[type[models.Model], Table] = {}
        self.people: dict[int, tuple[str, str]] = {}  # user id -> uid, name

    def table(self, model: type[models.Model]) -> Table:
        if model not in self.tables:
            self.tables[model] = Table(model, self.part, self.parts)
        return self.tables[model]

    def new_uid(self) -> uuid.UUID:
        return uuid.UUID(int=self.random.getrandbits(128), version=4)

    def add(self, model: type[models.Model], **values: Any) -> Row:
        """A row without history, such as a permission."""
        table = self.table(model)
        row = table.row(values)
        table.put(row)
        return row

    def create(
        self,
        model: type[models.Model],
        values: Row,
        *,
        at: datetime,
        by: int,
        system: uuid.UUID,
        reason: str,
        act: str = "",
    ) -> Row:
        """
        A governed row as it is first; :meth:`keep` writes it once all its changes are made.

        Without ``act`` only history follows, for what one entry of another row covers.
        """
        row = self.table(model).row({"version": 1, "created_at": at, "updated_at": at, **values})
        history = self._history(model, row, "+", at=at, by=by, reason=reason)
        if act:
            after = state_of(row)
            self.record(model, row, act=act, at=at, by=by, system=system, reason=reason, after=after, history=history)
        return row

    def change(
        self,
        model: type[models.Model],
        row: Row,
        values: Row,
        *,
        at: datetime,
        by: int,
        system: uuid.UUID,
        reason: str,
        act: str,
    ) -> None:
        """Change a row that is not kept yet."""
        values = {**values, "version": row["version"] + 1, "updated_at": at}
        before = state_of({name: row[name] for name in values})
        row |= values
        history = self._history(model, row, "~", at=at, by=by, reason=reason)
        after = state_of({name: row[name] for name in values})
        changed = [name for name in after if after[name] != before[name]]
        self.record(
            model,
            row,
            act=act,
            at=at,
            by=by,
            system=system,
            reason=reason,
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
            history=history,
        )

    def keep(self, model: type[models.Model], *rows: Row) -> None:
        for row in rows:
            self.table(model).put(row)

    def _history(self, model: Any, row: Row, kind: str, *, at: datetime, by: int, reason: str) -> tuple[str, int, Row]:
        # The manager "history" is made anew at each look, which is slow.
        if model not in self.histories:
            self.histories[model] = self.table(model.history.model)
        table = self.histories[model]
        entry = table.row(
            {
                **row,
                "history_date": at,
                "history_type": kind,
                "history_user_id": by,
                "history_change_reason": reason,
            }
        )
        table.put(entry)
        return table.name, entry["history_id"], row

    def record(
        self,
        model: type[models.Model],
        row: Row,
        *,
        act: str,
        at: datetime,
        by: int,
        system: uuid.UUID,
        reason: str,
        before: Row | None = None,
        after: Row | None = None,
        history: tuple[str, int, Row] | None = None,
        ref: dict[str, str] | None = None,
    ) -> None:
        """The ledger entry of one change, in the shape that ``apps.audit.record`` gives it."""
        salt = self.random.randbytes(32)
        eid = self.new_uid()
        actor_uid, actor = self.people[by]
        kind, object_id = model._meta.label_lower, str(row.get("uid") or row["id"])
        private = {"actor": actor, "reason": reason, "before": before, "after": after}
        body = {
            "typ": "aifactory.audit/v1",
            "eid": str(eid),
            "at": _plain(at),
            "actor": {"sub": actor_uid, "via": "session"},
            "act": act,
            "obj": {"kind": kind, "id": object_id, "ver": row.get("version")},
            "system": str(system),
            "before": commitment(salt, before) if before is not None else None,
            "after": commitment(salt, after) if after is not None else None,
            "private": commitment(salt, {"actor": actor, "reason": reason}),
            "hist": None,
            "ref": ref or {},
            "req": str(eid),
        }
        if history is not None:
            table, pk, columns = history
            body["hist"] = {"table": table, "id": pk, "commit": commitment(salt, state_of(columns))}
        entry = self.add(
            Entry,
            eid=eid,
            body=_bytes(body),
            at=at,
            act=act,
            kind=kind,
            object_id=object_id,
            system_uid=system,
            actor_uid=uuid.UUID(actor_uid),
        )
        self.add(EntryPrivate, entry_id=entry["id"], salt=salt, data=private)

    def flush(self) -> None:
        for table in self.tables.values():
            table.flush()

    def finish(self) -> int:
        """Write the rest, set the sequences behind the keys given out, and say how many rows were written."""
        self.flush()
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), list(self.tables)):
                cursor.execute(statement)
        return sum(table.written for table in self.tables.values())
