from django.apps import AppConfig


class ReadinessConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "apps.readiness"
    label = "readiness"

    def ready(self) -> None:
        from apps.registry import signals

        from . import receivers

        signals.system_changed.connect(receivers.facts_changed, dispatch_uid="readiness_facts_changed")
        signals.version_changed.connect(receivers.version_changed, dispatch_uid="readiness_version_changed")
        signals.role_withdrawn.connect(receivers.role_withdrawn, dispatch_uid="readiness_role_withdrawn")
