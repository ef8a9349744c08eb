from django.urls import URLPattern

app_name = "registry-api"

urlpatterns: list[URLPattern] = []
