"""
The ledger in words: who did what when to which object, why, and what changed.

Built from entries and their private parts. Names behind ids are looked up in bulk: the number of queries depends on how
many kinds of things a page of entries mentions, not on how many entries it has.
"""

import json
import zoneinfo
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from functools import cache
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import models
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.dateformat import format as format_date

from . import labels
from .models import Entry

# Columns that say nothing to a reader, or repeat what the row says anyway.
HIDDEN = {"id", "uid", "version", "created_at", "updated_at", "system_id", "granted_at", "granted_by_id"}
VIA = {"token": "with an API token", "command": "on the command line", "task": "automatically"}
# Keys that entries hold and no model has.
LABELS = {
    "address": "Address",
    "browser": "Browser",
    "tokens_revoked": "Tokens revoked",
    "typed": "Typed name",
    "user_id": "Person",
    "wrong": "Wrong",
}


@dataclass(frozen=True)
class Change:
    """One column of an object before and after, in words."""

    field: str
    label: str
    old: str
    new: str


@dataclass(frozen=True)
class Row:
    """One line of a timeline; the names are those of templates/components/timeline_item.html."""

    id: int
    eid: str
    at: datetime
    act: str
    title: str
    who: Any
    reason: str = ""
    changes: list[Change] = field(default_factory=list)
    kind: str = ""
    object_id: str = ""
    object_label: str = ""
    url: str = ""
    via: str = ""
    ref: dict[str, str] = field(default_factory=dict)
    icon: str = "edit"
    tone: str = "plain"
    erased: bool = False

    def as_json(self) -> dict[str, Any]:
        """The row for machines: the same words, with the person by user name."""
        return {
            "eid": self.eid,
            "at": self.at,
            "act": self.act,
            "title": self.title,
            "who": getattr(self.who, "username", None),
            "who_name": str(self.who) if self.who else None,
            "via": self.via,
            "reason": self.reason,
            "object": {"kind": self.kind, "id": self.object_id, "label": self.object_label, "url": self.url},
            "changes": [{"field": c.field, "label": c.label, "old": c.old, "new": c.new} for c in self.changes],
            "ref": self.ref,
            "erased": self.erased,
        }


def timeline(system: Any, *, user: Any = None, limit: int = 50, before: int | None = None) -> list[Row]:
    """
    The newest entries of ``system``, at most ``limit``, older than the entry with the key ``before``.

    Dates inside changes are in the zone of ``user``. Whether ``user`` may see the system is the caller's question.
    """
    return _page(Entry.objects.filter(system_uid=system.uid), user=user, limit=limit, before=before)


def object_timeline(obj: models.Model, *, user: Any = None, limit: int = 50, before: int | None = None) -> list[Row]:
    """The newest entries about one object, as in :func:`timeline`."""
    object_id = str(getattr(obj, "uid", None) or obj.pk)
    entries = Entry.objects.filter(kind=obj._meta.label_lower, object_id=object_id)
    return _page(entries, user=user, limit=limit, before=before)


def rows_of(entries: Iterable[Entry], *, user: Any = None, with_changes: bool = True) -> list[Row]:
    """``entries``, fetched with their ``private`` part, as rows; without changes they cost half."""
    return _Reading(list(entries), _zone_of(user), with_changes).rows()


def _page(entries: models.QuerySet[Entry], *, user: Any, limit: int, before: int | None) -> list[Row]:
    if before is not None:
        entries = entries.filter(pk__lt=before)
    return rows_of(entries.select_related("private").order_by("-pk")[:limit], user=user)


def _zone_of(user: Any) -> tzinfo:
    try:
        return zoneinfo.ZoneInfo(getattr(user, "timezone", "") or "")
    except (ValueError, OSError):
        return timezone.get_current_timezone()


def _model(kind: str) -> type[models.Model] | None:
    try:
        return apps.get_model(kind)
    except (LookupError, ValueError):
        return None


@cache
def _column(model: type[models.Model] | None, name: str) -> models.Field | None:
    if model is None:
        return None
    for column in model._meta.concrete_fields:
        if name in (column.attname, column.name):
            return column
    return None


