from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from apps.core.api.schema import OnceGenerator
from apps.core.views import healthz

admin.autodiscover()
# Administrators sign in where everybody does: same rate limits, same second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.site_header = "AI Factory administration"
admin.site.site_title = "AI Factory"

api: list[URLPattern | URLResolver] = [
    path("schema/", SpectacularAPIView.as_view(generator_class=OnceGenerator), name="api-schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
    path("", include("apps.accounts.api.urls")),
    path("", include("apps.registry.api.urls")),
    path("", include("apps.gates.api.urls")),
    path("", include("apps.readiness.api.urls")),
    path("", include("apps.portfolio.api.urls")),
]

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    # Before the admin and allauth: a page of each is replaced by ours.
    path("", include("apps.accounts.urls")),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("api/v1/", include(api)),
    path("", include("apps.registry.urls")),
    path("", include("apps.gates.urls")),
    path("", include("apps.readiness.urls")),
    path("", include("apps.portfolio.urls")),
]
