"""
Signed content and signatures for reading: made from the stored bytes, so that people see what was hashed.

Names are looked up beside the bytes, which hold only the ids of people.
"""

import json
from typing import Any
from uuid import UUID

from django.utils.dateparse import parse_date, parse_datetime

from apps.accounts.models import User
from apps.registry.models import Phase
from apps.registry.roles import Role

from .content import names_in
from .models import ChecklistTemplate, EvidenceKind, Item, ItemStatus, SignOff

FACTS = {
    "purpose": "Purpose",
    "intended_users": "Intended users",
    "affected_people": "Affected people",
}


def shown_content(canonical: bytes, template: ChecklistTemplate) -> dict[str, Any]:
    """The content of a section, parsed from its canonical JSON and put into words."""
    body = json.loads(canonical)
    names = names_in(body)
    titles = dict(Item.objects.filter(section__template=template).values_list("key", "title"))
    return {
        "phase": Phase(body["phase"]).label,
        "tier": body["system"]["tier"],
        "facts": [(label, body["system"].get(name, "")) for name, label in FACTS.items()],
        "template": body["template"],
        "versions": body["model_versions"],
        "items": [_item(item, titles, names, template) for item in body["items"]],
        "parts": [(name.replace("_", " ").capitalize(), _lines(part)) for name, part in body["parts"].items()],
    }


def _item(item: dict[str, Any], titles: dict[str, str], names: dict[str, str], template: Any) -> dict[str, Any]:
    contexts = {row["key"]: row["title"] for row in template.body.get("not_applicable_conditions", [])}
    return {
        "key": item["key"],
        "title": titles.get(item["key"], ""),
        "status": item["status"],
        "status_label": ItemStatus(item["status"]).label,
        "answer": item["answer"],
        "context": contexts.get(item["not_applicable"] or "", item["not_applicable"] or ""),
        "answered_by": names.get(item["answered_by"] or "", ""),
        "verified_by": names.get(item["verified_by"] or "", ""),
        "verified_at": _moment(item["verified_at"]),
        "valid_until": _moment(item["valid_until"]),
        "evidence": [_evidence(piece) for piece in item["evidence"]],
    }


def _evidence(piece: dict[str, Any]) -> dict[str, Any]:
    return {
        **piece,
        "kind_label": dict(EvidenceKind.choices).get(piece["kind"], piece["kind"]),
        "effective_on": _day(piece["effective_on"]),
        "valid_until": _day(piece["valid_until"]),
    }


def _moment(text: str | None) -> Any:
    return parse_datetime(text) if text else None


def _day(text: str | None) -> Any:
    return parse_date(text) if text else None


def _lines(part: Any, path: str = "") -> list[tuple[str, str]]:
    """What another room handed in, flattened to names and values."""
    if isinstance(part, dict):
        return [line for key, value in part.items() for line in _lines(value, f"{path} {key}".strip())]
    if isinstance(part, list):
        return [line for number, value in enumerate(part, 1) for line in _lines(value, f"{path} {number}".strip())]
    return [(path.replace("_", " "), "" if part is None else str(part))]


def manifestation(found: SignOff) -> dict[str, Any]:
    """What belongs beside a signature wherever it is shown; the names are those of the signature block."""
    role = str(Role(found.role).label) if found.role in Role.values else found.role
    principal = f", standing in for {found.on_behalf_of}" if found.on_behalf_of else ""
    return {
        "name": found.signer_name,
        "role": f"{role}{principal}",
        "meaning": found.meaning,
        "statement": found.statement,
        "comment": found.comment,
        "conditions": condition_words(found),
        "signed_at": found.signed_at,
        "zone": found.zone,
        "proof": found.proof.get_method_display(),
        "valid_until": found.valid_until,
        "digest": found.snapshot.sha256,
    }


def condition_words(found: SignOff) -> str:
    """The conditions stated in a signature, one to a line."""
    owners = User.objects.filter(uid__in=[UUID(row["owner"]) for row in found.conditions]) if found.conditions else []
    names = {str(user.uid): user.get_full_name() for user in owners}
    return "\n".join(
        f"{row['text']} ({names.get(row['owner'], 'somebody')}, by {parse_date(row['due_on']):%-d %B %Y})"
        for row in found.conditions
    )
