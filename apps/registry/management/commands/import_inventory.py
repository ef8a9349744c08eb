import csv
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.accounts.models import User
from apps.core.exceptions import NotAllowed, NotReady, RuleViolation
from apps.registry import import_actions
from apps.registry.import_reading import fit, read_with
from apps.registry.import_rows import COUNTERS, forecast
from apps.registry.import_views import report_cells
from apps.registry.importing.profiles import locate
from apps.registry.importing.report import HEADINGS, safe_cell
from apps.registry.models import ImportRow, ImportRun


class Command(BaseCommand):
    help = (
        "Import an inventory of AI systems from a CSV or .xlsx file. Every row is imported or refused with its number "
        "and a reason. Importing the same file again changes nothing; an import that was cut off goes on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the CSV or .xlsx file")
        parser.add_argument("--profile", default="", help="how to read the columns (default: by the headings)")
        parser.add_argument("--by", metavar="USERNAME", help="in whose name (default: the automation account)")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen and change nothing")
        parser.add_argument("--report", type=Path, metavar="CSV", help="write one line per row to this file")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        by = self._person(options["by"])
        try:
            data = self._data(path)
            if options["dry_run"]:
                self._dry_run(data, options["profile"], options["report"])
            else:
                self._import(data, path.name, options["profile"], by, options["report"])
        except (RuleViolation, NotAllowed, NotReady) as error:
            raise CommandError(str(error)) from error

    def _person(self, username: str | None) -> Any:
        if username is None:
            return User.objects.automation()
        try:
            return User.objects.get(username=username)
        except User.DoesNotExist:
            raise CommandError(f'There is no account "{username}".', returncode=2) from None

    def _data(self, path: Path) -> bytes:
        try:
            if path.stat().st_size > settings.IMPORT_MAX_BYTES:
                raise import_actions.too_large(path.stat().st_size)
            return path.read_bytes()
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.", returncode=2) from error

    # --- Doing it ----------------------------------------------------------------------------------------------------

    def _import(self, data: bytes, name: str, profile_key: str, by: Any, report: Path | None) -> None:
        run = import_actions.upload_or_resume(data=data, filename=name, by=by, profile_key=profile_key)
        self._say_how(f"{run.profile_key}, version {run.profile_version}", run.notes)
        if run.rows_done:
            self.stderr.write(f"Going on where an earlier import of this file stopped, after {run.rows_done:,} rows.")
        more = True
        while more:
            more = import_actions.advance(run)
            run.refresh_from_db()
            self._progress(run)
        if run.status == ImportRun.Status.FAILED:
            raise CommandError(run.message)
        rows = run.rows.select_related("system")
        for row in rows.filter(outcome__in=[ImportRow.Outcome.REFUSED, ImportRow.Outcome.CONFLICT]):
            self._row(row.number, row.outcome, row.name, row.reason)
        counts = {outcome: getattr(run, counter) for outcome, counter in COUNTERS.items()}
        self._summary(counts, rows.exclude(warnings=[]).count(), run.rows_total)
        self._write(report, (report_cells(row) for row in rows.iterator(chunk_size=500)))

    def _progress(self, run: ImportRun) -> None:
        ending = "\r" if sys.stderr.isatty() and run.status not in ("finished", "failed") else "\n"
        self.stderr.write(f"{run.rows_done:,} of {run.rows_total:,} rows", ending=ending)
        self.stderr.flush()

    # --- Only looking ------------------------------------------------------------------------------------------------

    def _dry_run(self, data: bytes, profile_key: str, report: Path | None) -> None:
        table, profile = read_with(data, profile_key=profile_key)
        reading = fit(table, profile, locate(profile, table.headers))
        self._say_how(profile.label, reading.notes)
        expected = forecast(reading)
        for item in expected:
            if item.outcome in (ImportRow.Outcome.REFUSED, ImportRow.Outcome.CONFLICT):
                self._row(item.row.number, item.outcome, str(item.row.values.get("name") or ""), item.reason)
        counts = Counter(item.outcome for item in expected)
        self._summary(counts, sum(bool(item.row.warnings) for item in expected), len(expected))
        self.stdout.write("Dry run: nothing was changed.")
        self._write(
            report,
            (
                [e.row.number, e.outcome, e.row.values.get("name", ""), "", e.reason, "\n".join(e.row.warnings)]
                for e in expected
            ),
        )

    # --- Saying it ---------------------------------------------------------------------------------------------------

    def _say_how(self, profile: str, notes: Iterable[str]) -> None:
        self.stderr.write(f"Profile: {profile}")
        for note in notes:
            self.stderr.write(f"- {note}")

    def _row(self, number: int, outcome: str, name: str, reason: str) -> None:
        self.stdout.write(f"row {number}: {outcome}: {name or '(no name)'}: {reason}")

    def _summary(self, counts: Any, with_warnings: int, total: int) -> None:
        self.stdout.write("")
        for outcome in ImportRow.Outcome:
            self.stdout.write(f"{outcome.label:<12}{counts.get(outcome, 0):>8,}")
        self.stdout.write(f"{'Rows':<12}{total:>8,}")
        self.stdout.write(f"{with_warnings:,} rows have warnings; --report lists them.")

    def _write(self, path: Path | None, rows: Iterable[Iterable[Any]]) -> None:
        if path is None:
            return
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(HEADINGS)
            writer.writerows([safe_cell(cell) for cell in row] for row in rows)
        self.stdout.write(f"Report: {path}")
