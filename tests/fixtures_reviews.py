"""
Situations of the readiness room on ``system``, built through actions: ``open_review``, ``ready_review`` (everything the
gate asks for is verified), ``signed_review`` (all four sections signed by their approvers).
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.gates.status import refreshed_once
from apps.readiness import actions
from apps.readiness.content import section_content, statement_for
from apps.readiness.effective import section_states
from apps.readiness.models import Evidence, Review, ReviewItem, Section, SignOff
from apps.readiness.needs import NeedsTable
from apps.registry import actions as registry
from apps.registry.models import AISystem, ModelVersion

from .fixtures_people import PASSWORD

SIGNERS = {"technical": "technical", "operational": "operational", "business": "business", "governance": "governance"}


def item_of(review: Review, key: str) -> Any:
    """The item as it is stored now."""
    return ReviewItem.objects.select_related("item__section", "review__system", "review__template").get(
        review=review, item__key=key
    )


def signature_of(review: Review, section_key: str) -> Any:
    """The signature in the section's seat, or the last one that ended."""
    return section_states(review)[section_key].sign_off


def section_of(review: Review, key: str) -> Section:
    return Section.objects.get(template=review.template_id, key=key)


def supply(review_item: ReviewItem, *, by: User, **values: Any) -> Evidence:
    """A link from yesterday, attached to the item."""
    given: dict[str, Any] = {
        "kind": "link",
        "title": f"Report for {review_item.item.key}",
        "url": "https://reports.example.org/1",
        "effective_on": timezone.now().date() - timedelta(days=1),
        "attach_to": [review_item],
    } | values
    return actions.add_evidence(review_item.review.system, by=by, **given)


def pass_item(review_item: ReviewItem, *, by: User, verifier: User, **values: Any) -> Any:
    """Answered with evidence, submitted and verified."""
    supply(review_item, by=by, **values)
    actions.answer_item(review_item, by=by, answer=f"Done, see the report for {review_item.item.key}.", submit=True)
    return actions.verify_item(review_item, by=verifier)


def sign(review: Review, section_key: str, *, by: User, password: str = PASSWORD, **values: Any) -> SignOff:
    """What a person does who reads the page and signs at once."""
    section = section_of(review, section_key)
    content = section_content(review, section)
    values = {
        "statement": statement_for(section, values.get("meaning", "approval")),
        "digest": content.sha256,
        "seen": content.seen,
    } | values
    return actions.sign_off(review, section, by=by, password=password, **values)


@pytest.fixture
def version(system: AISystem, contributor: User) -> ModelVersion:
    """A model version with its digest, in use by ``system``."""
    model = registry.register_model(system, by=contributor, name="claims-triage")
    found = registry.register_version(model, by=contributor, artefact_digest="a" * 64)
    registry.use_version(system, by=contributor, model_version=found)
    return found


@pytest.fixture
def tier_2(system: AISystem, risk_owner: User) -> AISystem:
    """``system`` on tier 2, where people of the delivery team may verify each other."""
    return registry.set_tier(system, by=risk_owner, tier=2, reason="Decides nothing by itself")


@pytest.fixture
def open_review(system: AISystem, version: ModelVersion, owner: User) -> Review:
    """Just opened towards limited beta; the system's tier is unknown, so tier 1 applies."""
    return actions.open_review(system, by=owner, phase="limited_beta")


@pytest.fixture
def pass_items(
    contributor: User, technical: User, operational: User, business: User, governance: User
) -> Callable[..., None]:
    """``pass_items(review)``: what its gate asks for is answered by the contributor, verified by the approvers."""
    verifiers = {"technical": technical, "operational": operational, "business": business, "governance": governance}

    def run(review: Review, keys: Iterable[str] | None = None) -> None:
        needs = NeedsTable.load().of(review.phase, review.system.effective_tier)
        rows = ReviewItem.objects.filter(review=review).select_related("item__section", "review__system")
        with refreshed_once():
            for row in rows:
                if row.item.key in keys if keys is not None else needs.asks_for(row.item):
                    pass_item(row, by=contributor, verifier=verifiers[row.item.section.key])

    return run


@pytest.fixture
def ready_review(open_review: Review, pass_items: Callable[..., None]) -> Review:
    """Everything that limited beta asks for is verified; nobody has signed."""
    pass_items(open_review)
    return open_review


@pytest.fixture
def sign_all(technical: User, operational: User, business: User, governance: User) -> Callable[..., None]:
    """``sign_all(review)``: the four approvers sign their sections."""

    def run(review: Review) -> None:
        for person in (technical, operational, business, governance):
            sign(review, person.username, by=person)

    return run


@pytest.fixture
def signed_review(ready_review: Review, sign_all: Callable[..., None]) -> Review:
    """All four sections are signed."""
    sign_all(ready_review)
    return ready_review
