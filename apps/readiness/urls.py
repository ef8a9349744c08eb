from django.urls import path

from .views import catalogue, evidence, items, reviews, signing

app_name = "readiness"

REVIEW = "reviews/<uuid:uid>/"
ITEM = f"{REVIEW}items/<slug:key>/"

urlpatterns = [
    path("catalogue/", catalogue.catalogue, name="catalogue"),
    path("systems/<slug:slug>/readiness/", reviews.system_readiness, name="system-readiness"),
    path("systems/<slug:slug>/evidence/", evidence.system_evidence, name="system-evidence"),
    path("systems/<slug:slug>/evidence/new/", evidence.evidence_new, name="evidence-new"),
    path(REVIEW, reviews.review, name="review"),
    path(f"{REVIEW}print/", reviews.review_print, name="review-print"),
    path(f"{REVIEW}close/", reviews.review_close, name="review-close"),
    path(f"{REVIEW}versions/", reviews.review_versions, name="review-versions"),
    path(ITEM, items.item, name="item"),
    path(f"{ITEM}answer/", items.item_answer, name="item-answer"),
    path(f"{ITEM}submit/", items.item_submit, name="item-submit"),
    path(f"{ITEM}not-applicable/", items.item_not_applicable, name="item-not-applicable"),
    path(f"{ITEM}assign/", items.item_assign, name="item-assign"),
    path(f"{ITEM}verify/", items.item_verify, name="item-verify"),
    path(f"{ITEM}reject/", items.item_reject, name="item-reject"),
    path(f"{ITEM}reopen/", items.item_reopen, name="item-reopen"),
    path(f"{ITEM}comments/", items.item_comment, name="item-comment"),
    path(f"{ITEM}evidence/", items.item_evidence, name="item-evidence"),
    path(f"{ITEM}evidence/attach/", items.item_attach, name="item-attach"),
    path(f"{ITEM}evidence/<int:pk>/detach/", items.item_detach, name="item-detach"),
    path(f"{REVIEW}sections/<slug:key>/sign/", signing.sign, name="sign"),
    path("evidence/<uuid:uid>/", evidence.evidence, name="evidence"),
    path("evidence/<uuid:uid>/file/", evidence.evidence_file, name="evidence-file"),
    path("evidence/<uuid:uid>/edit/", evidence.evidence_edit, name="evidence-edit"),
    path("evidence/<uuid:uid>/withdraw/", evidence.evidence_withdraw, name="evidence-withdraw"),
    path("signoffs/<uuid:uid>/", signing.sign_off, name="sign-off"),
    path("signoffs/<uuid:uid>/snapshot.json", signing.sign_off_snapshot, name="sign-off-snapshot"),
    path("signoffs/<uuid:uid>/signature.json", signing.sign_off_payload, name="sign-off-payload"),
    path("signoffs/<uuid:uid>/withdraw/", signing.sign_off_withdraw, name="sign-off-withdraw"),
    path("conditions/<int:pk>/", signing.condition, name="condition"),
]
