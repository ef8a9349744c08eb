"""Loads checklist files into versioned rows."""

from pathlib import Path
from typing import Any

from django.db import transaction

from apps.core.catalogue import CatalogueError, content_digest, read_yaml

from .models import ChecklistTemplate, Item, Section

FOLDER = Path(__file__).parent / "catalogue"


def load_catalogue() -> list[str]:
    """Load every checklist file; the last by name is in force. Returns a line per file."""
    return [load_file(path, in_force=path == newest) for path in files() for newest in [files()[-1]]]


def files() -> list[Path]:
    return sorted(FOLDER.glob("*.yaml"))


@transaction.atomic
def load_file(path: Path, *, in_force: bool = True) -> str:
    """
    Load one checklist.

    :raises CatalogueError: this version was loaded before with other content (give the change a new version).
    """
    body = read_yaml(path)
    digest = content_digest(body)
    known = ChecklistTemplate.objects.filter(key=body["key"], version=body["version"]).first()
    if known and known.sha256 != digest:
        raise CatalogueError(f"{path.name}: version {body['version']} is loaded with other content; raise the version.")
    template = known or _create(body, digest)
    if in_force and not template.in_force:
        ChecklistTemplate.objects.filter(in_force=True).update(in_force=False)
        ChecklistTemplate.objects.filter(pk=template.pk).update(in_force=True)
    return f"{template}: {'already loaded' if known else 'loaded'}"


def _create(body: dict[str, Any], digest: str) -> ChecklistTemplate:
    header = {name: value for name, value in body.items() if name not in {"sections", "items"}}
    template = ChecklistTemplate.objects.create(
        key=body["key"],
        version=body["version"],
        title=body["title"],
        source=body["source"],
        sha256=digest,
        body=header,
    )
    sections = {}
    for position, row in enumerate(body["sections"], start=1):
        sections[row["key"]] = Section.objects.create(
            template=template,
            key=row["key"],
            title=row["title"],
            signing_role=row["signing_role"],
            statement=row["statement"],
            guidance=row.get("guidance", ""),
            position=position,
        )
    Item.objects.bulk_create(
        Item(
            section=sections[row["section"]],
            key=row["key"],
            title=row["title"],
            summary=row["summary"],
            position=position,
            blocker=row["blocker"],
            never_not_applicable=row["never_not_applicable"],
            validity_days=row["validity_days"],
            suggested_verifier=row["suggested_verifier"],
            spec=row,
        )
        for position, row in enumerate(body["items"], start=1)
    )
    return template
