from django.urls import path

from . import views

app_name = "portfolio-api"

urlpatterns = [
    path("work/", views.MyWork.as_view(), name="work"),
    path("portfolio/summary/", views.Summary.as_view(), name="summary"),
    path("portfolio/export/", views.Export.as_view(), name="export"),
    path("systems/<slug:slug>/history/", views.SystemHistory.as_view(), name="system-history"),
]
