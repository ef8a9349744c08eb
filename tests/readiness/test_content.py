"""The bytes a signature is about."""

import json

import pytest

from apps.core import snapshots
from apps.core.canonical import canonical_bytes, sha256_hex
from apps.core.snapshots import snapshot_part
from apps.readiness import actions
from apps.readiness.content import contents, names_in, section_content, section_snapshot, statement_for
from apps.readiness.effective import section_states
from apps.readiness.models import Evidence, ReviewItem
from apps.registry.signals import announce
from tests.fixtures_reviews import item_of, pass_item, section_of, sign, supply


def digests(review):
    return {key: content.sha256 for key, content in contents(review).items()}


def test_content_is_canonical_and_names_nobody(open_review, contributor, technical):
    pass_item(item_of(open_review, "T-3"), by=contributor, verifier=technical)

    content = section_content(open_review, section_of(open_review, "technical"))

    body = json.loads(content.canonical)
    assert canonical_bytes(body) == content.canonical
    assert sha256_hex(content.canonical) == content.sha256
    (row,) = [one for one in body["items"] if one["key"] == "T-3"]
    assert (row["answered_by"], row["verified_by"]) == (str(contributor.uid), str(technical.uid))
    assert len(body["items"]) == 8
    assert body["model_versions"] == [{"model": "claims-triage", "number": 1, "digest": "sha256:" + "a" * 64}]
    assert body["system"]["tier"] == 1
    assert names_in(body) == {str(contributor.uid): "Contributor", str(technical.uid): "Technical"}


def test_it_is_the_same_bytes_however_often_it_is_built(open_review):
    section = section_of(open_review, "technical")

    assert section_snapshot(open_review, section) == section_snapshot(open_review, section)


def test_four_sections_cost_a_fixed_number_of_queries(open_review, contributor, django_assert_max_num_queries):
    with django_assert_max_num_queries(5):
        contents(open_review)
    for key in ("T-3", "O-3", "B-5", "G-2"):
        supply(item_of(open_review, key), by=contributor)
        supply(item_of(open_review, key), by=contributor)
    with django_assert_max_num_queries(5):
        contents(open_review)


def test_states_of_four_signed_sections_cost_a_fixed_number_of_queries(signed_review, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        section_states(signed_review)


def test_only_the_section_of_a_changed_item_changes(open_review, contributor):
    before = digests(open_review)

    actions.answer_item(item_of(open_review, "T-3"), by=contributor, answer="A")

    after = digests(open_review)
    assert {key for key in before if before[key] != after[key]} == {"technical"}


# A field that is not named here is unclassified: decide whether a signature covers it.
ITEM_CONTENT = {
    "status": "rejected",
    "answer": "Other",
    "not_applicable_condition": "no_personal_data",
    "answered_by": "contributor",
    "verified_by": "technical",
    "verified_at": "2026-01-01T00:00:00Z",
    "valid_until": "2026-01-01T00:00:00Z",
}
ITEM_NOT_CONTENT = {
    "id", "version", "created_at", "updated_at", "review", "item",  # identity and bookkeeping
    "assigned_to", "due_on",  # who is to do it, not what was said
    "proposes_not_applicable",  # told by the condition and the state
    "answered_at", "verification_note",  # beside the point of the signature
}  # fmt: skip
EVIDENCE_CONTENT = {
    "kind": "ticket",
    "title": "Other",
    "note": "Other",
    "url": "https://example.org/other",
    "reference": "X-2",
    "sha256": "f" * 64,
    "size": 7,
    "effective_on": "2025-01-01",
    "valid_until": "2030-01-01",
}
EVIDENCE_NOT_CONTENT = {
    "id", "version", "created_at", "updated_at", "system",
    "uid",  # part of the content, and never changed
    "file", "filename", "content_type",  # the digest stands for the file
    "supplied_by", "supplied_at",  # told by the duties
    "withdrawn_by", "withdrawn_at", "withdrawal_reason",  # withdrawn or not is content, see below
}  # fmt: skip


def test_every_field_is_content_or_declared_not_to_be():
    assert {field.name for field in ReviewItem._meta.concrete_fields} == ITEM_CONTENT.keys() | ITEM_NOT_CONTENT
    assert {field.name for field in Evidence._meta.concrete_fields} == EVIDENCE_CONTENT.keys() | EVIDENCE_NOT_CONTENT


@pytest.mark.parametrize("field", ITEM_CONTENT)
def test_each_content_field_of_an_item_is_in_the_digest(field, open_review, request):
    value = ITEM_CONTENT[field]
    if field.endswith("_by"):
        value = request.getfixturevalue(value)
    before = digests(open_review)
    values = {field: value, "answered_at": "2026-01-01T00:00:00Z"} if field == "answered_by" else {field: value}

    ReviewItem._base_manager.filter(pk=item_of(open_review, "T-3").pk).update(**values)

    assert digests(open_review)["technical"] != before["technical"]


@pytest.mark.parametrize("field", EVIDENCE_CONTENT)
def test_each_content_field_of_evidence_is_in_the_digest(field, open_review, contributor):
    evidence = supply(item_of(open_review, "T-3"), by=contributor, note="n", reference="X-1")
    before = digests(open_review)

    Evidence._base_manager.filter(pk=evidence.pk).update(**{field: EVIDENCE_CONTENT[field]})

    assert digests(open_review)["technical"] != before["technical"]


def test_a_rejection_has_words_of_its_own(open_review):
    section = section_of(open_review, "business")

    assert statement_for(section).startswith("I have looked at the answers and evidence of this section. The business")
    assert "do not approve" in statement_for(section, "rejection")


@pytest.fixture
def extra_part(monkeypatch):
    """A room that hands in a part for the business section."""
    monkeypatch.setattr(snapshots, "_PARTS", {})
    figures = {"kpi": "days", "target": 5}
    snapshot_part("kpis", title="the business KPIs", sections=["business"])(lambda system: dict(figures))
    return figures


def test_other_rooms_hand_in_what_is_signed_with_a_section(open_review, extra_part, business, pass_items):
    assert contents(open_review)["business"].body["parts"] == {"kpis": {"kpi": "days", "target": 5}}
    assert contents(open_review)["technical"].body["parts"] == {}
    pass_items(open_review, ["B-5"])
    sign(open_review, "business", by=business)

    extra_part["target"] = 9

    assert section_states(open_review)["business"].status == "changed"


def test_a_part_that_its_room_announces_as_changed_ends_the_signatures_that_cover_it(
    open_review, extra_part, business, technical, pass_items
):
    pass_items(open_review, ["B-5"])
    sign(open_review, "business", by=business)
    sign(open_review, "technical", by=technical, meaning="rejection", comment="Not yet.")
    extra_part["target"] = 9

    announce(open_review.system, by=business, fields={"kpis"}, reason="Moved the target")

    states = section_states(open_review)
    assert (states["business"].status, states["business"].why) == ("void", "the business KPIs changed")
    assert states["technical"].status == "rejected"


def test_two_parts_cannot_have_one_name(extra_part):
    with pytest.raises(ValueError, match="kpis"):
        snapshot_part("kpis", title="other KPIs")(lambda system: {})
