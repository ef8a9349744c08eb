from django.urls import path

from . import views
from .import_urls import urlpatterns as import_list

app_name = "registry"

urlpatterns = [
    path("systems/new/", views.system_new, name="system-new"),
    path("systems/new/duplicates/", views.duplicates, name="duplicates"),
    path("systems/<slug:slug>/edit/", views.system_edit, name="system-edit"),
    path("systems/<slug:slug>/tier/", views.system_tier, name="system-tier"),
    path("systems/<slug:slug>/people/", views.system_people, name="system-people"),
    path("systems/<slug:slug>/people/grant/", views.role_grant, name="role-grant"),
    path("systems/<slug:slug>/people/<int:pk>/withdraw/", views.role_withdraw, name="role-withdraw"),
    path("systems/<slug:slug>/people/owner/", views.owner_change, name="owner-change"),
    path("systems/<slug:slug>/people/deputies/", views.deputy_appoint, name="deputy-appoint"),
    path("systems/<slug:slug>/people/deputies/<int:pk>/end/", views.deputy_end, name="deputy-end"),
    path("systems/<slug:slug>/models/", views.system_models, name="system-models"),
    path("systems/<slug:slug>/models/register/", views.model_register, name="model-register"),
    path("systems/<slug:slug>/models/<int:pk>/versions/", views.version_register, name="version-register"),
    path("systems/<slug:slug>/models/use/", views.version_use_other, name="version-use-other"),
    path("systems/<slug:slug>/versions/<int:pk>/", views.version_correct, name="version-correct"),
    path("systems/<slug:slug>/versions/<int:pk>/use/", views.version_use, name="version-use"),
    path("systems/<slug:slug>/uses/<int:pk>/stop/", views.version_stop, name="version-stop"),
    path("people/bulk-roles/", views.bulk_roles, name="bulk-roles"),
    *import_list,
]
