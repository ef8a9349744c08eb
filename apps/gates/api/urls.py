from django.urls import path

from . import views

app_name = "gates-api"

urlpatterns = [
    path("systems/<slug:slug>/gates/<slug:phase>/decisions", views.GateDecisions.as_view(), name="gate-decisions"),
    path("systems/<slug:slug>/decisions/", views.SystemDecisions.as_view(), name="system-decisions"),
    path("systems/<slug:slug>/phase/", views.EnterPhase.as_view(), name="enter-phase"),
    path("systems/<slug:slug>/waivers/", views.SystemWaivers.as_view(), name="system-waivers"),
    path("systems/<slug:slug>/suspensions/", views.SystemSuspensions.as_view(), name="system-suspensions"),
    path("decisions/<uuid:uid>/", views.DecisionDetail.as_view(), name="decision"),
    path("waivers/<uuid:uid>/", views.WaiverDetail.as_view(), name="waiver"),
    path("waivers/<uuid:uid>/withdraw/", views.WaiverWithdrawal.as_view(), name="waiver-withdraw"),
    path("gate-policy/", views.PolicyInForce.as_view(), name="policy"),
]
