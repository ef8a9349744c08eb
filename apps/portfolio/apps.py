from django.apps import AppConfig


class PortfolioConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "apps.portfolio"
    label = "portfolio"

    def ready(self) -> None:
        from . import tasks  # noqa: F401 - registers what the outbox carries out for this room
