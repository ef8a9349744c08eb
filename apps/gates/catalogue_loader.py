"""Loads gate policies into versioned rows, with ``includes`` written out."""

from pathlib import Path
from typing import Any

from django.db import transaction

from apps.core.catalogue import CatalogueError, content_digest, read_yaml

from .models import GatePolicy, GateRequirement
from .requirements import known_requirements

FOLDER = Path(__file__).parent / "catalogue"


def load_catalogue() -> list[str]:
    """Load every policy file; the last by name is in force. Returns a line per file."""
    paths = sorted(FOLDER.glob("*.yaml"))
    return [load_file(path, in_force=path == paths[-1]) for path in paths]


@transaction.atomic
def load_file(path: Path, *, in_force: bool = True) -> str:
    """
    Load one policy.

    :raises CatalogueError: an unknown requirement, phases that include each other, or a loaded version with other
        content.
    """
    body = read_yaml(path)
    digest = content_digest(body)
    known = GatePolicy.objects.filter(key=body["key"], version=body["version"]).first()
    if known and known.sha256 != digest:
        raise CatalogueError(f"{path.name}: version {body['version']} is loaded with other content; raise the version.")
    policy = known or _create(path, body, digest)
    if in_force and not policy.in_force:
        GatePolicy.objects.filter(in_force=True).update(in_force=False)
        GatePolicy.objects.filter(pk=policy.pk).update(in_force=True)
    return f"{policy}: {'already loaded' if known else 'loaded'}"


def _create(path: Path, body: dict[str, Any], digest: str) -> GatePolicy:
    header = {name: value for name, value in body.items() if name != "gates"}
    header["gates"] = {
        phase: {name: gate[name] for name in ("title", "sentence") if name in gate}
        for phase, gate in body["gates"].items()
    }
    policy = GatePolicy.objects.create(
        key=body["key"], version=body["version"], title=body["title"], source=body["source"], sha256=digest, body=header
    )
    for phase in body["gates"]:
        lines = written_out(body["gates"], phase, where=path.name)
        for position, line in enumerate(lines, start=1):
            if line["requirement"] not in known_requirements():
                raise CatalogueError(f"{path.name}: gates.{phase} names the unknown requirement {line['requirement']}.")
            GateRequirement.objects.create(
                policy=policy,
                phase=phase,
                position=position,
                name=line["requirement"],
                params=line.get("params", {}),
                tiers=line.get("tiers", [1, 2, 3]),
                severity=line.get("severity", "blocking"),
                waivable=line.get("waivable", False),
            )
    return policy


def written_out(gates: dict[str, Any], phase: str, *, where: str, path: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """
    The requirements of ``phase`` with those of the phases it includes first; a later line replaces its namesake.

    :raises CatalogueError: an unknown phase, or phases that include each other.
    """
    if phase in path:
        raise CatalogueError(f"{where}: gates include each other: {' → '.join([*path, phase])}.")
    if phase not in gates:
        raise CatalogueError(f"{where}: gates.{path[-1]} includes the unknown phase {phase}.")
    merged: dict[tuple, dict[str, Any]] = {}
    for included in gates[phase].get("includes", []):
        for line in written_out(gates, included, where=where, path=(*path, phase)):
            merged[_identity(line)] = line
    for line in gates[phase].get("requirements", []):
        merged[_identity(line)] = line
    return list(merged.values())


def _identity(line: dict[str, Any]) -> tuple:
    params = line.get("params", {})
    return (line["requirement"], params.get("item"), params.get("section"))
