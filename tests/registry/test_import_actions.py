"""From a file to systems: once, twice, cut off, and after people have changed things."""

import io
from datetime import date
from pathlib import Path

import pytest
from django.db import transaction

from apps.audit.models import Entry
from apps.core import outbox
from apps.core.exceptions import NotAllowed, RuleViolation
from apps.registry import actions, import_actions
from apps.registry.importing.errors import UnreadableFile, UnusableProfile
from apps.registry.models import AISystem, ImportRow, ImportRun, RoleAssignment, SourceRow

HEADINGS = "Name,Purpose,Unit,Phase,Fallback,Owner's note"
pytestmark = pytest.mark.django_db


@pytest.fixture
def sample_bytes(data_sample: Path) -> bytes:
    return (data_sample / "inventory-sample.csv").read_bytes()


def carried_out(run: ImportRun, **step) -> ImportRun:
    while import_actions.advance(run, **step):
        pass
    run.refresh_from_db()
    return run


def imported(data: bytes | str, by, *, filename="inventory.csv", profile="") -> ImportRun:
    data = data.encode() if isinstance(data, str) else data
    run = import_actions.upload_and_start(data=data, filename=filename, by=by, profile_key=profile, in_background=False)
    return carried_out(run)


def generic(*lines: str) -> str:
    return "\n".join((HEADINGS, *lines)) + "\n"


def counts(run: ImportRun) -> dict[str, int]:
    return {name: getattr(run, name) for name in ("created", "updated", "unchanged", "conflicts", "refused")}


def state_of_the_register() -> list:
    """Everything an import could have touched, to compare before and after."""
    return [
        list(AISystem.objects.order_by("pk").values()),
        list(AISystem.history.order_by("pk").values_list("pk", flat=True)),
        list(SourceRow.objects.order_by("pk").values()),
    ]


# --- The first time --------------------------------------------------------------------------------------------------


def test_every_row_of_the_sample_has_an_outcome(sample_bytes, office):
    run = imported(sample_bytes, office)

    assert run.status == ImportRun.Status.FINISHED
    assert counts(run) == {"created": 21, "updated": 0, "unchanged": 0, "conflicts": 0, "refused": 6}
    assert run.rows_done == run.rows_total == run.rows.count() == 27
    assert AISystem.objects.count() == 21
    assert all(row.reason for row in run.rows.filter(outcome="refused"))


def test_a_system_keeps_its_source_row_cell_by_cell(sample_bytes, office):
    run = imported(sample_bytes, office)

    source = AISystem.objects.get(name="Ferry queue estimate").source_row()
    cells = dict(source.cells)
    assert cells["Use Case Name"] == " Ferry queue estimate "
    assert cells["Agency"] == "Department of Lighthouses "
    assert cells["Is the AI use case rights-impacting, safety-impacting, both, or neither?"] == "Rights-Impacting\n"
    assert len(source.raw) == 62
    assert source.run == run
    assert source.number == 3


def test_an_imported_system_belongs_to_nobody_yet_and_has_no_tier(sample_bytes, office):
    imported(sample_bytes, office)

    assert not RoleAssignment.objects.exists()
    assert not AISystem.objects.exclude(tier=None).exists()


def test_a_system_enters_in_the_phase_the_file_says_with_history_and_ledger_entry(sample_bytes, office):
    run = imported(sample_bytes, office)

    system = AISystem.objects.get(name="Letter sorter (formerly Mail Mate)")
    assert system.phase == "limited_beta"
    assert system.started_on == date(2023, 3, 14)
    assert system.history.get().history_user == office
    acts = Entry.objects.filter(system_uid=system.uid).values_list("act", flat=True)
    assert {"system.registered", "sourcerow.created"} <= set(acts)
    entry = Entry.objects.get(system_uid=system.uid, act="sourcerow.created")
    assert system.source_row().raw_sha256.encode() in bytes(entry.body)
    assert run.sha256.encode() in bytes(entry.body)


def test_systems_of_one_name_get_addresses_of_their_own(sample_bytes, office):
    imported(sample_bytes, office)

    slugs = AISystem.objects.filter(name="Writing assistant").values_list("slug", flat=True)
    assert sorted(slugs) == ["writing-assistant", "writing-assistant-2", "writing-assistant-3"]


def test_warnings_are_kept_with_the_row(sample_bytes, office):
    run = imported(sample_bytes, office)

    assert run.rows.get(number=17).warnings == [
        'Stage of Development: "Waiting for the committee" is not in the profile; Phase set to idea.'
    ]


