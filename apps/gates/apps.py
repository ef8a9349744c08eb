from typing import Any

from django.apps import AppConfig


def _settle(sender: Any, system: Any, by: Any, **kwargs: Any) -> None:
    from .status import refresh

    refresh(system, by=by)


class GatesConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "apps.gates"
    label = "gates"

    def ready(self) -> None:
        from apps.registry.signals import system_settled

        system_settled.connect(_settle, dispatch_uid="gates_settle")
