from django.urls import URLPattern

app_name = "portfolio-api"

urlpatterns: list[URLPattern] = []
