"""
Who may do what in a review, and in which state. The person is asked about first, then the state.

Each check reads the person's permissions fresh, unless the caller hands in ``perms`` it has just read
(``registry.permissions.system_perms``), as a page with many buttons does.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from apps.core.exceptions import NotAllowed, RuleViolation, as_predicate
from apps.registry.models import AISystem, Deputyship
from apps.registry.people import is_in_delivery, roles_of
from apps.registry.permissions import system_perms
from apps.registry.roles import SIGN_PERM, Perm, Role

from .content import section_content
from .effective import covers
from .models import (
    Condition,
    Contribution,
    Evidence,
    EvidenceKind,
    EvidenceLink,
    ItemStatus,
    Review,
    ReviewItem,
    Seat,
    Section,
    SignOff,
)
from .needs import Needs, NeedsTable, Standing, live_waivers, standing

Perms = frozenset[str] | None
TEAM_HELP = "Ask the owner of the system for the role of contributor."


def _has(user: Any, system: AISystem, perms: Perms, *wanted: str) -> bool:
    held = system_perms(user, system) if perms is None else perms
    return Perm.VIEW in held and bool(held & set(wanted))


def _works_here(user: Any, system: AISystem, perms: Perms, words: str) -> None:
    if not _has(user, system, perms, Perm.CONTRIBUTE):
        raise NotAllowed(words, help=TEAM_HELP)


def _works_or_runs(user: Any, system: AISystem, perms: Perms, words: str) -> None:
    if not _has(user, system, perms, Perm.CONTRIBUTE, Perm.CHANGE):
        raise NotAllowed(words, help="Contributors, the owner and the governance office can.")


def _is_open(review: Review) -> None:
    if review.state != Review.State.OPEN:
        raise RuleViolation("This review is closed, so nothing in it changes any more.", code="review_closed")


# --- Reviews --------------------------------------------------------------------------------------------------------
def check_can_open_review(system: AISystem, *, user: Any, perms: Perms = None) -> None:
    """:raises NotAllowed: neither works on the system nor in the governance office."""
    _works_or_runs(user, system, perms, "You cannot open a review of this system.")


def check_can_close_review(review: Review, *, user: Any, perms: Perms = None) -> None:
    """:raises NotAllowed: neither owner nor governance office.  :raises RuleViolation: closed already."""
    if not _has(user, review.system, perms, Perm.CHANGE):
        raise NotAllowed("You cannot close this review.", help="The owner and the governance office can.")
    _is_open(review)


def check_can_change_versions(review: Review, *, user: Any, perms: Perms = None) -> None:
    """:raises NotAllowed: may not open reviews here.  :raises RuleViolation: closed."""
    _works_or_runs(user, review.system, perms, "You cannot change what this review is about.")
    _is_open(review)


# --- Items ----------------------------------------------------------------------------------------------------------
def check_can_assign(review_item: ReviewItem, *, user: Any, perms: Perms = None) -> None:
    """:raises NotAllowed: neither works on the system nor in the governance office.  :raises RuleViolation: closed."""
    _works_or_runs(user, review_item.system, perms, "You cannot hand out items of this review.")
    _is_open(review_item.review)


def check_can_answer(review_item: ReviewItem, *, user: Any, perms: Perms = None) -> None:
    """:raises NotAllowed: does not work on the system.  :raises RuleViolation: the review is closed."""
    _works_here(user, review_item.system, perms, "Only people who work on this system answer items.")
    _is_open(review_item.review)


def check_can_submit(review_item: ReviewItem, *, user: Any, perms: Perms = None) -> None:
    """As answering.  :raises RuleViolation: nothing is answered, or it waits or is passed already."""
    check_can_answer(review_item, user=user, perms=perms)
    if not review_item.answer.strip():
        raise RuleViolation("Write an answer first.", code="answer_missing", field="answer")
    if review_item.status_now not in ("open", "in_progress", "rejected", "expired"):
        raise RuleViolation("It was submitted already.", code="submitted_already")


def check_can_propose_not_applicable(review_item: ReviewItem, *, user: Any, perms: Perms = None) -> None:
    """As answering.  :raises RuleViolation: the catalogue says that the item applies to every system."""
    check_can_answer(review_item, user=user, perms=perms)
    if review_item.item.never_not_applicable or not whole_conditions(review_item):
        raise RuleViolation(f"{review_item.item} applies to every system. Answer it.", code="always_applicable")


def whole_conditions(review_item: ReviewItem) -> dict[str, str]:
    """The conditions of the catalogue under which the whole item may be set aside: key and what they mean here."""
    lines = review_item.item.spec.get("not_applicable_when", [])
    return {line["condition"]: line.get("text", "") for line in lines if line.get("scope") == "whole"}


def check_can_reopen(review_item: ReviewItem, *, user: Any, perms: Perms = None) -> None:
    """:raises NotAllowed: neither answers nor verifies here.  :raises RuleViolation: nothing to take up again."""
    if not _has(user, review_item.system, perms, Perm.CONTRIBUTE, Perm.VERIFY):
        raise NotAllowed("Only people who answer or verify here take an item up again.", help=TEAM_HELP)
    _is_open(review_item.review)
    if review_item.status in (ItemStatus.OPEN, ItemStatus.IN_PROGRESS):
        raise RuleViolation("It is open already.", code="open_already")


def check_can_judge(review_item: ReviewItem, *, user: Any, perms: Perms = None) -> None:
    """
    Verify or reject.

    :raises NotAllowed: no right to, or answered it or supplied its evidence, or is too close to it on tier 1.
    :raises RuleViolation: the review is closed, or the item does not wait for it.
    """
    system = review_item.system
    if not _has(user, system, perms, Perm.VERIFY):
        raise NotAllowed("You do not verify answers on this system.", help="Its approvers do.")
    if review_item.answered_by_id == user.pk or review_item.contributions.filter(user=user).exists():
        raise NotAllowed(
            "You answered this item or supplied evidence for it, so somebody else verifies it.",
            help="Ask an approver of this section.",
        )
    if system.effective_tier == 1 and is_in_delivery(user, system):
        raise NotAllowed(
            "On tier 1 somebody outside the delivery team verifies.", help="Ask an approver of this section."
        )
    _is_open(review_item.review)
    if review_item.status != ItemStatus.SUBMITTED and review_item.status_now != "expired":
        raise RuleViolation(
            f"It does not wait for verification: {review_item.get_status_display().lower()}.", code="not_submitted"
        )


def check_evidence_suffices(review_item: ReviewItem, usable: list[Evidence]) -> None:
    """
    Whether an answer with this evidence can be verified.

    :raises RuleViolation: no usable evidence of a kind the catalogue accepts, or nothing but somebody's word where
        that is not enough.
    """
    accepted = review_item.item.spec.get("evidence_types", EvidenceKind.values)
    kinds = {piece.kind for piece in usable} & set(accepted)
    if not kinds:
        names = ", ".join(str(EvidenceKind(kind).label).lower() for kind in accepted)
        words = "No evidence here is of a kind this item accepts" if usable else "There is no usable evidence yet"
        raise RuleViolation(
            f"{words}, so it cannot be verified.",
            code="evidence_missing",
            help=f"Accepted here: {names}.",
        )
    alone_enough = review_item.item.spec.get("attestation_alone_is_enough", True) and not review_item.item.blocker
    if kinds == {EvidenceKind.ATTESTATION} and not alone_enough:
        raise RuleViolation(
            "Somebody's word alone is not enough for this item. It needs something that can be looked at.",
            code="attestation_alone",
        )


def check_can_comment(review_item: ReviewItem, *, user: Any, perms: Perms = None) -> None:
    """:raises NotAllowed: only reads here."""
    if not _has(user, review_item.system, perms, Perm.CONTRIBUTE, Perm.VERIFY, Perm.CHANGE):
        raise NotAllowed("You read here, but do not take part in the discussion.", help=TEAM_HELP)


# --- Evidence -------------------------------------------------------------------------------------------------------
def check_can_add_evidence(system: AISystem, *, user: Any, perms: Perms = None) -> None:
    """:raises NotAllowed: does not work on the system."""
    _works_here(user, system, perms, "Only people who work on this system supply evidence.")


def check_can_attach(review_item: ReviewItem, *, user: Any, perms: Perms = None) -> None:
    """:raises NotAllowed: does not work on the system.  :raises RuleViolation: the review is closed."""
    check_can_add_evidence(review_item.system, user=user, perms=perms)
    _is_open(review_item.review)


def check_can_detach(link: EvidenceLink, *, user: Any, perms: Perms = None) -> None:
    """:raises NotAllowed: does not work on the system.  :raises RuleViolation: the review is closed."""
    check_can_attach(link.review_item, user=user, perms=perms)


def check_can_change_evidence(evidence: Evidence, *, user: Any, perms: Perms = None) -> None:
    """:raises NotAllowed: neither supplied it nor runs the system.  :raises RuleViolation: withdrawn."""
    supplied = evidence.supplied_by_id == user.pk and _has(user, evidence.system, perms, Perm.CONTRIBUTE)
    if not supplied and not _has(user, evidence.system, perms, Perm.CHANGE):
        raise NotAllowed(
            "Only whoever supplied evidence changes or withdraws it.", help="The owner and the governance office can."
        )
    if evidence.withdrawn_at is not None:
        raise RuleViolation("It was withdrawn.", code="withdrawn")


def check_can_withdraw_evidence(evidence: Evidence, *, user: Any, perms: Perms = None) -> None:
    """As changing it."""
    check_can_change_evidence(evidence, user=user, perms=perms)


# --- Signatures -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Authority:
    """By which role somebody signs, and for whom if they stand in."""

    role: str
    principal: Any = None

    def people(self, user: Any) -> list[Any]:
        """Those whose independence counts: the signer, and whom they stand in for."""
        return [user, *([self.principal] if self.principal else [])]


def signing_authority(section: Section, system: AISystem, *, user: Any, perms: Perms = None) -> Authority:
    """
    By which right ``user`` signs ``section``: their own role, else as a deputy.

    :raises NotAllowed: by none. Being a superuser, administrator or owner gives none.
    """
    role = Role(section.signing_role)
    refusal = NotAllowed(
        f"You are not {role.label.lower()} of this system, so you cannot sign this section.",
        help=f"Its {role.label.lower()} can.",
    )
    if not _has(user, system, perms, SIGN_PERM.get(section.key, "")):
        raise refusal
    if role in roles_of(user, system, with_deputyships=False):
        return Authority(role)
    standing_in = Deputyship.objects.running().filter(deputy=user, system=system, role=role)
    for deputyship in standing_in.select_related("principal").order_by("starts_at"):
        if role in roles_of(deputyship.principal, system, with_deputyships=False):
            return Authority(role, deputyship.principal)
    raise refusal


def check_may_sign(review: Review, section: Section, *, user: Any, perms: Perms = None) -> Authority:
    """
    Right and duties of the signer; superusers have the same ones.

    :raises NotAllowed: no right, contributed to the section, owns the system (governance), or signed another section.
    """
    system = review.system
    authority = signing_authority(section, system, user=user, perms=perms)
    people = authority.people(user)
    if section.signing_role == Role.GOVERNANCE_APPROVER and any(
        Role.OWNER in roles_of(person, system) for person in people
    ):
        raise NotAllowed(
            "The owner of a system does not sign its governance section.", help="Another governance approver can."
        )
    _check_no_contribution(review, section, people)
    if system.effective_tier in NeedsTable.load().sign_off["one_section_per_person_tiers"]:
        _check_one_section(review, section, people)
    return authority


def _check_no_contribution(review: Review, section: Section, people: list[Any]) -> None:
    rows = Contribution.objects.filter(review_item__review=review, review_item__item__section=section, user__in=people)
    keys = sorted(set(rows.values_list("review_item__item__key", flat=True)))
    if keys:
        raise NotAllowed(
            f"Whoever answered or supplied evidence in a section does not sign it: {', '.join(keys)}.",
            help="Another person with the same role, or a deputy who took no part, can.",
        )


def _check_one_section(review: Review, section: Section, people: list[Any]) -> None:
    ids = {person.pk for person in people}
    now = timezone.now()
    seats = Seat.objects.filter(review=review, sign_off__valid_until__gt=now).exclude(section=section)
    for seat in seats.select_related("section", "sign_off"):
        if ids & {seat.sign_off.signer_id, seat.sign_off.on_behalf_of_id}:  # type: ignore[union-attr]
            raise NotAllowed(
                f"On this tier a person signs one section of a review, and that was {seat.section}.",
                help="Another person with this role can, or a deputy.",
            )


def check_seat_is_free(review: Review, section: Section, at: datetime) -> Seat:
    """
    The section's seat, empty or held by a signature that no longer counts.

    :raises RuleViolation: the review is closed, or somebody's signature stands.
    """
    _is_open(review)
    seat = Seat.objects.select_related("sign_off__snapshot", "section").get(review=review, section=section)
    if seat.sign_off is None or seat.sign_off.valid_until <= at:
        return seat
    if not covers(seat.sign_off, section_content(review, section)):
        return seat
    verb = "rejected" if seat.sign_off.meaning == SignOff.Meaning.REJECTION else "signed"
    raise RuleViolation(
        f"{section} was {verb} by {seat.sign_off.signer_name} on {seat.sign_off.signed_at:%-d %B %Y} already.",
        code="signed_already",
    )


def required_items(review: Review, section: Section, at: datetime, needs: Needs | None = None) -> list[Standing]:
    """How the items stand that the gate of the review's phase asks for in this section."""
    needs = needs or NeedsTable.load().of(review.phase, review.system.effective_tier)
    waivers = live_waivers(review.system, review.phase, at.date())
    rows = ReviewItem.objects.filter(review=review, item__section=section).select_related("item")
    return [standing(row, needs, waivers, at) for row in rows.order_by("item__position") if needs.asks_for(row.item)]