def test_the_notes_say_how_the_file_was_read(sample_bytes, office):
    run = imported(sample_bytes, office)

    assert run.encoding == "cp1252"
    assert any("Read as Windows-1252" in note for note in run.notes)
    assert any("trimmed" in note for note in run.notes)


def test_a_workbook_imports_like_a_csv(office):
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["Name", "Purpose", "Started on"])
    book.active.append(["Route planner", "Plans routes", date(2024, 11, 1)])
    out = io.BytesIO()
    book.save(out)

    imported(out.getvalue(), office, filename="inventory.xlsx")

    assert AISystem.objects.get().started_on == date(2024, 11, 1)


def test_a_name_registered_by_hand_before_is_pointed_out(office, bare_system):
    run = imported(generic("CLAIMS  TRIAGE,Sorts claims,Claims,Pilot,,"), office)

    row = run.rows.get()
    assert row.outcome == ImportRow.Outcome.CREATED
    assert row.warnings == ["A system of this name was there already (claims-triage). Check that it is not the same."]


def test_what_the_database_refuses_refuses_the_row_not_the_run(office, monkeypatch):
    register = actions.register_system

    def picky(*, name, **values):
        if name == "Second":
            raise RuleViolation("Not this one.")
        return register(name=name, **values)

    monkeypatch.setattr(actions, "register_system", picky)

    run = imported(generic("First,p,,Idea,,", "Second,p,,Idea,,", "Third,p,,Idea,,"), office)

    assert counts(run) == {"created": 2, "updated": 0, "unchanged": 0, "conflicts": 0, "refused": 1}
    assert run.rows.get(number=3).reason == "Not this one."


# --- Again -----------------------------------------------------------------------------------------------------------


def test_the_same_file_again_changes_nothing(sample_bytes, office):
    imported(sample_bytes, office)
    before = state_of_the_register()

    again = imported(sample_bytes, office)

    assert counts(again) == {"created": 0, "updated": 0, "unchanged": 21, "conflicts": 0, "refused": 6}
    assert state_of_the_register() == before


def test_a_changed_row_updates_the_fields_that_feed_from_it(office):
    imported(generic("Sorter,Sorts mail,Post room,Pilot,By hand,a"), office)

    run = imported(generic("Sorter,Sorts mail and parcels,Post room,Pilot,By hand,b"), office)

    system = AISystem.objects.get()
    assert system.purpose == "Sorts mail and parcels"
    assert counts(run)["updated"] == 1
    assert run.rows.get().reason == "Changed: Purpose."
    assert system.history.count() == 2


def test_the_earlier_source_row_stays(office):
    imported(generic("Sorter,Sorts mail,Post room,Pilot,,a"), office)
    imported(generic("Sorter,Sorts parcels,Post room,Pilot,,a"), office)

    system = AISystem.objects.get()

    assert [row.raw[1] for row in system.source_rows.all()] == ["Sorts parcels", "Sorts mail"]
    assert system.source_row().raw[1] == "Sorts parcels"


def test_a_change_in_a_column_that_feeds_nothing_is_kept_and_told(office):
    imported(generic("Sorter,Sorts mail,Post room,Pilot,,a"), office)
    version = AISystem.objects.get().version

    run = imported(generic("Sorter,Sorts mail,Post room,Pilot,,b"), office)

    system = AISystem.objects.get()
    assert run.rows.get().outcome == ImportRow.Outcome.UPDATED
    assert "Only columns that feed no field" in run.rows.get().reason
    assert system.version == version
    assert system.source_row().raw[-1] == "b"


def test_what_people_changed_here_stays(office):
    imported(generic("Sorter,Sorts mail,Post room,Pilot,,a"), office)
    system = AISystem.objects.get()
    actions.change_system(system, by=office, purpose="Sorts letters only")

    run = imported(generic("Sorter,Sorts parcels,Mail centre,Pilot,,a"), office)
    # The name and unit tell the system: a moved system would be a new one, so the unit stays in the next file.
    assert counts(run)["created"] == 1

    run = imported(generic("Sorter,Sorts parcels,Post room,Pilot,By hand,a"), office)

    system.refresh_from_db()
    assert system.purpose == "Sorts letters only"
    assert system.fallback == "By hand"
    row = run.rows.get()
    assert row.outcome == ImportRow.Outcome.CONFLICT
    assert 'Purpose: the file says "Sorts parcels", somebody here wrote "Sorts letters only"; kept.' in row.reason


def test_a_conflict_is_told_once_per_change_of_the_file(office):
    imported(generic("Sorter,Sorts mail,Post room,Pilot,,a"), office)
    actions.change_system(AISystem.objects.get(), by=office, purpose="Sorts letters only")
    changed = generic("Sorter,Sorts parcels,Post room,Pilot,,a")

    assert counts(imported(changed, office))["conflicts"] == 1
    assert counts(imported(changed, office))["unchanged"] == 1


