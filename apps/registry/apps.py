from django.apps import AppConfig
from django.db.models.signals import post_migrate


class RegistryConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "apps.registry"
    label = "registry"

    def ready(self) -> None:
        from apps.accounts import signals

        from . import receivers
        from .querysets import view_permission_id

        signals.team_joined.connect(receivers.team_joined, dispatch_uid="registry_team_joined")
        signals.team_left.connect(receivers.team_left, dispatch_uid="registry_team_left")
        signals.activity_changed.connect(receivers.activity_changed, dispatch_uid="registry_activity_changed")
        post_migrate.connect(
            lambda **kwargs: view_permission_id.cache_clear(), weak=False, dispatch_uid="registry_view"
        )