def check_section_complete(required: list[Standing]) -> None:
    """:raises RuleViolation: an item that the gate asks for is neither passed nor waived."""
    missing = [f"{row.review_item.item} ({missing_words(row.review_item)})" for row in required if not row.passes]
    if missing:
        raise RuleViolation(
            f"Before this section can be signed, these items have to pass: {', '.join(missing)}.", code="items_open"
        )


def missing_words(review_item: ReviewItem) -> str:
    """Why an item does not pass, in two or three words."""
    status = review_item.status_now
    return "verification ran out" if status == "expired" else str(ItemStatus(status).label).lower()


def check_can_sign(review: Review, section: Section, *, user: Any, approving: bool = True, perms: Perms = None) -> None:
    """
    Everything but the digest and the proof: right, duties, seat and, for an approval, open items.

    :raises NotAllowed: no right, or a duty stands against it.
    :raises RuleViolation: closed, signed already, or items are open.
    """
    now = timezone.now()
    check_may_sign(review, section, user=user, perms=perms)
    check_seat_is_free(review, section, now)
    if approving:
        check_section_complete(required_items(review, section, now))


def check_can_withdraw_sign_off(sign_off: SignOff, *, user: Any) -> None:
    """:raises NotAllowed: somebody else's signature.  :raises RuleViolation: it is over already."""
    if sign_off.signer_id != user.pk or not user.is_active:
        raise NotAllowed("Only the signer takes a signature back.", help=f"{sign_off.signer_name} signed.")
    _is_open(sign_off.review)
    if hasattr(sign_off, "void"):
        raise RuleViolation(f"It is over already: {sign_off.void.reason}.", code="void_already")


