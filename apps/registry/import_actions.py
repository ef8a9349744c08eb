"""
Importing an inventory: upload, preview, start, and one step after another until every row has an outcome.

A step is one transaction of whole rows. Between steps nothing is held but the database, so a killed import goes on
where it stopped, and importing the same file again finds every row as it was.
"""

import hashlib
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.db import transaction
from django.utils import timezone

from apps.audit.record import record
from apps.core import outbox
from apps.core.exceptions import RuleViolation

from . import policies
from .import_reading import notes_on, profile_named, read_with, reading_of, table_of
from .import_rows import COUNTERS, Step
from .importing.errors import UnreadableFile
from .importing.profiles import Places, Profile, check_places, locate, parse_profile
from .importing.reading import Table
from .models import ImportRun

STEP = "registry.import_step"
STEP_ROWS = 500
STEP_SECONDS = 1.0
UNDER_WAY = (ImportRun.Status.QUEUED, ImportRun.Status.RUNNING)
# An import that has not got further for this long has nobody at work on it.
QUIET_AFTER = timedelta(minutes=2)


@transaction.atomic
def upload(*, data: bytes, filename: str, by: Any, profile_key: str = "") -> ImportRun:
    """
    Keep an inventory file, and how it would be read, for a look before anything is imported.

    The profile is the named one, or the one the headings fit best. Where a column it needs is missing, the run waits
    for a person to say which column that is.

    :raises NotAllowed: ``by`` may not import.
    :raises UnreadableFile: the file cannot be read; nothing is kept.
    :raises RuleViolation: there is no such profile.
    """
    policies.check_can_import(user=by)
    if len(data) > settings.IMPORT_MAX_BYTES:
        raise too_large(len(data))
    table, profile = read_with(data, profile_key=profile_key)
    run = ImportRun(
        filename=Path(filename).name[:255] or "inventory",
        sha256=hashlib.sha256(data).hexdigest(),
        format=table.format,
        encoding=table.encoding,
        headers=list(table.headers),
        rows_total=len(table.lines),
        started_by=by,
    )
    _use(run, profile, table, locate(profile, table.headers))
    run.file.save(run.filename, ContentFile(data), save=False)
    run.save()
    record(act="import.uploaded", obj=run, by=by, ref={"file": f"sha256:{run.sha256}"})
    return run


def too_large(size: int) -> UnreadableFile:
    """The refusal of a file of ``size`` bytes."""
    return UnreadableFile(
        f"The file has {size / 1024 / 1024:,.1f} MB; at most {settings.IMPORT_MAX_BYTES / 1024 / 1024:,.0f} MB can be "
        "imported at once. Split it into several files and import them one after the other."
    )


def _use(run: ImportRun, profile: Profile, table: Table, places: Places) -> None:
    run.profile_key, run.profile_version = profile.key, str(profile.version)
    run.profile, run.mapping = dict(profile.content), places
    run.notes = notes_on(table, profile, places)


@transaction.atomic
def choose(
    run: ImportRun, *, by: Any, profile_key: str = "", mapping: Mapping[str, int | None] | None = None
) -> ImportRun:
    """
    Say before the start with which profile, and from which columns, a file is to be read.

    ``mapping`` gives a column of the file (from 0) or None to columns of the profile; the others stay where they are.

    :raises NotAllowed: ``by`` may not import.
    :raises RuleViolation: started already, no such profile, or no such column.
    """
    run = ImportRun.objects.select_for_update().get(pk=run.pk)
    policies.check_can_import(user=by)
    _check_waiting(run)
    table = table_of(run)
    profile, places = parse_profile(run.profile), dict(run.mapping)
    if profile_key and profile_key != run.profile_key:
        profile = profile_named(profile_key) or profile
        places = locate(profile, table.headers)
    for key, index in (mapping or {}).items():
        if key not in places:
            raise RuleViolation(f'The profile {profile.key} has no column "{key}".', field="mapping")
        if index is not None and not 0 <= index < len(table.headers):
            raise RuleViolation(f"The file has no column number {index}.", field="mapping")
        places[key] = index
    _use(run, profile, table, places)
    run.save(update_fields=["profile_key", "profile_version", "profile", "mapping", "notes"])
    return run


def _check_waiting(run: ImportRun) -> None:
    if run.status != ImportRun.Status.PREVIEW:
        raise RuleViolation("This import has been started; its mapping is settled.", code="import_started")


@transaction.atomic
def start(run: ImportRun, *, by: Any, in_background: bool = True) -> ImportRun:
    """
    Begin an import that waits in preview. In the background it is the worker that carries it on, else the caller.

    :raises NotAllowed: ``by`` may not import.
    :raises RuleViolation: started already, a needed column is missing, or the same inventory is being imported now.
    """
    run = ImportRun.objects.select_for_update().get(pk=run.pk)
    policies.check_can_import(user=by)
    _check_waiting(run)
    reading = reading_of(run)
    _check_alone(run, reading.profile)
    now = timezone.now()
    run.status, run.started_by, run.started_at, run.advanced_at = ImportRun.Status.QUEUED, by, now, now
    run.save(update_fields=["status", "started_by", "started_at", "advanced_at"])
    record(
        act="import.started",
        obj=run,
        by=by,
        ref={"file": f"sha256:{run.sha256}", "profile": f"{run.profile_key}@{reading.profile.digest}"},
    )
    if in_background:
        outbox.put(STEP, run_id=run.pk)
    return run


