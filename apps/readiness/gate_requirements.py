"""What the gate asks of reviews: that there is one, that items pass, that sections carry signatures that count."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from apps.gates.evaluation import end_of_day
from apps.gates.models import GateRequirement
from apps.gates.requirements import (
    Finding,
    Question,
    blocker_test,
    met,
    not_applicable,
    requirement,
    unmet,
    versions_in_use,
)
from apps.registry.models import PHASE_ORDER, Phase
from apps.registry.roles import Role

from .content import Material, read_material
from .effective import SectionState, section_states
from .models import Condition, Contribution, Item, Review, ReviewItem, Section
from .needs import ITEM_KEY, SECTION_KEY


@dataclass
class Reading:
    """A review as it stands at one instant, read once for all gates that look at it."""

    review: Review
    at: datetime

    @cached_property
    def material(self) -> Material:
        return read_material(self.review)

    @cached_property
    def items(self) -> dict[str, ReviewItem]:
        return {row.item.key: row for row in self.material.items}

    @cached_property
    def states(self) -> dict[str, SectionState]:
        return section_states(self.review, self.at, self.material)

    @cached_property
    def contributors(self) -> dict[int, list[str]]:
        """Names of those who had a part in what waits for verification, by item."""
        return _names_of_contributors(self.review)


@dataclass
class Facts:
    """What one evaluation needs to know of reviews."""

    ask: Question
    review: Review | None
    uncovered: list[str]
    reading: Reading | None = None

    @property
    def items(self) -> dict[str, ReviewItem]:
        return self.reading.items if self.reading else {}

    @property
    def states(self) -> dict[str, SectionState]:
        return self.reading.states if self.reading else {}

    def others_than(self, row: ReviewItem) -> str:
        """Such as ``somebody other than Ada Lovelace``."""
        names = self.reading.contributors.get(row.pk, []) if self.reading else []
        return f"somebody other than {' or '.join(names)}" if names else "a second person"


def facts(ask: Question) -> Facts:
    """
    The review that counts for this question and its items.

    That is the newest open review towards the phase (where none leads there, towards the next one after it, which asks
    for more) that is about the version asked for; where none is asked for, about
    all versions the system uses; where there is no such one, the newest, and :attr:`Facts.uncovered` names the rest.
    """
    key = f"readiness:{ask.system.pk}:{ask.phase}:{ask.version.pk if ask.version else ''}:{ask.at.isoformat()}"
    if key not in ask.cache:
        ask.cache[key] = _read(ask)
    return ask.cache[key]


def _read(ask: Question) -> Facts:
    reviews = _towards(ask)
    wanted = _versions_asked_for(ask) if reviews else {}
    review, uncovered = _choose(reviews, wanted, strict=ask.version is not None)
    if review is None:
        return Facts(ask, None, uncovered)
    review.system = ask.system
    key = f"readiness:review:{review.pk}:{ask.at.isoformat()}"
    return Facts(ask, review, uncovered, ask.cache.setdefault(key, Reading(review, ask.at)))


def _towards(ask: Question) -> list[Review]:
    """The open reviews that count for this gate; all of the system's are read once for all its gates."""
    key = f"readiness:open_reviews:{ask.system.pk}"
    if key not in ask.cache:
        rows = Review.objects.filter(system=ask.system, state=Review.State.OPEN).select_related("template")
        rows = rows.defer("template__source", "template__body").prefetch_related("reviewed_versions")
        ask.cache[key] = list(rows)
    from_here = PHASE_ORDER[PHASE_ORDER.index(ask.phase) :]
    found = [review for review in ask.cache[key] if review.phase in from_here]
    nearest = min((from_here.index(review.phase) for review in found), default=None)
    return [review for review in found if from_here.index(review.phase) == nearest]


def _versions_asked_for(ask: Question) -> dict[int, str]:
    if ask.version is not None:
        return {ask.version.pk: str(ask.version)}
    return {version.pk: str(version) for version in versions_in_use(ask)}


