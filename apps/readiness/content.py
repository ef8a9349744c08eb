"""What a signature is about: the content of a section in canonical JSON, and its digest."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from apps.accounts.models import User
from apps.core.canonical import canonical_bytes, sha256_hex
from apps.core.exceptions import RuleViolation
from apps.core.snapshots import snapshot_parts
from apps.registry.models import AISystem, ModelVersion

from .models import Evidence, EvidenceLink, ItemStatus, Review, ReviewedVersion, ReviewItem, Section, SignOff

SCHEMA = "aifactory.readiness/v1"
# The facts of the system that all four signatures rest on. Its name is a label and may be corrected: the signature's
# own payload keeps the name as it was.
SIGNED_FACTS = ("purpose", "intended_users", "affected_people")
FACT_WORDS = {
    "tier": "the risk tier",
    "purpose": "the purpose",
    "intended_users": "who works with it",
    "affected_people": "who is affected",
}
REJECTION_STATEMENT = (
    "I have looked at the answers and evidence of this section. I do not approve it for the phase named in this "
    "review, for the reason I give."
)


@dataclass(frozen=True)
class SectionContent:
    """
    The content of one section at this moment.

    ``body`` is what is signed (uids, never names), ``canonical`` its RFC 8785 bytes, ``sha256`` their digest. ``seen``
    goes into the form beside the digest: the version of each row, so that a refusal can name what changed meanwhile.
    """

    section: Section
    body: dict[str, Any]
    canonical: bytes
    sha256: str
    seen: dict[str, int]


@dataclass(frozen=True)
class Change:
    """One difference between what somebody read and what is there now, fit for ``components/diff_table.html``."""

    label: str
    old: str
    new: str


class ContentChanged(RuleViolation):
    """What was signed is not what is there now; ``changes`` says what is different."""

    def __init__(self, changes: list[Change]) -> None:
        what = ", ".join(dict.fromkeys(change.label for change in changes[:5])) or "its content"
        super().__init__(
            f"Nothing was signed: {what} changed since you opened the page. Read it again, then sign.",
            code="content_changed",
        )
        self.changes = changes


def statement_for(section: Section, meaning: str = SignOff.Meaning.APPROVAL) -> str:
    """The words a person signs: those of the catalogue for an approval, fixed ones for a rejection."""
    words = section.statement if meaning == SignOff.Meaning.APPROVAL else REJECTION_STATEMENT
    return " ".join(words.split())


class Material:
    """
    The rows that the content of a review is made of, read once for whoever shows more of them than the content.

    Evidence and model versions are read when they are first asked for: most questions are about the items alone.
    """

    def __init__(
        self,
        review: Review,
        items: list[ReviewItem],
        links: dict[int, list[EvidenceLink]] | None = None,
        versions: list[ModelVersion] | None = None,
    ) -> None:
        self.review = review
        self.items = items
        if links is not None:
            self.links = links
        if versions is not None:
            self.versions = versions

    @cached_property
    def links(self) -> dict[int, list[EvidenceLink]]:
        found: dict[int, list[EvidenceLink]] = defaultdict(list)
        for link in EvidenceLink.objects.filter(review_item__review=self.review).select_related("evidence"):
            found[link.review_item_id].append(link)
        return found

    @cached_property
    def versions(self) -> list[ModelVersion]:
        rows = ModelVersion.objects.filter(reviewed_in__review=self.review).select_related("model")
        return sorted(rows, key=lambda row: (row.model.name, row.number))

    @property
    def sections(self) -> dict[int, Section]:
        """The sections by key of their row, in their order."""
        return {row.item.section_id: row.item.section for row in self.items}

    def evidence(self, row: ReviewItem) -> list[Evidence]:
        """What is attached to an item, in the order it was attached."""
        return [link.evidence for link in self.links.get(row.pk, [])]


def read_material(review: Review) -> Material:
    """What ``contents`` needs, with four queries; ``review`` comes with its system and template loaded."""
    rows = ReviewItem.objects.filter(review=review).select_related("item__section").defer("item__spec")
    items = sorted(rows, key=lambda row: (row.item.section.position, row.item.position))
    people = User.objects.in_bulk(
        {pk for row in items for pk in (row.assigned_to_id, row.answered_by_id, row.verified_by_id) if pk}
    )
    sections: dict[int, Section] = {}
    for row in items:
        row.review = review
        row.item.section = sections.setdefault(row.item.section_id, row.item.section)
        for name in ("assigned_to", "answered_by", "verified_by"):
            setattr(row, name, people.get(getattr(row, f"{name}_id")))
    return Material(review, items)


def contents(review: Review, material: Material | None = None) -> dict[str, SectionContent]:
    """The content of all sections by key, from ``material`` just read, else with five queries; parts may ask more."""
    if material is None:
        material = read_material(Review.objects.select_related("system", "template").get(pk=review.pk))
    review = material.review
    frame = _frame(review, material.versions)
    parts = [(part, part.build(review.system)) for part in snapshot_parts()]
    found = {}
    for pk, section in material.sections.items():
        items = [row for row in material.items if row.item.section_id == pk]
        body = frame | {
            "section": section.key,
            "items": [_item(row, material.evidence(row)) for row in items],
            "parts": {part.name: built for part, built in parts if part.covers(section.key)},
        }
        seen = {"system": review.system.version, "review": review.version}
        found[section.key] = _dressed(section, body, seen | {row.item.key: row.version for row in items})
    return found


def _dressed(section: Section, body: dict[str, Any], seen: dict[str, int]) -> SectionContent:
    canonical = canonical_bytes(body)
    return SectionContent(section, body, canonical, sha256_hex(canonical), seen)


def _frame(review: Review, versions: list[ModelVersion]) -> dict[str, Any]:
    """What the content of every section has in common."""
    system, template = review.system, review.template
    named = sorted((row.model.name, row.number, row.artefact_digest) for row in versions)
    return {
        "typ": SCHEMA,
        "review": review.uid,
        "phase": review.phase,
        "system": {
            "uid": system.uid,
            "slug": system.slug,
            "tier": system.effective_tier,
            **{name: getattr(system, name) for name in SIGNED_FACTS},
        },
        "template": {"key": template.key, "version": template.version, "sha256": template.sha256},
        "model_versions": [{"model": name, "number": number, "digest": digest} for name, number, digest in named],
    }


def _item(row: ReviewItem, evidence: list[Evidence]) -> dict[str, Any]:
    return {
        "key": row.item.key,
        "status": row.status,
        "answer": row.answer,
        "not_applicable": row.not_applicable_condition or None,
        "answered_by": row.answered_by.uid if row.answered_by else None,
        "verified_by": row.verified_by.uid if row.verified_by else None,
        "verified_at": row.verified_at,
        "valid_until": row.valid_until,
        "evidence": [_evidence(piece) for piece in sorted(evidence, key=lambda piece: str(piece.uid))],
    }


def _evidence(piece: Evidence) -> dict[str, Any]:
    return {
        "uid": piece.uid,
        "kind": piece.kind,
        "title": piece.title,
        "note": piece.note,
        "url": piece.url,
        "reference": piece.reference,
        "sha256": piece.sha256,
        "size": piece.size,
        "effective_on": piece.effective_on,
        "valid_until": piece.valid_until,
        "withdrawn": piece.withdrawn_at is not None,
    }


def section_content(review: Review, section: Section) -> SectionContent:
    """The content of one section."""
    return contents(review)[section.key]


def section_snapshot(review: Review, section: Section) -> tuple[bytes, str]:
    """The canonical bytes of a section and their SHA-256."""
    content = section_content(review, section)
    return content.canonical, content.sha256


def names_in(body: dict[str, Any]) -> dict[str, str]:
    """Full names for the uids of people in a section's content (live, or parsed from stored bytes)."""
    uids = {item[field] for item in body["items"] for field in ("answered_by", "verified_by") if item[field]}
    people = User.objects.filter(uid__in=[UUID(str(uid)) for uid in uids])
    return {str(user.uid): user.get_full_name() for user in people}


