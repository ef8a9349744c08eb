"""The pages of the import, for people with and without the right to it, and without JavaScript."""

import csv
import io
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.core import outbox
from apps.registry import import_actions
from apps.registry.models import AISystem, ImportRun

pytestmark = pytest.mark.django_db


@pytest.fixture
def sample_bytes(data_sample: Path) -> bytes:
    return (data_sample / "inventory-sample.csv").read_bytes()


@pytest.fixture
def waiting(sample_bytes, office) -> ImportRun:
    """Uploaded, not started."""
    return import_actions.upload(data=sample_bytes, filename="lighthouses.csv", by=office)


@pytest.fixture
def finished(sample_bytes, office) -> ImportRun:
    run = import_actions.upload_and_start(data=sample_bytes, filename="lighthouses.csv", by=office, in_background=False)
    while import_actions.advance(run):
        pass
    run.refresh_from_db()
    return run


def upload(client, data: bytes, name="lighthouses.csv", **fields):
    return client.post(reverse("registry:import-upload"), {"file": SimpleUploadedFile(name, data), **fields})


def page(run: ImportRun, name: str = "import-detail") -> str:
    return reverse(f"registry:{name}", args=[run.uid])


# --- Who gets in -----------------------------------------------------------------------------------------------------

READING = ["import-detail", "import-progress", "import-report", "import-file"]
WRITING = ["import-choose", "import-start", "import-continue"]


@pytest.mark.parametrize("name", [*READING, *WRITING])
def test_nobody_gets_in_without_signing_in(as_user, waiting, name):
    client = as_user(None)

    response = client.post(page(waiting, name)) if name in WRITING else client.get(page(waiting, name))

    assert response.status_code == 302
    assert "login" in response["Location"]


@pytest.mark.parametrize("name", [*READING, *WRITING])
def test_for_an_outsider_a_run_is_not_there(as_user, waiting, outsider, name):
    client = as_user(outsider)

    response = client.post(page(waiting, name)) if name in WRITING else client.get(page(waiting, name))

    assert response.status_code == 404


@pytest.mark.parametrize("name", ["import-list", "import-upload"])
def test_an_outsider_is_told_who_imports(as_user, outsider, name):
    response = as_user(outsider).get(reverse(f"registry:{name}"))

    assert response.status_code == 403
    assert b"governance office" in response.content.lower()


@pytest.mark.parametrize("name", WRITING)
def test_an_auditor_looks_but_does_not_import(as_user, waiting, org_auditor, name):
    client = as_user(org_auditor)

    assert client.get(page(waiting)).status_code == 200
    assert b"Start the import" not in client.get(page(waiting)).content
    data = {f"column_{k}": v for k, v in waiting.mapping.items()}
    assert client.post(page(waiting, name), data).status_code == 403


# --- Upload ----------------------------------------------------------------------------------------------------------


def test_an_upload_leads_to_its_preview(as_user, office, sample_bytes):
    response = upload(as_user(office), sample_bytes)

    run = ImportRun.objects.get()
    assert response.status_code == 302
    assert response["Location"] == page(run)
    assert run.profile_key == "federal-2024"
    assert not AISystem.objects.exists()


@pytest.mark.parametrize(
    "name, data, words",
    [
        ("inventory.pdf", b"%PDF-1.7", "Choose a .csv or .xlsx file"),
        ("inventory.csv", b"", "empty"),
        ("inventory.csv", b"\x89PNG\r\n\x1a\n\x00\x00", "does not look like a table"),
        ("inventory.csv", b"name,purpose\n\x81,x\n", "byte 0x81 at position 13, line 2"),
        ("inventory.csv", b"name,purpose\n", "no rows below"),
        ("inventory.xlsx", b"PK\x03\x04 broken", "damaged or has a password"),
    ],
)
def test_a_file_that_cannot_be_read_is_explained_on_the_form(as_user, office, name, data, words):
    response = upload(as_user(office), data, name)

    assert response.status_code == 422
    assert words in response.content.decode()
    assert not ImportRun.objects.exists()


def test_a_file_too_large_is_explained_on_the_form(as_user, office, settings):
    settings.IMPORT_MAX_BYTES = 1000

    response = upload(as_user(office), b"name,purpose\n" * 200)

    assert response.status_code == 422
    assert "Split it into several files" in response.content.decode()


# --- Preview ---------------------------------------------------------------------------------------------------------


def test_the_preview_shows_how_the_file_was_read_and_what_would_happen(as_user, office, waiting):
    text = as_user(office).get(page(waiting)).content.decode()

    assert "Read as Windows-1252" in text
    assert "Fog horn scheduling" in text
    assert "Every cell is the same as in row 10" in text
    assert "columns feed no field and are kept with the source row" in text
    assert "Start the import" in text


def test_a_name_that_looks_like_markup_is_only_text(as_user, office):
    upload(as_user(office), b"Name,Purpose\n<script>alert(1)</script>,x\n")

    text = as_user(office).get(page(ImportRun.objects.get())).content.decode()

    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_a_missing_column_is_named_and_can_be_chosen(as_user, office):
    client = as_user(office)
    upload(client, b"Thing,Goal\nSorter,Sorts mail\n")
    run = ImportRun.objects.get()

    text = client.get(page(run)).content.decode()
    assert "The file has no column &quot;Name&quot;; &quot;Purpose&quot;" in text
    assert "Start the import" not in text
    assert client.post(page(run, "import-start")).status_code == 409

    client.post(page(run, "import-choose"), {"column_name": "0", "column_purpose": "1"})
    text = client.get(page(run)).content.decode()
    assert "Start the import" in text
    assert "Sorts mail" in text


