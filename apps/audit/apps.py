from typing import Any

from django.apps import AppConfig


def _remember_history(sender: Any, instance: Any, history_instance: Any, **kwargs: Any) -> None:
    instance._last_history = history_instance


class AuditConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "apps.audit"
    label = "audit"

    def ready(self) -> None:
        from simple_history.signals import post_create_historical_record

        from . import labels, signins

        # The ledger entry of a save points at the history row that save wrote.
        post_create_historical_record.connect(_remember_history, dispatch_uid="remember_history")
        signins.connect()
        labels.autodiscover()