# --- What changed since somebody read it ----------------------------------------------------------------------------
_ITEM_FIELDS = {
    "status": "state",
    "answer": "answer",
    "not_applicable_condition": "why it does not apply",
    "valid_until": "valid until",
}


def changes_since(review: Review, section: Section, seen: dict[str, int]) -> list[Change]:
    """
    What is different now from the rows in the versions of ``seen``, in words for people.

    Empty where no row has a new version although the content differs: then it was changed around the application.
    """
    changes = _system_changes(review.system, seen) + _version_changes(review, seen)
    rows = ReviewItem.objects.filter(review=review, item__section=section).select_related("item")
    for row in rows.order_by("item__position"):
        if seen.get(row.item.key, row.version) != row.version:
            changes += _item_changes(row, seen[row.item.key])
    return changes


def _system_changes(system: AISystem, seen: dict[str, int]) -> list[Change]:
    now = AISystem.objects.get(pk=system.pk)
    if seen.get("system", now.version) == now.version:
        return []
    before = AISystem.history.filter(id=system.pk, version=seen["system"]).order_by("-history_id").first()
    if before is None:
        return [Change("the system", "", "")]
    return [
        Change(label, str(getattr(before, name) or ""), str(getattr(now, name) or ""))
        for name, label in FACT_WORDS.items()
        if getattr(before, name) != getattr(now, name)
    ]


