"""``manage.py import_inventory``: its words, its exit and what it leaves when it is killed."""

import csv
import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command

from apps.registry.models import AISystem, ImportRun, SourceRow

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "federal-ai-use-cases-2024.csv"
pytestmark = pytest.mark.django_db


@pytest.fixture
def sample(data_sample: Path) -> Path:
    return data_sample / "inventory-sample.csv"


def run(*arguments: object, **options: object) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("import_inventory", *map(str, arguments), stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def test_it_says_how_every_row_came_out(sample, office):
    out, err = run(sample, "--profile", "federal-2024", "--by", "office")

    assert "Created           21" in out
    assert "Refused            6" in out
    assert "row 14: refused: Buoy drift model: What is the intended purpose" in out
    assert "Read as Windows-1252" in err
    assert "27 of 27 rows" in err
    assert ImportRun.objects.get().started_by == office


def test_without_a_name_it_acts_as_the_automation_account(sample):
    run(sample)

    assert ImportRun.objects.get().started_by.username == "automation"


def test_a_dry_run_changes_nothing(sample):
    out, _ = run(sample, "--dry-run")

    assert "Created           21" in out
    assert "Dry run: nothing was changed." in out
    assert not AISystem.objects.exists()
    assert not ImportRun.objects.exists()


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_the_report_has_a_line_per_row_and_runs_no_formula(sample, tmp_path, dry):
    run(sample, "--report", tmp_path / "out.csv", *dry)

    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert len(rows) == 28
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize(
    "name, data, words",
    [
        ("empty.csv", b"", "The file is empty"),
        ("picture.csv", b"\x89PNG\x00\x00", "does not look like a table"),
        ("headings.csv", b"name,purpose\n", "no rows below"),
        ("other.csv", b"Thing,Goal\na,b\n", 'no column "Name"'),
    ],
)
def test_a_file_that_cannot_be_read_ends_with_its_reason(tmp_path, name, data, words):
    (tmp_path / name).write_bytes(data)

    with pytest.raises(CommandError, match=words):
        run(tmp_path / name)

    assert not ImportRun.objects.exists()


def test_a_file_that_is_not_there_a_person_who_is_not_there_and_one_who_may_not(tmp_path, sample, outsider):
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        run(tmp_path / "nothing.csv")
    with pytest.raises(CommandError, match="no account"):
        run(sample, "--by", "nobody")
    with pytest.raises(CommandError, match="governance office"):
        run(sample, "--by", "outsider")


@pytest.mark.django_db(transaction=True)
def test_killed_it_leaves_whole_rows_and_goes_on_when_run_again(child_environment, settings, tmp_path):
    settings.MEDIA_ROOT = Path(settings.DATA_DIR) / "media"  # where the process keeps the file
    many = tmp_path / "many.csv"
    many.write_text(
        "Name,Purpose\n" + "".join(f"System {n},Sorts things of kind {n}\n" for n in range(700)), encoding="utf-8"
    )
    manage = [sys.executable, str(Path(django_settings.BASE_DIR) / "manage.py"), "import_inventory", str(many)]
    process = subprocess.Popen(manage, env=child_environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while not AISystem.objects.exists() and time.monotonic() < until:
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()

    done = AISystem.objects.count()
    import_run = ImportRun.objects.get()
    assert 0 < done < 700
    assert done == SourceRow.objects.count() == import_run.rows.count() == import_run.rows_done

    _, err = run(many)

    assert "Going on where an earlier import of this file stopped" in err
    assert AISystem.objects.count() == 700
    import_run.refresh_from_db()
    assert import_run.created == 700


@pytest.mark.deep
@pytest.mark.skipif(not REAL.exists(), reason="the real inventory is not beside this checkout")
def test_the_real_inventory_twice():
    out, _ = run(REAL, "--profile", "federal-2024")
    assert "Created        2,119" in out
    assert "Refused           14" in out

    out, _ = run(REAL, "--profile", "federal-2024")
    assert "Unchanged      2,119" in out
    assert AISystem.objects.count() == 2119
