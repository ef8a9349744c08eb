from django.urls import path

from . import views

app_name = "gates"

urlpatterns = [
    path("policy/", views.policy, name="policy"),
    path("systems/<slug:slug>/gates/", views.system_gates, name="system-gates"),
    path("systems/<slug:slug>/gates/<slug:phase>/", views.ask, name="ask"),
    path("systems/<slug:slug>/gates/<slug:phase>/enter/", views.enter, name="enter"),
    path("systems/<slug:slug>/gates/<slug:phase>/waive/", views.waiver_new, name="waiver-new"),
    path("systems/<slug:slug>/suspend/", views.suspend, name="suspend"),
    path("systems/<slug:slug>/resume/", views.resume, name="resume"),
    path("decisions/<uuid:uid>/", views.decision, name="decision"),
    path("decisions/<uuid:uid>/decision.json", views.decision_json, name="decision-json"),
    path("waivers/<uuid:uid>/", views.waiver, name="waiver"),
]