def _version_changes(review: Review, seen: dict[str, int]) -> list[Change]:
    now = Review.objects.get(pk=review.pk)
    if seen.get("review", now.version) == now.version:
        return []
    names = [
        str(row.model_version)
        for row in ReviewedVersion.objects.filter(review=review).select_related("model_version__model")
    ]
    return [Change("the model versions under review", "", ", ".join(sorted(names)) or "none")]


def _item_changes(row: ReviewItem, version: int) -> list[Change]:
    before = ReviewItem.history.filter(id=row.pk, version=version).order_by("-history_id").first()
    if before is None:
        return [Change(str(row.item), "", row.get_status_display())]
    changes = [
        Change(f"{row.item}: {label}", _shown(before, name), _shown(row, name))
        for name, label in _ITEM_FIELDS.items()
        if getattr(before, name) != getattr(row, name)
    ]
    if before.verified_at != row.verified_at and row.status == before.status:
        changes.append(Change(f"{row.item}: verification", "", "verified again" if row.verified_at else "taken back"))
    return changes + _evidence_changes(row, before.history_date)


def _shown(row: Any, name: str) -> str:
    value = getattr(row, name)
    if name == "status":
        return str(ItemStatus(value).label)
    if name == "valid_until":
        return f"{value:%-d %B %Y}" if value else ""
    return str(value)


def _evidence_changes(row: ReviewItem, since: Any) -> list[Change]:
    """Evidence added, taken away or corrected since; the instant is that of the item's version that was read."""
    label = f"{row.item}: evidence"
    changes = []
    links = EvidenceLink.history.filter(review_item_id=row.pk, history_date__gte=since).select_related("evidence")
    for link in links.order_by("history_id"):
        title = link.evidence.title if link.evidence else "evidence"
        changes.append(Change(label, title, "") if link.history_type == "-" else Change(label, "", title))
    corrected = Evidence.history.filter(
        id__in=EvidenceLink.objects.filter(review_item=row).values("evidence_id"),
        history_type="~",
        history_date__gte=since,
    )
    return changes + [
        Change(label, entry.title, "withdrawn" if entry.withdrawn_at else "corrected")
        for entry in corrected.order_by("history_id")
    ]
