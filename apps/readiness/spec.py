"""What the catalogue says about an item, in the words pages and the API show."""

from dataclasses import dataclass, field
from typing import Any

from .models import ChecklistTemplate, EvidenceKind, Item


@dataclass(frozen=True)
class ItemSpec:
    """One catalogue entry with its references resolved: framework names, condition texts, names of evidence kinds."""

    verify: list[str]
    guidance: str
    suggested_evidence: list[str]
    evidence_kinds: list[tuple[str, str]]
    suggested_verifier: str
    validity_days: int
    validity_note: str
    attestation_alone_is_enough: bool
    conditions: list[dict[str, Any]] = field(default_factory=list)
    controls: list[dict[str, Any]] = field(default_factory=list)
    auto_check: str = ""


def item_spec(item: Item, template: ChecklistTemplate) -> ItemSpec:
    """The entry of ``item`` in ``template``, which must be the one it belongs to."""
    spec, header = item.spec, template.body
    kinds = dict(EvidenceKind.choices)
    notes = [spec.get("validity_by_evidence", ""), spec.get("valid_until_trigger", "")]
    return ItemSpec(
        verify=spec.get("verify", []),
        guidance=spec.get("guidance", ""),
        suggested_evidence=spec.get("suggested_evidence", []),
        evidence_kinds=[(key, str(kinds.get(key, key))) for key in spec.get("evidence_types", [])],
        suggested_verifier=item.suggested_verifier,
        validity_days=item.validity_days,
        validity_note=" ".join(note for note in notes if note),
        attestation_alone_is_enough=spec.get("attestation_alone_is_enough", True),
        conditions=_conditions(spec, header),
        controls=_controls(spec, header),
        auto_check=spec.get("auto_check", ""),
    )


def _conditions(spec: dict[str, Any], header: dict[str, Any]) -> list[dict[str, Any]]:
    """The contexts in which the item may be set aside, each with what then falls away."""
    known = {row["key"]: row for row in header.get("not_applicable_conditions", [])}
    return [
        {
            "key": row["condition"],
            "title": known.get(row["condition"], {}).get("title", row["condition"]),
            "text": known.get(row["condition"], {}).get("text", ""),
            "expires_days": known.get(row["condition"], {}).get("expires_days"),
            "whole": row.get("scope") == "whole",
            "effect": row.get("text", ""),
        }
        for row in spec.get("not_applicable_when", [])
    ]


def _controls(spec: dict[str, Any], header: dict[str, Any]) -> list[dict[str, Any]]:
    """The mapped controls, grouped by framework in the order of the entry."""
    names = header.get("frameworks", {})
    groups: dict[str, dict[str, Any]] = {}
    for row in spec.get("controls", []):
        key = row["framework"]
        group = groups.setdefault(key, {"key": key, "framework": names.get(key, key), "refs": []})
        group["refs"].append({"ref": row["ref"], "title": row.get("title", "")})
    return list(groups.values())
