from django.urls import path

from .views import catalogue, evidence, items, reviews, signatures

app_name = "readiness-api"

REVIEW = "reviews/<uuid:uid>/"
ITEM = f"{REVIEW}items/<slug:key>/"

urlpatterns = [
    path("readiness/templates/", catalogue.Templates.as_view(), name="templates"),
    path("readiness/templates/<str:version>/", catalogue.TemplateDetail.as_view(), name="template"),
    path("systems/<slug:slug>/reviews/", reviews.SystemReviews.as_view(), name="system-reviews"),
    path("systems/<slug:slug>/evidence/", evidence.SystemEvidence.as_view(), name="system-evidence"),
    path("systems/<slug:slug>/conditions/", signatures.SystemConditions.as_view(), name="system-conditions"),
    path(REVIEW, reviews.ReviewDetail.as_view(), name="review"),
    path(f"{REVIEW}close/", reviews.ReviewClose.as_view(), name="review-close"),
    path(f"{REVIEW}versions/", reviews.ReviewVersions.as_view(), name="review-versions"),
    path(ITEM, items.ItemDetail.as_view(), name="item"),
    path(f"{ITEM}submit/", items.ItemSubmit.as_view(), name="item-submit"),
    path(f"{ITEM}not-applicable/", items.ItemNotApplicable.as_view(), name="item-not-applicable"),
    path(f"{ITEM}verify/", items.ItemVerify.as_view(), name="item-verify"),
    path(f"{ITEM}reject/", items.ItemReject.as_view(), name="item-reject"),
    path(f"{ITEM}reopen/", items.ItemReopen.as_view(), name="item-reopen"),
    path(f"{ITEM}assign/", items.ItemAssign.as_view(), name="item-assign"),
    path(f"{ITEM}comments/", items.ItemComments.as_view(), name="item-comments"),
    path(f"{ITEM}evidence/", items.ItemEvidence.as_view(), name="item-evidence"),
    path(f"{ITEM}evidence/<uuid:evidence_uid>/", items.ItemEvidenceDetail.as_view(), name="item-evidence-detail"),
    path("evidence/<uuid:uid>/", evidence.EvidenceDetail.as_view(), name="evidence"),
    path("evidence/<uuid:uid>/file/", evidence.EvidenceFile.as_view(), name="evidence-file"),
    path("evidence/<uuid:uid>/withdraw/", evidence.EvidenceWithdraw.as_view(), name="evidence-withdraw"),
    path(f"{REVIEW}sections/<slug:key>/snapshot/", signatures.SectionSnapshot.as_view(), name="section-snapshot"),
    path(f"{REVIEW}sign-offs/", signatures.ReviewSignOffs.as_view(), name="sign-offs"),
    path("sign-offs/<uuid:uid>/", signatures.SignOffDetail.as_view(), name="sign-off"),
    path("sign-offs/<uuid:uid>/snapshot/", signatures.SignOffSnapshot.as_view(), name="sign-off-snapshot"),
    path("sign-offs/<uuid:uid>/signature/", signatures.SignOffPayload.as_view(), name="sign-off-payload"),
    path("sign-offs/<uuid:uid>/withdraw/", signatures.SignOffWithdraw.as_view(), name="sign-off-withdraw"),
    path("conditions/<int:pk>/", signatures.ConditionDetail.as_view(), name="condition"),
    path("conditions/<int:pk>/complete/", signatures.ConditionComplete.as_view(), name="condition-complete"),
]