def _check_alone(run: ImportRun, profile: Profile) -> None:
    """Two imports of one inventory at once would each create what the other is creating."""
    lately = timezone.now() - QUIET_AFTER
    for other in ImportRun.objects.filter(status__in=UNDER_WAY, advanced_at__gte=lately).exclude(pk=run.pk):
        if other.profile.get("namespace", other.profile_key) == profile.namespace:
            raise RuleViolation(
                f'"{other.filename}" of the same inventory is being imported. Wait until it has finished.',
                code="import_running",
            )


@transaction.atomic
def carry_on(run: ImportRun, *, by: Any, in_background: bool = True) -> ImportRun:
    """
    Take up an import that was cut off, where it stopped.

    :raises NotAllowed: ``by`` may not import.
    :raises RuleViolation: it is not under way.
    """
    run = ImportRun.objects.select_for_update().get(pk=run.pk)
    policies.check_can_import(user=by)
    if run.status not in UNDER_WAY:
        raise RuleViolation("Only an import that was started and has not finished can be carried on.")
    if in_background:
        outbox.put(STEP, run_id=run.pk)
    return run


@transaction.atomic
def upload_and_start(
    *, data: bytes, filename: str, by: Any, profile_key: str = "", in_background: bool = True
) -> ImportRun:
    """
    Upload and start in one go, for callers who need no look first. Refused, it leaves nothing behind.

    :raises NotAllowed: ``by`` may not import.
    :raises UnreadableFile: the file cannot be read.
    :raises RuleViolation: no such profile, a column it needs is missing, or the same inventory is being imported.
    """
    policies.check_can_import(user=by)
    if len(data) > settings.IMPORT_MAX_BYTES:
        raise too_large(len(data))
    table, profile = read_with(data, profile_key=profile_key)
    check_places(profile, locate(profile, table.headers), table)
    run = upload(data=data, filename=filename, by=by, profile_key=profile_key)
    return start(run, by=by, in_background=in_background)


@transaction.atomic
def upload_or_resume(*, data: bytes, filename: str, by: Any, profile_key: str = "") -> ImportRun:
    """
    Start importing a file in the caller's process: a new run, or the one of this very file that was cut off.

    :raises NotAllowed: ``by`` may not import.
    :raises UnreadableFile: the file cannot be read.
    :raises RuleViolation: no such profile, or the same inventory is being imported from another file.
    """
    policies.check_can_import(user=by)
    unfinished = ImportRun.objects.filter(status__in=UNDER_WAY, sha256=hashlib.sha256(data).hexdigest())
    if profile_key:
        unfinished = unfinished.filter(profile_key=profile_key)
    if run := unfinished.first():
        return carry_on(run, by=by, in_background=False)
    return upload_and_start(data=data, filename=filename, by=by, profile_key=profile_key, in_background=False)


# --- Step by step ----------------------------------------------------------------------------------------------------


@outbox.handler(STEP)
def _step_from_outbox(run_id: int, **kwargs: Any) -> None:
    """One step as one message: its transaction is the message's, and the next step is a message of its own."""
    run = ImportRun.objects.filter(pk=run_id).first()
    if run is not None and advance(run):
        outbox.put(STEP, run_id=run_id)


@transaction.atomic
def advance(run: ImportRun, *, rows: int = STEP_ROWS, seconds: float = STEP_SECONDS) -> bool:
    """
    Import the next rows, at least one and about ``seconds`` worth; answers whether rows are left.

    Several processes may advance one run: each step locks it and starts from what is done by then. A file that can no
    longer be read ends the run as failed, with the reason.
    """
    run = ImportRun.objects.select_for_update().get(pk=run.pk)
    if run.status not in UNDER_WAY:
        return False
    try:
        reading = reading_of(run)
    except RuleViolation as error:
        return _end(run, ImportRun.Status.FAILED, str(error))
    done = set(run.rows.values_list("number", flat=True))
    waiting = [row for row in reading.rows if row.number not in done]
    matches = reading.match() if waiting else {}
    step = Step(run, reading)
    until = time.monotonic() + seconds
    for row in waiting[:rows]:
        step.take(row, matches[row.number])
        if time.monotonic() > until:
            break
    step.write()
    if len(step.outcomes) < len(waiting):
        return True
    return _end(run, ImportRun.Status.FINISHED, "")


def _end(run: ImportRun, status: str, message: str) -> bool:
    run.status, run.message, run.finished_at = status, message, timezone.now()
    run.save(update_fields=["status", "message", "finished_at"])
    counts = {name: str(getattr(run, name)) for name in COUNTERS.values()}
    record(act=f"import.{status}", obj=run, by=run.started_by, reason=message, ref=counts)
    return False