def _choose(reviews: list[Review], wanted: dict[int, str], *, strict: bool) -> tuple[Review | None, list[str]]:
    lacking = {}
    for review in reviews:
        about = {row.model_version_id for row in review.reviewed_versions.all()}
        lacking[review.pk] = sorted(wanted[pk] for pk in wanted.keys() - about)
        if not lacking[review.pk]:
            return review, []
    if strict or not reviews:
        return None, sorted(wanted.values())
    return reviews[0], lacking[reviews[0].pk]


def _names_of_contributors(review: Review) -> dict[int, list[str]]:
    names: dict[int, list[str]] = defaultdict(list)
    rows = Contribution.objects.filter(review_item__review=review, review_item__status="submitted")
    for row in rows.select_related("user").order_by("at", "pk"):
        name = row.user.get_full_name()
        if name not in names[row.review_item_id]:
            names[row.review_item_id].append(name)
    return names


def _no_review(ask: Question, found: Facts, **kwargs: Any) -> Finding:
    """Unmet for want of a review, with the way to open one."""
    phase = Phase(ask.phase).label
    if found.uncovered and ask.version is not None:
        words = f"No open review towards {phase} is about {ask.version}."
    else:
        words = f"There is no open review towards {phase}."
    return unmet(words, link=f"/systems/{ask.system.slug}/readiness/", owner=Role.OWNER, **kwargs)


@requirement("readiness.review_open", title="A readiness review is open", owner=Role.OWNER)
def review_open(ask: Question) -> Finding:
    found = facts(ask)
    if found.review is None:
        return _no_review(ask, found)
    if found.uncovered:
        return unmet(
            f"The review is not about {' and '.join(found.uncovered)}, which the system uses.",
            link=found.review.get_absolute_url(),
        )
    return met(f"Opened on {found.review.opened_at:%-d %B %Y}.", link=found.review.get_absolute_url())


@requirement("readiness.item", title="A checklist item passes", owner=Role.CONTRIBUTOR)
def item(ask: Question, item: str) -> Finding:
    found = facts(ask)
    key = f"{ITEM_KEY}{item}"
    if found.review is None:
        return _no_review(ask, found, key=key, title=_title(ask, item))
    row = found.items.get(item)
    if row is None:
        return unmet(
            f"The checklist of the review has no item {item}: checklist and policy do not fit together.",
            key=key,
            title=item,
            owner="governance_office",
            link="/policy/",
        )
    return _judge(found, row)


def _title(ask: Question, key: str) -> str:
    """An item's name where there is no review to take it from."""
    titles = ask.cache.get("readiness:titles")
    if titles is None:
        rows = Item.objects.filter(section__template__in_force=True).order_by().only("key", "title")
        titles = ask.cache["readiness:titles"] = {row.key: str(row) for row in rows}
    return titles.get(key, key)


def _judge(found: Facts, row: ReviewItem) -> Finding:
    common: dict[str, Any] = {
        "key": f"{ITEM_KEY}{row.item.key}",
        "title": str(row.item),
        "link": row.get_absolute_url(),
    }
    status = row.status_at(found.ask.at)
    if status == "verified":
        return met(
            f"Verified by {row.verified_by}, valid until {row.valid_until:%-d %B %Y}.",
            expires_at=row.valid_until,
            **common,
        )
    if status == "not_applicable":
        return not_applicable(
            f"Does not apply, confirmed by {row.verified_by} until {row.valid_until:%-d %B %Y}: {row.answer}",
            expires_at=row.valid_until,
            **common,
        )
    if status == "submitted":
        waits = (
            "Proposed as not applicable, waiting for a decision by"
            if row.proposes_not_applicable
            else "Answered, waiting for verification by"
        )
        return unmet(f"{waits} {found.others_than(row)}.", owner=row.item.section.signing_role, **common)
    return unmet(_what_is_missing(row, status), owner=Role.CONTRIBUTOR, **common)


