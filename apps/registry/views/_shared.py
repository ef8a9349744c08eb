"""What the pages of a system share: finding it, its header, and turning the answer of an action into a page."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone

from apps.accounts.models import User
from apps.core.exceptions import RuleViolation, StaleObject
from apps.core.forms import add_refusal
from apps.core.querysets import Reader

from ..forms import same_text
from ..models import AISystem, RoleAssignment
from ..roles import Role


def find_system(request: HttpRequest, slug: str) -> AISystem:
    """The system of a page, with what its header shows; 404 for who may not see it."""
    return get_object_or_404(AISystem.objects.visible_to(request.user).select_related("status"), slug=slug)


def as_of(system: AISystem, at: datetime | None) -> AISystem:
    """
    The system as it was; itself without an instant.

    :raises RuleViolation: it was not registered yet.
    """
    if at is None:
        return system
    try:
        return system.history.as_of(at)
    except AISystem.DoesNotExist as error:
        raise RuleViolation(
            f"This system was not in the register yet on {timezone.localtime(at):%-d %B %Y at %H:%M}.",
            help=f"It was registered on {timezone.localtime(system.created_at):%-d %B %Y at %H:%M}.",
        ) from error


@dataclass(frozen=True)
class Answer:
    """The gate's answer as the list columns hold it: enough for a header."""

    granted: bool
    sentence: str


def frame(system: AISystem, *, at: datetime | None = None, owner: Any = None, **context: Any) -> dict[str, Any]:
    """What the header of a system's pages shows."""
    status = getattr(system, "status", None) if at is None else None
    return {
        "system": as_of(system, at),
        "owner": owner or owner_of(system, at),
        "suspended": bool(status and status.suspended),
        "evaluation": Answer(status.next_granted, status.sentence) if status and status.sentence else None,
        "as_of": at,
        **context,
    }


def owner_of(system: AISystem, at: datetime | None = None) -> Any:
    rows = Reader(at)(RoleAssignment).filter(system_id=system.pk, role=Role.OWNER)
    return User.objects.filter(pk__in=[row.user_id for row in rows]).first()


def attempt(form: Any, act: Callable[[], Any]) -> int:
    """
    Call an action for a valid form; 0 when it worked, else the status of the page that shows ``form`` again.

    :raises StaleObject: left to the caller, who knows what changed.
    """
    try:
        act()
    except StaleObject:
        raise
    except ValidationError as error:
        form.add_error(None, error)
        return 422
    except RuleViolation as error:
        error.field = getattr(form, "named", {}).get(error.field, error.field)
        add_refusal(form, error)
        return 409
    return 0


def posted(request: HttpRequest) -> Any:
    """What a form binds to: the data of a POST, an empty one included, else nothing."""
    return request.POST if request.method == "POST" else None


@dataclass(frozen=True)
class Change:
    """One line of a difference."""

    field: str
    label: str
    old: Any
    new: Any


def changes_since(obj: Any, version: int, fields: list[str]) -> list[Change]:
    """What others changed in ``fields`` of ``obj`` since the reader saw ``version``."""
    then = obj.history.filter(version=version).first()
    if then is None:
        return []
    changes = []
    for name in fields:
        field = obj._meta.get_field(name)
        old, new = getattr(then, name), getattr(obj, name)
        if old != new:
            changes.append(Change(name, str(field.verbose_name).capitalize(), _words(field, old), _words(field, new)))
    return changes


def _words(field: Any, value: Any) -> Any:
    return dict(field.flatchoices).get(value, value) if field.choices else value


def merged(form: Any, obj: Any, version: int, fields: list[str]) -> dict[str, Any]:
    """
    The data of a form that came too late, brought up to date: what the reader changed stays as they typed it, the rest
    is as others left it. Saving it again then overwrites nothing unseen.
    """
    then = obj.history.filter(version=version).first()
    data = form.data.copy()
    for name in fields:
        if then is not None and same_text(form.cleaned_data.get(name), getattr(then, name)):
            value = getattr(obj, name)
            data[form.add_prefix(name)] = "" if value is None else value
    data[form.add_prefix("version")] = obj.version
    return data