def test_another_profile_is_fitted_by_its_own_headings(as_user, office, waiting):
    client = as_user(office)

    client.post(page(waiting, "import-choose"), {"profile": "generic"})

    waiting.refresh_from_db()
    assert waiting.profile_key == "generic"
    assert waiting.mapping["unit"] == 1


def test_a_column_the_profile_needs_cannot_be_left_out(as_user, office, waiting):
    response = as_user(office).post(page(waiting, "import-choose"), {"column_name": "", "column_agency": "1"})

    assert response.status_code == 422
    assert "This profile needs it" in response.content.decode()


def test_a_profile_that_is_not_there_is_refused(as_user, office, waiting):
    response = as_user(office).post(page(waiting, "import-choose"), {"profile": "nope"})

    assert response.status_code == 422


def test_a_column_that_is_not_in_the_file_is_refused(as_user, office, waiting):
    response = as_user(office).post(page(waiting, "import-choose"), {"column_name": "99"})

    assert response.status_code == 422


# --- Start, progress, report -----------------------------------------------------------------------------------------


def test_started_on_the_page_it_runs_in_the_worker(as_user, office, waiting, django_capture_on_commit_callbacks):
    client = as_user(office)
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(page(waiting, "import-start")).status_code == 302

    text = client.get(page(waiting)).content.decode()
    assert "0 of 27 rows" in text
    assert "See how far it is now" in text

    while outbox.drain():
        pass
    response = client.get(page(waiting, "import-progress"))
    assert response.status_code == 204
    assert response["HX-Refresh"] == "true"
    text = client.get(page(waiting)).content.decode()
    assert "Finished" in text
    assert "import-progress" not in text


def test_starting_twice_is_refused(as_user, office, waiting):
    client = as_user(office)
    client.post(page(waiting, "import-start"))

    assert client.post(page(waiting, "import-start")).status_code == 409


def test_an_import_without_a_sign_of_life_can_be_taken_up_again(as_user, office, waiting):
    client = as_user(office)
    client.post(page(waiting, "import-start"))
    outbox.OutboxMessage.objects.all().delete()
    ImportRun.objects.update(advanced_at=waiting.created_at - 10 * import_actions.QUIET_AFTER)

    assert "Continue the import" in client.get(page(waiting)).content.decode()
    client.post(page(waiting, "import-continue"))
    while outbox.drain():
        pass

    waiting.refresh_from_db()
    assert waiting.status == ImportRun.Status.FINISHED


def test_the_report_is_filtered_by_outcome(as_user, office, finished):
    client = as_user(office)

    everything = client.get(page(finished)).content.decode()
    refused = client.get(page(finished), {"outcome": "refused"}).content.decode()
    warned = client.get(page(finished), {"note": "yes"}).content.decode()
    found = client.get(page(finished), {"q": "gull"}).content.decode()

    assert "Fog horn scheduling" in everything
    assert "1 to 6 of 6" in refused
    assert "Fog horn scheduling" not in refused
    assert "Waiting for the committee" in warned
    assert "1 to 3 of 3" in found


def test_the_report_as_csv_runs_no_formula(as_user, office, finished):
    response = as_user(office).get(page(finished, "import-report"))

    text = b"".join(response.streaming_content).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == 28
    assert rows[0] == ["Row", "Outcome", "Name", "System", "Reason", "Warnings"]
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@"))]
    assert any(row[2].startswith("'=HYPERLINK") for row in rows)


def test_the_report_as_csv_keeps_the_filters(as_user, office, finished):
    response = as_user(office).get(page(finished, "import-report"), {"outcome": "refused"})

    assert len(b"".join(response.streaming_content).decode().splitlines()) == 7


def test_the_file_comes_back_byte_for_byte_as_a_download(as_user, office, finished, sample_bytes):
    response = as_user(office).get(page(finished, "import-file"))

    assert b"".join(response.streaming_content) == sample_bytes
    assert response["Content-Disposition"] == 'attachment; filename="lighthouses.csv"'
    assert response["Content-Type"] == "application/octet-stream"


def queries(client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


def test_the_list_takes_as_many_queries_with_six_imports_as_with_one(as_user, office, sample_bytes):
    client = as_user(office)
    address = reverse("registry:import-list")
    import_actions.upload(data=sample_bytes, filename="first.csv", by=office)
    client.get(address)
    with_one = queries(client, address)

    for n in range(5):
        import_actions.upload(data=sample_bytes, filename=f"{n}.csv", by=office)

    assert queries(client, address) == with_one


def test_the_report_takes_as_many_queries_however_many_rows(as_user, office, finished):
    client = as_user(office)
    client.get(page(finished))

    assert queries(client, page(finished)) == queries(client, f"{page(finished)}?outcome=refused")


# --- The source row of a system --------------------------------------------------------------------------------------


def test_the_source_row_is_shown_to_who_sees_the_system(as_user, office, finished, outsider):
    system = AISystem.objects.get(name="Ferry queue estimate")
    address = reverse("registry:system-source", args=[system.slug])

    text = as_user(office).get(address).content.decode()

    assert "All 62 cells" in text
    assert "Rights-Impacting" in text
    assert as_user(outsider).get(address).status_code == 404
    assert as_user(None).get(address).status_code == 302


def test_a_system_registered_by_hand_says_it_has_none(as_user, owner, bare_system):
    text = as_user(owner).get(reverse("registry:system-source", args=[bare_system.slug])).content.decode()

    assert "registered by hand" in text
