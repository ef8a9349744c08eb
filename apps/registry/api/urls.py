from django.urls import URLPattern

from .import_urls import urlpatterns as import_urls

app_name = "registry-api"

urlpatterns: list[URLPattern] = [*import_urls]
