from django.apps import AppConfig


class RegistryConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "apps.registry"
    label = "registry"

    def ready(self) -> None:
        from apps.accounts import signals

        from . import receivers

        signals.team_joined.connect(receivers.team_joined, dispatch_uid="registry_team_joined")
        signals.team_left.connect(receivers.team_left, dispatch_uid="registry_team_left")
        signals.activity_changed.connect(receivers.activity_changed, dispatch_uid="registry_activity_changed")
