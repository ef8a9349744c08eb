from django.apps import AppConfig
from django.db.models.signals import post_migrate


def _load_catalogues(**kwargs: object) -> None:
    from .catalogue import load_all

    load_all()


class CoreConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "apps.core"
    label = "core"

    def ready(self) -> None:
        # The last of our apps to migrate: by then every room's tables are there.
        post_migrate.connect(_load_catalogues, sender=self.apps_last(), dispatch_uid="load_catalogues")

    def apps_last(self) -> AppConfig:
        from django.apps import apps

        return list(apps.get_app_configs())[-1]
