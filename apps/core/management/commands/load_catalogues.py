from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.catalogue import CatalogueError, load_all


class Command(BaseCommand):
    help = "Load the catalogue files (checklist, gate policy) into versioned rows. Safe to run again."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            for line in load_all():
                self.stdout.write(line)
        except CatalogueError as error:
            raise CommandError(str(error)) from error