def check_can_complete_condition(condition: Condition, *, user: Any) -> None:
    """:raises NotAllowed: neither its owner nor the signer.  :raises RuleViolation: done already, or void."""
    if user.pk not in (condition.owner_id, condition.sign_off.signer_id) or not _has(
        user, condition.system, None, Perm.VIEW
    ):
        raise NotAllowed("This condition is somebody else's.", help=f"{condition.owner} or the signer can.")
    if not condition.is_open:
        raise RuleViolation("It was completed already.", code="done_already")
    if hasattr(condition.sign_off, "void"):
        raise RuleViolation("The signature it belongs to no longer counts, so nor does it.", code="void_already")


can_open_review = as_predicate(check_can_open_review)
can_close_review = as_predicate(check_can_close_review)
can_change_versions = as_predicate(check_can_change_versions)
can_assign = as_predicate(check_can_assign)
can_answer = as_predicate(check_can_answer)
can_submit = as_predicate(check_can_submit)
can_propose_not_applicable = as_predicate(check_can_propose_not_applicable)
can_reopen = as_predicate(check_can_reopen)
can_judge = as_predicate(check_can_judge)
can_comment = as_predicate(check_can_comment)
can_add_evidence = as_predicate(check_can_add_evidence)
can_attach = as_predicate(check_can_attach)
can_detach = as_predicate(check_can_detach)
can_change_evidence = as_predicate(check_can_change_evidence)
can_withdraw_evidence = as_predicate(check_can_withdraw_evidence)
can_sign = as_predicate(check_can_sign)
can_withdraw_sign_off = as_predicate(check_can_withdraw_sign_off)
can_complete_condition = as_predicate(check_can_complete_condition)
