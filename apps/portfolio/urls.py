from django.urls import path

from . import views

app_name = "portfolio"

urlpatterns = [
    path("", views.home, name="home"),
    path("systems/", views.system_list, name="system-list"),
    path("systems/<slug:slug>/", views.system, name="system"),
    path("systems/<slug:slug>/history/", views.system_history, name="system-history"),
    path("portfolio/", views.funnel, name="funnel"),
    path("portfolio/export/", views.export, name="export"),
]