class _Reading:
    """One page of entries on its way to becoming rows."""

    def __init__(self, entries: list[Entry], zone: tzinfo, with_changes: bool) -> None:
        self.entries = entries
        self.with_changes = with_changes
        self.zone = zone
        self.names = _Names()
        self.stored: dict[tuple[str, str], dict[str, Any]] = {}

    def rows(self) -> list[Row]:
        self.people = _people(entry.actor_uid for entry in self.entries)
        self._read_objects()
        for entry in self.entries:
            self._want_names(entry)
        self.names.read()
        return [self._row(entry) for entry in self.entries]

    # --- What has to be looked up -----------------------------------------------------------------------------------
    def _read_objects(self) -> None:
        """The columns that name and address the objects, of those that still exist: one query per kind."""
        ids: dict[str, set[str]] = defaultdict(set)
        for entry in self.entries:
            ids[entry.kind].add(entry.object_id)
        for kind, wanted in ids.items():
            model, how = _model(kind), labels.kind_of(kind)
            columns = {*how.name, *(how.url_args if how.url else ())}
            if model is None or not columns:
                continue
            key = "uid" if _column(model, "uid") else "pk"
            found = model._base_manager.filter(**{f"{key}__in": wanted}).order_by().values(key, *columns)
            self.stored |= {(kind, str(row[key])): row for row in found}

    def _want_names(self, entry: Entry) -> None:
        model, how = _model(entry.kind), labels.kind_of(entry.kind)
        for content in self._contents(entry) if self.with_changes else ():
            for name, value in content.items():
                self.names.want(_relation(model, name), value)
        for name in how.name:
            self.names.want(_relation(model, name), self._object(entry).get(name))

    @staticmethod
    def _contents(entry: Entry) -> list[dict[str, Any]]:
        data = _private(entry)
        return [content for content in (data.get("before"), data.get("after")) if content]

    def _object(self, entry: Entry) -> dict[str, Any]:
        """What is known of the object: what is stored now, else what the entry kept of it."""
        if found := self.stored.get((entry.kind, entry.object_id)):
            return found
        known: dict[str, Any] = {}
        for content in self._contents(entry):
            known |= content
        return known

    # --- Rows -------------------------------------------------------------------------------------------------------
    def _row(self, entry: Entry) -> Row:
        data = _private(entry)
        body = json.loads(bytes(entry.body))
        words = labels.words_of(entry.act)
        name = self._name(entry)
        return Row(
            id=entry.pk,
            eid=str(entry.eid),
            at=entry.at,
            act=entry.act,
            title=_fill(words.title, name),
            who=self.people.get(entry.actor_uid) or data.get("actor") or None,
            reason=data.get("reason") or "",
            changes=self._changes(entry, data) if self.with_changes else [],
            kind=entry.kind,
            object_id=entry.object_id,
            object_label=name,
            url=self._url(entry),
            via=VIA.get(body["actor"]["via"], ""),
            ref=body.get("ref") or {},
            icon=words.icon,
            tone=words.tone,
            erased=_is_erased(entry),
        )

    def _name(self, entry: Entry) -> str:
        known, model = self._object(entry), _model(entry.kind)
        how = labels.kind_of(entry.kind)
        return how.join([self._say(model, name, known.get(name)) for name in how.name])

    def _url(self, entry: Entry) -> str:
        how, stored = labels.kind_of(entry.kind), self.stored.get((entry.kind, entry.object_id))
        if not how.url or stored is None:
            return ""
        try:
            return reverse(how.url, args=[stored[name] for name in how.url_args])
        except NoReverseMatch:
            return ""

    def _changes(self, entry: Entry, data: dict[str, Any]) -> list[Change]:
        before, after = data.get("before") or {}, data.get("after") or {}
        model, how = _model(entry.kind), labels.kind_of(entry.kind)
        changes = []
        for name in {**before, **after}:
            old, new = before.get(name), after.get(name)
            if name in HIDDEN or name in how.hidden or (data.get("before") is None and _is_stamp(name)):
                continue
            said = (self._say(model, name, old), self._say(model, name, new))
            if said[0] != said[1]:
                changes.append(Change(name, _label(model, how, name), *said))
        return changes

    def _say(self, model: type[models.Model] | None, name: str, value: Any) -> str:
        """``value`` of the column ``name`` in words; empty for nothing."""
        if value is None or value == "" or value == [] or value == {}:
            return ""
        column = _column(model, name)
        if (related := _relation(model, name)) is not None:
            return self.names.of(related, value)
        if column is not None and column.choices:
            return str(dict(column.flatchoices).get(value, value))
        if isinstance(value, bool):
            return "Yes" if value else "No"
        return _plain_words(value, self.zone)


