"""The portfolio as a file: nothing a spreadsheet would run, nothing the reader may not see, and an entry on record."""

import csv
import io
import json
from typing import Any

import pytest
from openpyxl import load_workbook

from apps.audit.models import Entry
from apps.portfolio.exports import harmless
from apps.registry import actions
from apps.registry.models import AISystem

URL = "/portfolio/export/"
API = "/api/v1/portfolio/export/"


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def csv_rows(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body(answer).decode("utf-8-sig"))))


def xlsx_rows(answer: Any) -> list[tuple[Any, ...]]:
    return list(load_workbook(io.BytesIO(body(answer))).active.iter_rows())


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1+1", "=cmd|'/C calc'!A0"]
)
def test_text_that_looks_like_a_formula_is_marked_as_text(text: str) -> None:
    assert harmless(text).startswith("'")


@pytest.mark.parametrize("text", ["", "Claims triage", "3 of 4", "a=b", "'quoted'", "(-1)"])
def test_other_text_is_left_alone(text: str) -> None:
    assert harmless(text) == text


def test_numbers_and_nothing_stay_what_they_are() -> None:
    assert harmless(-5) == -5
    assert harmless(None) is None
    assert harmless("a\x00b\x0bc") == "abc"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_a_file_begins_like_a_formula(as_user: Any, register: Any, office: Any, start: str) -> None:
    register(f"x{start}1", unit=f"{start}cmd|' /C calc'!A0")
    client = as_user(office)

    [row] = csv_rows(client.get(URL))
    cells = xlsx_rows(client.get(URL, {"file_format": "xlsx"}))[1]

    assert row["Unit"].startswith("'")
    assert not any(str(value).startswith(("=", "+", "-", "@", "\t", "\r")) for value in row.values())
    assert all(cell.data_type != "f" for cell in cells)
    assert any(str(cell.value).startswith("'") for cell in cells)


def test_the_csv_holds_what_the_list_shows(as_user: Any, system: AISystem, owner: Any) -> None:
    answer = as_user(owner).get(URL)

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="portfolio-')
    [row] = csv_rows(answer)
    assert row["Name"] == system.name
    assert row["Owner"] == "Owner"
    assert row["Gate"] == AISystem.objects.get().status.sentence
    assert row["Address"].endswith(f"/systems/{system.slug}/")


def test_the_workbook_holds_the_same(as_user: Any, system: AISystem, owner: Any) -> None:
    head, row = xlsx_rows(as_user(owner).get(URL, {"file_format": "xlsx"}))

    assert [cell.value for cell in head][:3] == ["Name", "Address", "Phase"]
    assert row[0].value == system.name


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_an_outsider_gets_a_file_without_systems(
    as_user: Any, system: AISystem, outsider: Any, file_format: str
) -> None:
    content = body(as_user(outsider).get(URL, {"file_format": file_format}))

    assert system.name.encode() not in content
    if file_format == "xlsx":
        assert len(list(load_workbook(io.BytesIO(content)).active.iter_rows())) == 1
    else:
        assert len(content.splitlines()) == 1


def test_the_filters_of_the_list_narrow_the_file(as_user: Any, register: Any, office: Any) -> None:
    register("Chat", phase="pilot")
    register("Mail")

    assert [row["Name"] for row in csv_rows(as_user(office).get(URL, {"phase": "pilot"}))] == ["Chat"]
    assert [r["Name"] for r in csv_rows(as_user(office).get(URL, {"q": "mail", "sort": "-name"}))] == ["Mail"]


def test_an_export_is_on_record(as_user: Any, system: AISystem, owner: Any) -> None:
    body(as_user(owner).get(URL, {"q": "claims", "file_format": "xlsx"}))

    entry = Entry.objects.get(act="export.portfolio")
    assert entry.actor_uid == owner.uid
    assert json.loads(bytes(entry.body))["ref"] == {"format": "xlsx", "rows": "1"}
    assert entry.private.data["after"] == {"filter": {"q": "claims"}}
    assert "claims" not in bytes(entry.body).decode()


def test_a_file_takes_as_many_queries_with_five_systems_as_with_one(
    as_user: Any, register: Any, office: Any, queries: Any
) -> None:
    client = as_user(office)
    register("First")
    one = queries(lambda: body(client.get(URL)))

    for number in range(4):
        register(f"System {number}")

    assert queries(lambda: body(client.get(URL))) == one


def test_who_left_is_named_as_owner_no_more_active(as_user: Any, register: Any, office: Any, owner: Any) -> None:
    register("Chat", owner=owner)
    owner.is_active = False
    owner.save()

    assert csv_rows(as_user(office).get(URL))[0]["Owner"] == "Owner (no longer active)"


def test_anonymous_people_get_no_file(as_user: Any, api_as: Any, db: None) -> None:
    assert as_user(None).get(URL).status_code == 302
    assert api_as(None).get(API).status_code == 401


def test_an_unknown_format_is_not_there(as_user: Any, api_as: Any, owner: Any) -> None:
    assert as_user(owner).get(URL, {"file_format": "pdf"}).status_code == 404
    refused = api_as(owner).get(API, {"file_format": "pdf", "phase": "moon"})
    assert refused.status_code == 422
    assert {error["field"] for error in refused.json()["errors"]} == {"file_format", "phase"}
    assert not Entry.objects.filter(act="export.portfolio").exists()


@pytest.mark.parametrize("accept", ["text/csv", "*/*", "application/json"])
def test_the_api_gives_the_same_file(api_as: Any, system: AISystem, owner: Any, accept: str) -> None:
    answer = api_as(owner).get(API, headers={"Accept": accept})

    assert answer.status_code == 200
    assert csv_rows(answer)[0]["Name"] == system.name


def test_renaming_a_system_to_a_formula_harms_nobody(as_user: Any, bare_system: AISystem, owner: Any) -> None:
    actions.change_system(bare_system, by=owner, name="=HYPERLINK(1)")

    assert csv_rows(as_user(owner).get(URL))[0]["Name"] == "'=HYPERLINK(1)"