def test_an_edit_that_says_what_the_file_says_is_no_conflict(office):
    imported(generic("Sorter,Sorts mail,Post room,Pilot,,a"), office)
    actions.change_system(AISystem.objects.get(), by=office, purpose="Sorts parcels")

    run = imported(generic("Sorter,Sorts parcels,Post room,Pilot,,a"), office)

    assert counts(run)["conflicts"] == 0


def test_no_file_moves_a_system_past_its_gate(office):
    imported(generic("Sorter,Sorts mail,Post room,Pilot,,a"), office)

    run = imported(generic("Sorter,Sorts mail,Post room,Live,,a"), office)

    assert AISystem.objects.get().phase == "pilot"
    assert run.rows.get().outcome == ImportRow.Outcome.CONFLICT
    assert "only a gate moves it" in run.rows.get().reason


def test_a_value_taken_out_of_the_file_is_taken_out_here(office):
    imported(generic("Sorter,Sorts mail,Post room,Pilot,By hand,a"), office)

    imported(generic("Sorter,Sorts mail,Post room,Pilot,,a"), office)

    assert AISystem.objects.get().fallback == ""


# --- Cut off ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 3, 6])
def test_a_run_cut_off_between_steps_goes_on_to_the_same_end(sample_bytes, office, steps):
    run = import_actions.upload_and_start(data=sample_bytes, filename="a.csv", by=office, in_background=False)
    for _ in range(steps):
        import_actions.advance(run, rows=4)
    assert SourceRow.objects.count() == AISystem.objects.count() < 21

    again = import_actions.upload_or_resume(data=sample_bytes, filename="a.csv", by=office)
    carried_out(again)

    assert again == run
    assert counts(again) == {"created": 21, "updated": 0, "unchanged": 0, "conflicts": 0, "refused": 6}
    assert AISystem.objects.count() == SourceRow.objects.count() == 21


def test_a_step_killed_in_the_middle_leaves_nothing_of_it(sample_bytes, office, monkeypatch):
    run = import_actions.upload_and_start(data=sample_bytes, filename="a.csv", by=office, in_background=False)
    import_actions.advance(run, rows=4)
    before = state_of_the_register()
    register, calls = actions.register_system, []

    def killed(**values):
        calls.append(values)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return register(**values)

    monkeypatch.setattr(actions, "register_system", killed)
    with pytest.raises(KeyboardInterrupt):
        import_actions.advance(run)
    monkeypatch.undo()

    assert state_of_the_register() == before
    run.refresh_from_db()
    assert run.rows_done == run.rows.count() == 4
    assert counts(carried_out(run))["created"] == 21


def test_another_run_of_the_same_file_after_a_kill_finds_every_row_as_it_was(sample_bytes, office):
    run = import_actions.upload_and_start(data=sample_bytes, filename="a.csv", by=office, in_background=False)
    import_actions.advance(run, rows=9)
    done = AISystem.objects.count()
    run.status = ImportRun.Status.FAILED
    run.save(update_fields=["status"])

    second = imported(sample_bytes, office)

    assert counts(second) == {"created": 21 - done, "updated": 0, "unchanged": done, "conflicts": 0, "refused": 6}
    assert AISystem.objects.count() == 21


def test_two_imports_of_one_inventory_do_not_run_at_once(sample_bytes, office):
    import_actions.upload_and_start(data=sample_bytes, filename="a.csv", by=office)
    other = import_actions.upload(data=sample_bytes, filename="b.csv", by=office)

    with pytest.raises(RuleViolation, match="is being imported"):
        import_actions.start(other, by=office)


def test_an_import_nobody_works_on_does_not_block_another(sample_bytes, office):
    run = import_actions.upload_and_start(data=sample_bytes, filename="a.csv", by=office)
    run.advanced_at -= 2 * import_actions.QUIET_AFTER
    run.save(update_fields=["advanced_at"])
    other = import_actions.upload(data=sample_bytes, filename="b.csv", by=office)

    assert import_actions.start(other, by=office).status == ImportRun.Status.QUEUED


def test_a_file_gone_from_the_store_ends_the_run_with_the_reason(sample_bytes, office):
    run = import_actions.upload_and_start(data=sample_bytes, filename="a.csv", by=office)
    Path(run.file.path).unlink()
    from apps.registry import import_reading

    import_reading._stored_reading.cache_clear()
    import_reading._stored_table.cache_clear()

    carried_out(run)

    assert run.status == ImportRun.Status.FAILED
    assert "no longer in the store" in run.message