def _private(entry: Entry) -> dict[str, Any]:
    private = getattr(entry, "private", None)
    return (private.data if private is not None else None) or {}


def _is_erased(entry: Entry) -> bool:
    private = getattr(entry, "private", None)
    return private is None or private.erased_at is not None


def _is_stamp(name: str) -> bool:
    """Who and when of a new object: the row of the timeline says both."""
    return name.endswith(("_at", "_by_id"))


def _fill(title: str, name: str) -> str:
    """The title with the object's name, or without the words that lead to it."""
    if "{object}" not in title:
        return title
    return title.replace("{object}", name) if name else title.split("{object}")[0].rstrip(" :“")


def _label(model: type[models.Model] | None, how: labels.Kind, name: str) -> str:
    if said := how.labels.get(name):
        return said
    if (column := _column(model, name)) is not None:
        said = str(column.verbose_name)
        return said[:1].upper() + said[1:]
    return LABELS.get(name) or name.removesuffix("_id").replace("_", " ").capitalize()


def _relation(model: type[models.Model] | None, name: str) -> type[models.Model] | None:
    """The model that an id under ``name`` points at, if it does."""
    column = _column(model, name)
    if column is not None:
        return column.related_model if column.is_relation else None
    return get_user_model() if name == "user_id" else None


def _plain_words(value: Any, zone: tzinfo) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{key}: {_plain_words(item, zone)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(_plain_words(item, zone) for item in value)
    if isinstance(value, datetime):
        return format_date(value.astimezone(zone), "j M Y, H:i T")
    if isinstance(value, date):
        return format_date(value, "j M Y")
    if isinstance(value, str):
        return _as_date(value, zone)
    return str(value)


def _as_date(text: str, zone: tzinfo) -> str:
    """Instants and days are kept as ISO text; anything else is left as it is."""
    try:
        if len(text) == 27 and text.endswith("Z") and text[10] == "T":
            return _plain_words(datetime.fromisoformat(text), zone)
        if len(text) == 10 and text[4] == text[7] == "-":
            return _plain_words(date.fromisoformat(text), zone)
    except ValueError:
        pass
    return text


def _people(uids: Iterable[Any]) -> dict[Any, Any]:
    """The people by their identifier; automatic work by its name only, because nobody is behind it."""
    wanted = {uid for uid in uids if uid is not None}
    found = get_user_model()._base_manager.filter(uid__in=wanted) if wanted else []
    return {user.uid: str(user) if user.is_automation else user for user in found}


class _Names:
    """Names of rows that other rows point at: collect the ids first, then read each table once."""

    def __init__(self) -> None:
        self.wanted: dict[type[models.Model], set[Any]] = defaultdict(set)
        self.found: dict[type[models.Model], dict[Any, str]] = {}

    def want(self, model: type[models.Model] | None, value: Any) -> None:
        if model is not None and value not in (None, ""):
            self.wanted[model].add(value)

    def read(self) -> None:
        for model, ids in self.wanted.items():
            how = labels.kind_of(model._meta.label_lower)
            # A name made of further ids would need another round of looking up.
            if how.name and not any(_relation(model, name) for name in how.name):
                rows = model._base_manager.filter(pk__in=ids).order_by().values_list("pk", *how.name)
                self.found[model] = {pk: how.join([str(part) for part in parts]) for pk, *parts in rows}

    def of(self, model: type[models.Model], value: Any) -> str:
        name = self.found.get(model, {}).get(value)
        return str(name) if name else f"{str(model._meta.verbose_name).capitalize()} {value}"
