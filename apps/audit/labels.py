"""
The words of the timeline: what an act of the ledger is called, and how the object it was about is named and found.

Each room has a module ``labels`` that registers its own; the ledger itself knows none of them. An act nobody gave words
to is spelled out from its name, so a timeline is never empty of meaning.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module

from django.apps import apps
from django.utils.module_loading import module_has_submodule


@dataclass(frozen=True)
class Act:
    """An act in words. ``title`` may hold ``{object}``, which stands for the name of the object."""

    title: str
    icon: str = "edit"
    tone: str = "plain"


@dataclass(frozen=True)
class Kind:
    """
    How objects of one model appear in a timeline.

    ``name`` lists the columns that make up an object's name, joined as ``pattern`` says (``{0} v{1}``). ``url`` is the
    name of its page and ``url_args`` the columns for its address. Both may lead through relations (``review__uid``).
    ``hidden`` columns are not shown as changes; ``labels`` gives words for columns and for other keys of an entry.
    """

    name: tuple[str, ...] = ()
    pattern: str = ""
    url: str = ""
    url_args: tuple[str, ...] = ("uid",)
    hidden: frozenset[str] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)

    def join(self, parts: list[str]) -> str:
        """The name made of ``parts``, one per column of ``name``; empty parts are left out where no pattern is."""
        if self.pattern and all(parts):
            return self.pattern.format(*parts)
        return " · ".join(part for part in parts if part)


ACTS: dict[str, Act] = {}
KINDS: dict[str, Kind] = {}


def acts(words: Mapping[str, Act]) -> None:
    """Register the words of acts: ``{"system.registered": Act("System registered")}``."""
    ACTS.update(words)


def kind(model: str, **how: object) -> None:
    """Register how objects of ``model`` (``registry.aisystem``) appear; see :class:`Kind`."""
    KINDS[model] = Kind(**how)  # type: ignore[arg-type]


def words_of(act: str) -> Act:
    """The words of ``act``; made from its name where nobody registered any."""
    return ACTS.get(act) or Act(act.replace(".", " ").replace("_", " ").capitalize())


def kind_of(model: str) -> Kind:
    """How objects of ``model`` appear; by the first column that looks like a name where nobody said."""
    return KINDS.get(model) or Kind(name=_guess(model))


def _guess(model: str) -> tuple[str, ...]:
    try:
        columns = {column.attname for column in apps.get_model(model)._meta.concrete_fields}
    except (LookupError, ValueError):
        return ()
    return tuple(name for name in ("title", "name", "full_name", "filename", "key") if name in columns)[:1]


def autodiscover() -> None:
    """Import the ``labels`` of every room."""
    for config in apps.get_app_configs():
        if config.name.startswith("apps.") and module_has_submodule(config.module, "labels"):
            import_module(f"{config.name}.labels")
