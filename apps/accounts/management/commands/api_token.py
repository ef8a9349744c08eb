from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts import actions
from apps.accounts.models import Scope, User


class Command(BaseCommand):
    help = "Make an API token for a person and print it, once. It acts for that person within its scopes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", required=True, help="what uses it, such as ci")
        parser.add_argument(
            "--scopes", default=Scope.READ.value, help=f"comma-separated, of: {', '.join(Scope.values)} (default: read)"
        )
        parser.add_argument(
            "--days",
            type=int,
            default=None,
            help=f"how long it lives (default {settings.API_TOKEN_DAYS}, at most {settings.API_TOKEN_MAX_DAYS})",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no account {options['username']}.")
        user.via = "command"
        scopes = [scope.strip() for scope in options["scopes"].split(",") if scope.strip()]
        try:
            token, secret = actions.create_token(by=user, name=options["name"], scopes=scopes, days=options["days"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except PermissionDenied as error:
            raise CommandError(str(error)) from error
        # The secret alone on standard output, so that a script can take it from there.
        reach = f"{', '.join(token.scopes)}, valid until {token.expiry:%Y-%m-%d}"
        self.stderr.write(f"Token “{token.name}” of {user} ({reach}):")
        self.stdout.write(secret)
