from django.urls import path

from .views import catalogue

app_name = "readiness"

urlpatterns = [
    path("catalogue/", catalogue.catalogue, name="catalogue"),
]