def _what_is_missing(row: ReviewItem, status: str) -> str:
    if status == "expired":
        words = f"Its verification ran out on {row.valid_until:%-d %B %Y}: renew the evidence and submit it again."
    elif status == "rejected":
        words = f"Sent back: {row.verification_note}"
    elif status == "in_progress":
        words = "Begun, but not submitted for verification yet." if row.answer else "Has evidence, but no answer yet."
    else:
        words = "Not answered yet."
    if row.assigned_to is not None:
        until = f" by {row.due_on:%-d %B %Y}" if row.due_on else ""
        words += f" {row.assigned_to} is to answer it{until}."
    return words


@requirement("readiness.all_items", title="All checklist items pass", owner=Role.CONTRIBUTOR)
def all_items(ask: Question) -> list[Finding] | Finding:
    """One finding for each item that the gate does not list by itself."""
    found = facts(ask)
    if found.review is None:
        return _no_review(ask, found)
    blocking = [line for line in ask.lines if line.severity == GateRequirement.Severity.BLOCKING]
    listed = {line.params["item"] for line in blocking if line.name == "readiness.item"}
    return [_judge(found, row) for key, row in found.items.items() if key not in listed]


@requirement("readiness.section_signed", title="A section is signed", owner=Role.GOVERNANCE_APPROVER)
def section_signed(ask: Question, section: str) -> Finding:
    found = facts(ask)
    key = f"{SECTION_KEY}{section}"
    if found.review is None:
        return _no_review(ask, found, key=key, title=_section_title(ask, section))
    state = found.states.get(section)
    if state is None:
        return unmet(
            f"The checklist of the review has no section {section}: checklist and policy do not fit together.",
            key=key,
            title=section,
            owner="governance_office",
            link="/policy/",
        )
    common: dict[str, Any] = {
        "key": key,
        "title": f"{state.section} is signed",
        "link": f"/reviews/{found.review.uid}/sections/{section}/sign/",
    }
    if state.effective and state.sign_off is not None:
        return met(state.words, expires_at=state.sign_off.valid_until, **common)
    return unmet(state.words, owner=state.section.signing_role, **common)


def _section_title(ask: Question, key: str) -> str:
    titles = ask.cache.get("readiness:sections")
    if titles is None:
        rows = Section.objects.filter(template__in_force=True)
        titles = ask.cache["readiness:sections"] = {row.key: f"{row.title} is signed" for row in rows}
    return titles.get(key, key)


@requirement("readiness.no_open_conditions", title="No condition is overdue", owner=Role.OWNER)
def no_open_conditions(ask: Question) -> Finding:
    """Conditions of signatures that stand; open ones are fine until their day has passed."""
    found = facts(ask)
    if found.review is None:
        return met("No signature was given on a condition.")
    if all(state.sign_off is None for state in found.states.values()):
        return met("No condition is open.", link=found.review.get_absolute_url())
    rows = Condition.objects.filter(sign_off__review=found.review, sign_off__seat__isnull=False, done_at=None)
    conditions = list(rows.select_related("owner").order_by("due_on", "pk"))
    link = found.review.get_absolute_url()
    overdue = [row for row in conditions if end_of_day(row.due_on) <= ask.at]
    if overdue:
        words = "; ".join(f"{row.text} ({row.owner}, by {row.due_on:%-d %B %Y})" for row in overdue)
        return unmet(f"Overdue: {words}.", link=link)
    if conditions:
        first = conditions[0]
        count = "One condition is" if len(conditions) == 1 else f"{len(conditions)} conditions are"
        return met(
            f"{count} open; the next is due on {first.due_on:%-d %B %Y}.",
            link=link,
            expires_at=end_of_day(first.due_on),
        )
    return met("No condition is open.", link=link)


@blocker_test
def is_blocker(key: str) -> bool:
    """Whether a result is about an item that the checklist in force calls a blocker."""
    if not key.startswith(ITEM_KEY):
        return False
    rows = Item.objects.filter(section__template__in_force=True, key=key.removeprefix(ITEM_KEY), blocker=True)
    return rows.exists()
