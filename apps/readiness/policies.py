"""Who may do what in a review, and in which state."""

from typing import Any

from apps.core.exceptions import as_predicate
from apps.registry.models import AISystem

from .models import Condition, Evidence, EvidenceLink, Review, ReviewItem, Section, SignOff


def check_can_open_review(system: AISystem, *, user: Any) -> None:
    """:raises NotAllowed: neither works on the system nor in the governance office."""


def check_can_close_review(review: Review, *, user: Any) -> None:
    """:raises NotAllowed: neither owner nor governance office.  :raises RuleViolation: closed already."""


def check_can_change_versions(review: Review, *, user: Any) -> None:
    """:raises NotAllowed: may not open reviews here.  :raises RuleViolation: closed."""


def check_can_assign(review_item: ReviewItem, *, user: Any) -> None:
    """:raises NotAllowed: neither works on the system nor in the governance office.  :raises RuleViolation: closed."""


def check_can_answer(review_item: ReviewItem, *, user: Any) -> None:
    """:raises NotAllowed: does not work on the system.  :raises RuleViolation: the review is closed."""


def check_can_submit(review_item: ReviewItem, *, user: Any) -> None:
    """As answering.  :raises RuleViolation: nothing is answered, or it is submitted or passed already."""


def check_can_propose_not_applicable(review_item: ReviewItem, *, user: Any) -> None:
    """As answering.  :raises RuleViolation: the catalogue says the item applies to every system."""


def check_can_reopen(review_item: ReviewItem, *, user: Any) -> None:
    """:raises NotAllowed: neither answers nor verifies here.  :raises RuleViolation: nothing to take up again."""


def check_can_judge(review_item: ReviewItem, *, user: Any) -> None:
    """Verify or reject.  :raises NotAllowed: no right, or a duty.  :raises RuleViolation: not waiting for it."""


def check_can_comment(review_item: ReviewItem, *, user: Any) -> None:
    """:raises NotAllowed: only reads here."""


def check_can_add_evidence(system: AISystem, *, user: Any) -> None:
    """:raises NotAllowed: does not work on the system."""


def check_can_attach(review_item: ReviewItem, *, user: Any) -> None:
    """:raises NotAllowed: does not work on the system.  :raises RuleViolation: closed."""


def check_can_detach(link: EvidenceLink, *, user: Any) -> None:
    """:raises NotAllowed: does not work on the system.  :raises RuleViolation: closed."""


def check_can_change_evidence(evidence: Evidence, *, user: Any) -> None:
    """:raises NotAllowed: neither supplied it nor runs the system.  :raises RuleViolation: withdrawn."""


def check_can_withdraw_evidence(evidence: Evidence, *, user: Any) -> None:
    """:raises NotAllowed: neither supplied it nor runs the system.  :raises RuleViolation: withdrawn already."""


def check_can_sign(review: Review, section: Section, *, user: Any, approving: bool = True) -> None:
    """Rights, duties, seat and (for an approval) open items.  :raises NotAllowed:  :raises RuleViolation:"""


def check_can_withdraw_sign_off(sign_off: SignOff, *, user: Any) -> None:
    """:raises NotAllowed: somebody else's signature.  :raises RuleViolation: it is over already."""


def check_can_complete_condition(condition: Condition, *, user: Any) -> None:
    """:raises NotAllowed: neither its owner nor the signer.  :raises RuleViolation: done already."""


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
