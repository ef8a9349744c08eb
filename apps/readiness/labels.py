"""The words of this room in the timeline."""

from apps.audit.labels import Act, acts, kind

acts(
    {
        "review.opened": Act("Readiness review opened: {object}", "checklist"),
        "review.closed": Act("Readiness review closed: {object}", "archive"),
        "review.versions_changed": Act("Review is about other model versions: {object}", "versions", "warn"),
        "review.version_added": Act("Model version taken into the review: {object}", "versions"),
        "review.version_removed": Act("Model version taken out of the review: {object}", "versions"),
        "item.assigned": Act("Item assigned: {object}", "user"),
        "item.answered": Act("Item answered: {object}", "pencil"),
        "item.submitted": Act("Item submitted: {object}", "send"),
        "item.not_applicable_proposed": Act("Item proposed as not applicable: {object}", "minus"),
        "item.verified": Act("Item verified: {object}", "circle-check", "met"),
        "item.rejected": Act("Item rejected: {object}", "circle-x", "blocked"),
        "item.reopened": Act("Item reopened: {object}", "rotate", "warn"),
        "item.evidence_changed": Act("Evidence of an item changed: {object}", "paperclip"),
        "item.tier_applied": Act("Item held to the new risk tier: {object}", "scale"),
        "item.commented": Act("Comment on {object}", "message"),
        "evidence.added": Act("Evidence supplied: {object}", "paperclip"),
        "evidence.changed": Act("Evidence corrected: {object}", "paperclip", "warn"),
        "evidence.withdrawn": Act("Evidence withdrawn: {object}", "paperclip", "warn"),
        "evidence.attached": Act("Evidence attached: {object}", "link"),
        "evidence.detached": Act("Evidence taken away: {object}", "link", "warn"),
        "signoff.completed": Act("Section signed: {object}", "signature", "met"),
        "signoff.refused": Act("Signature refused", "signature", "blocked"),
        "signoff.voided": Act("Signature void: {object}", "signature", "blocked"),
        "condition.stated": Act("Condition stated: {object}", "flag", "warn"),
        "condition.completed": Act("Condition fulfilled: {object}", "flag", "met"),
    }
)
kind("readiness.review", name=("phase",), url="readiness:review", hidden=frozenset({"template_id"}))
kind("readiness.reviewedversion", name=("model_version_id",), hidden=frozenset({"review_id"}))
kind(
    "readiness.reviewitem",
    name=("item__title",),
    url="readiness:item",
    url_args=("review__uid", "item__key"),
    hidden=frozenset({"review_id", "item_id"}),
)
kind("readiness.item", name=("title",))
kind("readiness.evidence", name=("title",), url="readiness:evidence", hidden=frozenset({"file"}))
kind("readiness.evidencelink", name=("evidence_id",), hidden=frozenset({"review_item_id"}))
kind(
    "readiness.comment",
    name=("review_item__item__title",),
    url="readiness:item",
    url_args=("review_item__review__uid", "review_item__item__key"),
    hidden=frozenset({"item"}),
)
kind(
    "readiness.signoff",
    name=("section__title",),
    url="readiness:sign-off",
    hidden=frozenset(
        {"payload", "payload_sha256", "proof_id", "review_id", "section_id", "snapshot_id", "signer_name"}
    ),
)
kind("readiness.condition", name=("text",), hidden=frozenset({"sign_off_id"}))
