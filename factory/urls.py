from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from apps.core.views import healthz

admin.autodiscover()
# Administrators sign in where everybody does: same rate limits, same second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.site_header = "AI Factory administration"

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("admin/", admin.site.urls),
]
