from django.urls import path

from . import import_views as views

urlpatterns = [
    path("imports/", views.import_list, name="import-list"),
    path("imports/new/", views.import_upload, name="import-upload"),
    path("imports/<uuid:uid>/", views.import_detail, name="import-detail"),
    path("imports/<uuid:uid>/mapping/", views.import_choose, name="import-choose"),
    path("imports/<uuid:uid>/start/", views.import_start, name="import-start"),
    path("imports/<uuid:uid>/continue/", views.import_continue, name="import-continue"),
    path("imports/<uuid:uid>/progress/", views.import_progress, name="import-progress"),
    path("imports/<uuid:uid>/report.csv", views.import_report, name="import-report"),
    path("imports/<uuid:uid>/file/", views.import_file, name="import-file"),
    path("systems/<slug:slug>/source/", views.system_source, name="system-source"),
]
