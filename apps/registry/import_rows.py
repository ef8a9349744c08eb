"""One row of an inventory: made a system, compared with the system it is about, or refused with a reason."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from apps.audit.record import record
from apps.core.exceptions import RuleViolation

from . import actions
from .import_reading import Reading
from .importing.mapping import MappedRow, as_stored
from .importing.matching import Match, Verdict
from .importing.targets import TARGETS
from .importing.text import fold, shorten
from .models import AISystem, BusinessFunction, ImportRow, ImportRun, SourceRow

# A phase is what a gate has let through or what stood when the system was registered: no file moves it later.
NEVER_UPDATED = frozenset({"phase"})

Outcome = ImportRow.Outcome
COUNTERS = {
    Outcome.CREATED: "created",
    Outcome.UPDATED: "updated",
    Outcome.UNCHANGED: "unchanged",
    Outcome.CONFLICT: "conflicts",
    Outcome.REFUSED: "refused",
}


class Step:
    """Rows taken in one transaction, written down together at its end."""

    def __init__(self, run: ImportRun, reading: Reading) -> None:
        self.run = run
        self.reading = reading
        self.lines = {line.number: line for line in reading.table.lines}
        self.outcomes: list[ImportRow] = []
        self.by_hand = _names_by_hand(reading.profile.namespace)

    def take(self, row: MappedRow, match: Match) -> None:
        """Give one row its outcome. What a row alone makes impossible refuses that row, not the run."""
        try:
            with transaction.atomic():
                outcome = self._carry_out(row, match)
        except (RuleViolation, ValidationError, IntegrityError) as error:
            outcome = ImportRow(outcome=Outcome.REFUSED, reason=_words(error))
        outcome.run, outcome.number = self.run, row.number
        outcome.name = str(row.values.get("name") or "")[:400]
        outcome.warnings = [*row.warnings, *outcome.warnings]
        self.outcomes.append(outcome)

    def write(self) -> None:
        ImportRow.objects.bulk_create(self.outcomes)
        run = self.run
        for outcome, count in Counter(row.outcome for row in self.outcomes).items():
            counter = COUNTERS[Outcome(outcome)]
            setattr(run, counter, getattr(run, counter) + count)
        run.rows_done += len(self.outcomes)
        run.status, run.advanced_at = ImportRun.Status.RUNNING, timezone.now()
        run.save(update_fields=[*COUNTERS.values(), "rows_done", "status", "advanced_at"])

    def _carry_out(self, row: MappedRow, match: Match) -> ImportRow:
        if match.verdict == Verdict.REFUSED:
            return ImportRow(outcome=Outcome.REFUSED, reason=match.reason)
        if match.verdict == Verdict.SAME:
            return ImportRow(outcome=Outcome.UNCHANGED, system_id=match.known)
        if match.verdict == Verdict.CHANGED:
            return self._update(row, match)
        return self._create(row)

    def _reason(self, row: MappedRow) -> str:
        return f"imported from {self.run.filename}, row {row.number}"

    def _create(self, row: MappedRow) -> ImportRow:
        values: dict[str, Any] = {name: value for name, value in row.values.items() if value not in (None, "")}
        system = actions.register_system(by=self.run.started_by, imported=True, **values)
        occurrence = SourceRow.objects.filter(
            namespace=self.reading.profile.namespace, identity=row.identity, is_current=True
        ).aggregate(last=Max("occurrence"))["last"]
        self._keep(row, system, (occurrence or 0) + 1)
        warnings = []
        if twin := self.by_hand.get(fold(system.name)):
            warnings.append(f"A system of this name was there already ({twin}). Check that it is not the same.")
        return ImportRow(outcome=Outcome.CREATED, system=system, warnings=warnings)

    def _update(self, row: MappedRow, match: Match) -> ImportRow:
        system = AISystem.objects.select_for_update().get(pk=match.known)
        before = SourceRow.objects.get(system=system, is_current=True)
        difference = compare(row, before.mapped, system)
        if difference.changes:
            actions.change_system(system, by=self.run.started_by, imported=True, **difference.changes)
        before.is_current = False
        before.save(update_fields=["is_current"])
        self._keep(row, system, before.occurrence)
        return ImportRow(outcome=difference.outcome, reason=difference.words, system=system)

    def _keep(self, row: MappedRow, system: AISystem, occurrence: int) -> None:
        source = SourceRow.objects.create(
            system=system,
            run=self.run,
            number=row.number,
            namespace=self.reading.profile.namespace,
            identity=row.identity,
            occurrence=occurrence,
            apart=row.apart,
            raw=list(self.lines[row.number].cells),
            raw_sha256=row.digest,
            mapped=as_stored(row.values),
        )
        record(
            act="sourcerow.created",
            obj=source,
            by=self.run.started_by,
            system=system,
            reason=self._reason(row),
            ref={"row": f"sha256:{row.digest}", "file": f"sha256:{self.run.sha256}"},
        )


def _names_by_hand(namespace: str) -> dict[str, str]:
    """Folded name to address of the systems that did not come from this inventory."""
    others = AISystem.objects.exclude(source_rows__namespace=namespace)
    return {fold(name): slug for name, slug in others.values_list("name", "slug")}


def _words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        return " ".join(
            f"{field}: {' '.join(messages)}" for field, messages in getattr(error, "message_dict", {}).items()
        ) or " ".join(error.messages)
    if isinstance(error, IntegrityError):
        return f"The database refused it: {error}."
    return str(error)


@dataclass(frozen=True)
class Difference:
    """What a changed row would change, and what it would not because somebody here has changed it since."""

    changes: dict[str, Any]
    conflicts: tuple[str, ...]

    @property
    def outcome(self) -> str:
        return Outcome.CONFLICT if self.conflicts else Outcome.UPDATED

    @property
    def words(self) -> str:
        if not self.changes and not self.conflicts:
            return "Only columns that feed no field have changed; the new row is kept with the system."
        labels = ", ".join(TARGETS[name].label for name in self.changes)
        return " ".join(filter(None, [f"Changed: {labels}." if labels else "", *self.conflicts]))


def compare(row: MappedRow, last: Mapping[str, str], system: AISystem) -> Difference:
    """
    What a row says now, against what it said last and what the system says.

    A field follows the file only while it still holds what was last imported; people's edits stay.
    """
    changes: dict[str, Any] = {}
    conflicts = []
    said = as_stored(row.values)
    for name, value in said.items():
        ours = as_stored({name: getattr(system, name)})[name]
        if value in (last.get(name, ""), ours):
            continue
        label = TARGETS[name].label
        if name in NEVER_UPDATED:
            conflicts.append(
                f'{label}: the file says "{shorten(value)}", here it is "{shorten(ours)}"; only a gate moves it.'
            )
        elif ours != last.get(name, ""):
            conflicts.append(f'{label}: the file says "{shorten(value)}", somebody here wrote "{shorten(ours)}"; kept.')
        else:
            changes[name] = row.values[name] if row.values[name] is not None or name == "started_on" else ""
    return Difference(changes, tuple(conflicts))


@dataclass(frozen=True)
class Expected:
    """What an import would do with a row as things stand."""

    row: MappedRow
    outcome: str
    reason: str

    @property
    def function_label(self) -> str:
        key = self.row.values.get("business_function")
        return str(BusinessFunction(str(key)).label) if key else ""


def forecast(reading: Reading) -> list[Expected]:
    """What importing would do with every row now. Writes nothing."""
    matches = reading.match()
    sources: dict[int, SourceRow] = {}
    if any(match.verdict == Verdict.CHANGED for match in matches.values()):
        current = SourceRow.objects.filter(namespace=reading.profile.namespace, is_current=True)
        sources = {row.system_id: row for row in current.select_related("system").defer("raw")}
    expected = []
    for row in reading.rows:
        match = matches[row.number]
        outcome, reason = str(_FORECAST[match.verdict]), match.reason
        if match.verdict == Verdict.CHANGED and match.known is not None:
            source = sources[match.known]
            difference = compare(row, source.mapped, source.system)
            outcome, reason = difference.outcome, difference.words
        expected.append(Expected(row, outcome, reason))
    return expected


_FORECAST = {
    Verdict.NEW: Outcome.CREATED,
    Verdict.SAME: Outcome.UNCHANGED,
    Verdict.CHANGED: Outcome.UPDATED,
    Verdict.REFUSED: Outcome.REFUSED,
}
