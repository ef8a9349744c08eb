"""The fields of a system that an import can fill, and what kind of value each takes."""

from dataclasses import dataclass
from typing import Literal

from django.db import models

from apps.registry.models import AISystem

Kind = Literal["line", "text", "choice", "date"]


@dataclass(frozen=True)
class Target:
    """One field: a ``line`` holds no line breaks, a ``choice`` is one of ``choices``."""

    name: str
    label: str
    kind: Kind
    max_length: int
    choices: tuple[str, ...]


# No tier: that is assessed here, never taken over from a file.
_NAMES = (
    "name", "purpose", "unit", "business_function", "phase", "affected_people", "intended_users", "fallback",
    "started_on",
)  # fmt: skip


def _target(name: str) -> Target:
    field = AISystem._meta.get_field(name)
    assert isinstance(field, models.Field)  # noqa: S101 - tells the type checker
    kind: Kind = "line"
    if field.choices:
        kind = "choice"
    elif isinstance(field, models.DateField):
        kind = "date"
    elif isinstance(field, models.TextField):
        kind = "text"
    return Target(
        name=name,
        label=str(field.verbose_name).capitalize(),
        kind=kind,
        max_length=field.max_length or 0 if kind == "line" else 0,
        choices=tuple(str(value) for value, _ in field.choices or ()),
    )


TARGETS: dict[str, Target] = {name: _target(name) for name in _NAMES}
