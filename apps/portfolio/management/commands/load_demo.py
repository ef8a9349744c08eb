import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.core.catalogue import read_yaml
from apps.portfolio.demo import STORY, Demo, sign_ins
from apps.registry.models import AISystem


class Command(BaseCommand):
    help = "Load the demonstration portfolio into an empty database, and write who can sign in to demo-sign-ins.txt."

    def handle(self, *args: Any, **options: Any) -> None:
        if AISystem.objects.exists():
            raise CommandError("There are systems here already. The demonstration goes into an empty database only.")
        begun = time.monotonic()
        demo = Demo()
        demo.load()
        path = settings.DATA_DIR / "demo-sign-ins.txt"
        path.write_text(sign_ins(read_yaml(STORY)["people"]), encoding="utf-8")
        self.stdout.write(f"{len(demo.systems)} systems, {len(demo.users)} people, {time.monotonic() - begun:.0f} s")