# --- In the background -----------------------------------------------------------------------------------------------


def test_the_worker_carries_an_import_on_step_by_step(sample_bytes, office, monkeypatch):
    monkeypatch.setattr(import_actions, "STEP_ROWS", 10)
    with transaction.atomic():
        run = import_actions.upload_and_start(data=sample_bytes, filename="a.csv", by=office)

    progress = []
    while outbox.drain(limit=1):
        run.refresh_from_db()
        progress.append(run.rows_done)

    assert run.status == ImportRun.Status.FINISHED
    assert progress[-1] == 27
    assert counts(run)["created"] == 21


# --- Before the start ------------------------------------------------------------------------------------------------


def test_the_preview_says_what_the_import_then_does(sample_bytes, office):
    from apps.registry.import_reading import reading_of
    from apps.registry.import_rows import forecast

    run = import_actions.upload(data=sample_bytes, filename="a.csv", by=office)
    expected = {item.row.number: (item.outcome, item.reason) for item in forecast(reading_of(run))}
    assert not AISystem.objects.exists()

    carried_out(import_actions.start(run, by=office, in_background=False))

    assert {row.number: (row.outcome, row.reason) for row in run.rows.all()} == expected


def test_a_person_says_which_column_is_which(office):
    run = import_actions.upload(data=b"Thing,Goal,Name\nA,Sorts mail,x\n", filename="a.csv", by=office)
    with pytest.raises(UnusableProfile, match='no column "Purpose"'):
        import_actions.start(run, by=office)

    import_actions.choose(run, by=office, mapping={"name": 0, "purpose": 1})
    carried_out(import_actions.start(run, by=office, in_background=False))

    assert AISystem.objects.get().purpose == "Sorts mail"
    assert AISystem.objects.get().name == "A"


def test_a_mapping_is_settled_once_the_import_has_started(sample_bytes, office):
    run = import_actions.upload_and_start(data=sample_bytes, filename="a.csv", by=office)

    with pytest.raises(RuleViolation, match="has been started"):
        import_actions.choose(run, by=office, mapping={"name": 1})
    with pytest.raises(RuleViolation, match="has been started"):
        import_actions.start(run, by=office)


@pytest.mark.parametrize("mapping", [{"nothing": 0}, {"name": 99}, {"name": -1}])
def test_a_mapping_to_what_is_not_there_is_refused(sample_bytes, office, mapping):
    run = import_actions.upload(data=sample_bytes, filename="a.csv", by=office)

    with pytest.raises(RuleViolation):
        import_actions.choose(run, by=office, mapping=mapping)


@pytest.mark.parametrize("name", ["owner", "outsider", "org_auditor"])
def test_only_the_office_and_administrators_import(request, sample_bytes, name):
    person = request.getfixturevalue(name)

    with pytest.raises(NotAllowed):
        import_actions.upload(data=sample_bytes, filename="a.csv", by=person)
    with pytest.raises(NotAllowed):
        import_actions.upload_and_start(data=sample_bytes, filename="a.csv", by=person)


def test_an_administrator_imports(sample_bytes, org_admin):
    assert counts(imported(sample_bytes, org_admin))["created"] == 21


@pytest.mark.parametrize("data", [b"", b"\x89PNG\x00\x00", b"name,purpose\n"])
def test_a_file_that_cannot_be_read_leaves_nothing_behind(data, office, settings):
    with pytest.raises(UnreadableFile):
        import_actions.upload(data=data, filename="a.csv", by=office)

    assert not ImportRun.objects.exists()
    assert not list(Path(settings.MEDIA_ROOT).rglob("*"))


def test_too_large_is_refused_by_the_action_too(office, settings):
    settings.IMPORT_MAX_BYTES = 100

    with pytest.raises(UnreadableFile, match="at most 0 MB"):
        import_actions.upload(data=b"name,purpose\n" * 20, filename="a.csv", by=office)


def test_an_unknown_profile_is_refused_with_those_there_are(sample_bytes, office):
    with pytest.raises(RuleViolation, match=r"no profile .nope.*federal-2024, generic"):
        import_actions.upload(data=sample_bytes, filename="a.csv", by=office, profile_key="nope")


def test_the_file_is_kept_out_of_reach_of_addresses(sample_bytes, office):
    run = import_actions.upload(data=sample_bytes, filename="../../etc/passwd.csv", by=office)

    assert run.filename == "passwd.csv"
    assert run.file.name.startswith("imports/")
    assert "passwd" not in run.file.name
