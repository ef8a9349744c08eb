from django.urls import URLPattern, path

from . import views
from .import_urls import urlpatterns as import_urls

app_name = "registry-api"

urlpatterns: list[URLPattern] = [
    path("systems/", views.Systems.as_view(), name="system-list"),
    path("systems/<slug:slug>/", views.SystemDetail.as_view(), name="system"),
    path("systems/<slug:slug>/tier/", views.SystemTier.as_view(), name="system-tier"),
    path("systems/<slug:slug>/owner/", views.SystemOwner.as_view(), name="system-owner"),
    path("systems/<slug:slug>/roles/", views.SystemRoles.as_view(), name="system-roles"),
    path("systems/<slug:slug>/roles/<int:pk>/", views.RoleDetail.as_view(), name="role"),
    path("systems/<slug:slug>/deputyships/", views.SystemDeputyships.as_view(), name="system-deputyships"),
    path("systems/<slug:slug>/deputyships/<int:pk>/", views.DeputyshipDetail.as_view(), name="deputyship"),
    path("systems/<slug:slug>/models/", views.SystemModels.as_view(), name="system-models"),
    path("systems/<slug:slug>/version-uses/", views.SystemVersionUses.as_view(), name="system-version-uses"),
    path("systems/<slug:slug>/version-uses/<int:pk>/", views.VersionUseDetail.as_view(), name="version-use"),
    path("models/<str:name>/", views.ModelDetail.as_view(), name="model"),
    path("models/<str:name>/versions/", views.ModelVersions.as_view(), name="model-versions"),
    path("models/<str:name>/versions/<int:number>/", views.VersionDetail.as_view(), name="model-version"),
    path("duplicates/", views.Duplicates.as_view(), name="duplicates"),
    *import_urls,
]
