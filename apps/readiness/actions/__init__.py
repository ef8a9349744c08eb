"""Everything that can be done in the readiness room. Each door calls one of these and nothing else."""

from .evidence import add_evidence, attach_evidence, change_evidence, detach_evidence, withdraw_evidence
from .items import (
    add_comment,
    answer_item,
    assign_item,
    propose_not_applicable,
    reject_item,
    reopen_item,
    submit_item,
    verify_item,
)
from .reviews import change_reviewed_versions, close_review, open_review
from .signatures import complete_condition, sign_off, withdraw_sign_off

__all__ = [
    "add_comment",
    "add_evidence",
    "answer_item",
    "assign_item",
    "attach_evidence",
    "change_evidence",
    "change_reviewed_versions",
    "close_review",
    "complete_condition",
    "detach_evidence",
    "open_review",
    "propose_not_applicable",
    "reject_item",
    "reopen_item",
    "sign_off",
    "submit_item",
    "verify_item",
    "withdraw_evidence",
    "withdraw_sign_off",
]
