from django.urls import path

from . import import_views as views

urlpatterns = [
    path("imports/", views.Imports.as_view(), name="import-list"),
    path("imports/<uuid:uid>/", views.ImportDetail.as_view(), name="import-detail"),
    path("imports/<uuid:uid>/rows/", views.ImportRows.as_view(), name="import-rows"),
    path("systems/<slug:slug>/source-rows/", views.SourceRows.as_view(), name="system-source-rows"),
]
