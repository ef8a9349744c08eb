"""The import as machines meet it."""

from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.core import outbox
from apps.registry.models import AISystem, ImportRun

URL = "/api/v1/imports/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def sample_bytes(data_sample: Path) -> bytes:
    return (data_sample / "inventory-sample.csv").read_bytes()


def post(client, data: bytes, *, key: str = "", name: str = "lighthouses.csv", **fields):
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(URL, {"file": SimpleUploadedFile(name, data), **fields}, format="multipart", headers=headers)


def test_an_import_is_accepted_and_followed_to_its_end(api_as, office, sample_bytes):
    client = api_as(office)

    response = post(client, sample_bytes, profile="federal-2024")
    assert response.status_code == 202
    assert response.data["status"] == "queued"
    while outbox.drain():
        pass
    run = client.get(f"{URL}{response.data['uid']}/").data

    assert run["status"] == "finished"
    assert (run["created"], run["refused"], run["rows_total"]) == (21, 6, 27)
    assert AISystem.objects.count() == 21


def test_the_rows_come_in_the_order_of_the_file_with_reasons(api_as, office, sample_bytes):
    client = api_as(office)
    uid = post(client, sample_bytes).data["uid"]
    while outbox.drain():
        pass

    rows = client.get(f"{URL}{uid}/rows/").data["results"]
    refused = client.get(f"{URL}{uid}/rows/?outcome=refused").data["results"]

    assert [row["number"] for row in rows] == list(range(2, 29))
    assert rows[0]["system"] == "fog-horn-scheduling"
    assert [row["number"] for row in refused] == [12, 14, 15, 21, 23, 25]
    assert "same as in row 10" in refused[0]["reason"]


def test_the_same_key_imports_once(api_as, office, sample_bytes):
    client = api_as(office)

    first = post(client, sample_bytes, key="nightly-42")
    again = post(client, sample_bytes, key="nightly-42", name="lighthouses.csv")

    assert again.status_code == 202
    assert again.data["uid"] == str(first.data["uid"])
    assert again["Idempotent-Replay"] == "true"
    assert ImportRun.objects.count() == 1


def test_the_same_key_with_another_file_is_refused(api_as, office, sample_bytes):
    client = api_as(office)
    post(client, sample_bytes, key="nightly-42")

    response = post(client, sample_bytes + b"more", key="nightly-42")

    assert response.status_code == 409
    assert response.data["code"] == "idempotency_key_reused"


def test_an_upload_may_wait_for_a_person(api_as, office, sample_bytes):
    response = post(api_as(office), sample_bytes, start="false")

    assert response.data["status"] == "preview"
    assert response.data["url"] == f"http://testserver/imports/{response.data['uid']}/"
    assert not outbox.OutboxMessage.objects.exists()


@pytest.mark.parametrize(
    "data, fields, status, words",
    [
        (b"\x89PNG\x00\x00\x00", {}, 409, "does not look like a table"),
        (b"name,purpose\n", {}, 409, "no rows below"),
        (b"Thing,Goal\na,b\n", {}, 409, 'has no column "Name"'),
        (b"name,purpose\na,b\n", {"profile": "nope"}, 409, "There is no profile"),
    ],
)
def test_what_cannot_be_imported_is_a_problem_and_leaves_nothing(api_as, office, settings, data, fields, status, words):
    response = post(api_as(office), data, **fields)

    assert response.status_code == status
    assert words in response.data["detail"]
    assert response["Content-Type"].startswith("application/problem+json")
    assert not ImportRun.objects.exists()
    assert not list(Path(settings.MEDIA_ROOT).rglob("*.*"))


def test_without_a_file_the_field_is_named(api_as, office):
    response = api_as(office).post(URL, {}, format="multipart")

    assert response.status_code == 422
    assert response.data["errors"][0]["field"] == "file"


def test_too_large_names_the_field(api_as, office, settings):
    settings.IMPORT_MAX_BYTES = 100

    response = post(api_as(office), b"name,purpose\n" * 50)

    assert response.status_code == 422
    assert response.data["errors"][0]["field"] == "file"


def test_nobody_is_let_in_without_credentials(api_as, sample_bytes):
    client = api_as(None)

    assert post(client, sample_bytes).status_code == 401
    assert client.get(URL).status_code == 401


def test_an_outsider_neither_imports_nor_looks(api_as, office, outsider, sample_bytes):
    uid = post(api_as(office), sample_bytes).data["uid"]
    client = api_as(outsider)

    assert post(client, sample_bytes).status_code == 403
    assert client.get(URL).status_code == 403
    assert client.get(f"{URL}{uid}/").status_code == 404
    assert client.get(f"{URL}{uid}/rows/").status_code == 404


def test_an_auditor_looks(api_as, office, org_auditor, sample_bytes):
    post(api_as(office), sample_bytes)

    assert len(api_as(org_auditor).get(URL).data["results"]) == 1
    assert post(api_as(org_auditor), sample_bytes).status_code == 403


def test_the_source_row_of_a_system(api_as, office, outsider, sample_bytes):
    client = api_as(office)
    post(client, sample_bytes)
    while outbox.drain():
        pass

    (row,) = client.get("/api/v1/systems/ferry-queue-estimate/source-rows/").data["results"]

    assert row["cells"][0] == {"heading": "Use Case Name", "text": " Ferry queue estimate "}
    assert row["number"] == 3
    assert api_as(outsider).get("/api/v1/systems/ferry-queue-estimate/source-rows/").status_code == 404
