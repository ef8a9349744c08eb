"""``manage.py gate SLUG PHASE``: the gate for scripts. Exit 0 granted, 1 refused, 2 cannot tell."""

import json
import sys
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_date

from apps.accounts.models import User
from apps.core.exceptions import RuleViolation
from apps.gates import actions
from apps.gates.evaluation import Evaluation, evaluate
from apps.gates.forms import future_instant
from apps.gates.lookup import find_version
from apps.registry.models import AISystem, ModelVersion

GRANTED, REFUSED, CANNOT_TELL = 0, 1, 2


class Command(BaseCommand):
    help = "Ask the gate. Exit code 0: granted, 1: refused, 2: cannot tell."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("slug")
        parser.add_argument("phase")
        parser.add_argument("--at", help="a later day, YYYY-MM-DD: what will have run out by then")
        parser.add_argument("--version-of", dest="model_version", default="", help="model/number")
        parser.add_argument("--digest", default="", help="digest of the artefact, sha256:...")
        parser.add_argument("--record", metavar="USERNAME", help="record the decision in this person's name")
        parser.add_argument("--json", action="store_true", help="print the whole answer as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            code = self._answer(options)
        except Exception as error:  # whatever went wrong, a script must not read it as an answer
            text = "; ".join(error.messages) if isinstance(error, ValidationError) else str(error)
            raise CommandError(f"Cannot tell: {text}", returncode=CANNOT_TELL) from error
        sys.exit(code)

    def _answer(self, options: dict[str, Any]) -> int:
        system = AISystem.objects.filter(slug=options["slug"]).first()
        if system is None:
            raise RuleViolation(f"there is no system {options['slug']}.")
        version = find_version(system, options["model_version"], options["digest"], among=ModelVersion.objects.all())
        if options["record"]:
            person = User.objects.get(username=options["record"])
            person.via = "command"
            decision = actions.record_decision(system, by=person, phase=options["phase"], version=version)
            evaluation = evaluate(system, options["phase"], at=decision.decided_at, version=version)
            return self._print(evaluation, decision.granted, options)
        day = parse_date(options["at"]) if options["at"] else None
        if options["at"] and day is None:
            raise RuleViolation("--at takes a day as YYYY-MM-DD.")
        evaluation = evaluate(system, options["phase"], at=future_instant(day), version=version)
        return self._print(evaluation, evaluation.granted, options)

    def _print(self, evaluation: Evaluation, granted: bool, options: dict[str, Any]) -> int:
        if options["json"]:
            self.stdout.write(json.dumps(evaluation.as_json(), default=str, indent=2))
        else:
            self.stdout.write(evaluation.sentence)
            for result in [*evaluation.missing, *evaluation.warnings]:
                mark = "missing" if result.is_blocking else "advice"
                self.stdout.write(f"- {mark}: {result.title}: {result.reason} [{result.owner}] {result.link}")
        return GRANTED if granted else REFUSED
