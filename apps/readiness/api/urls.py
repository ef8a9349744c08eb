from django.urls import URLPattern

app_name = "readiness-api"

urlpatterns: list[URLPattern] = []
