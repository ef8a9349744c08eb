"""
Catalogues are data: YAML files under ``apps/<app>/catalogue/``, loaded into versioned rows.

Each room that has some offers ``load_catalogue()`` in a module ``catalogue_loader``; ``manage.py load_catalogues``
and every migrate call them all. Loading the same file twice changes nothing; a loaded version is never rewritten.
"""

from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from django.apps import apps
from django.utils.module_loading import module_has_submodule

from .canonical import canonical_bytes, sha256_hex


class CatalogueError(Exception):
    """A catalogue file cannot be used; the text names the file and the place in it."""


def read_yaml(path: Path) -> dict[str, Any]:
    """
    The mapping in ``path``, dates and decimals as text.

    :raises CatalogueError: not YAML, or not a mapping with ``kind``, ``key``, ``version`` and ``source``.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainText)  # noqa: S506 - a SafeLoader subclass
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path.name}: {error}") from error
    if not isinstance(content, dict):
        raise CatalogueError(f"{path.name}: expected a mapping at the top")
    if missing := {"kind", "key", "version", "source"} - content.keys():
        raise CatalogueError(f"{path.name}: missing {', '.join(sorted(missing))}")
    return content


class _PlainText(yaml.SafeLoader):
    """Safe YAML that leaves dates and decimals as the text they were written in: a digest must not hang on a parser."""


_AS_TEXT = {"tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:float"}
_PlainText.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _AS_TEXT]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def content_digest(content: dict[str, Any]) -> str:
    """SHA-256 of the canonical JSON of a catalogue's content."""
    return sha256_hex(canonical_bytes(content))


def load_all() -> list[str]:
    """Load every app's catalogues, floor by floor; returns one line per catalogue."""
    lines: list[str] = []
    for config in apps.get_app_configs():
        if config.name.startswith("apps.") and module_has_submodule(config.module, "catalogue_loader"):
            lines += import_module(f"{config.name}.catalogue_loader").load_catalogue()
    return lines
