"""Pages of evidence: the list of a system, one piece, its file, correcting and withdrawing it."""

import hashlib
import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from apps.readiness import actions
from apps.readiness.models import Evidence

pytestmark = pytest.mark.django_db
LIST = "/systems/claims-triage/evidence/"


def day(offset):
    return timezone.localdate() + timedelta(days=offset)


@pytest.fixture
def add(system, contributor):
    """``add(title)`` supplies a document of yesterday."""

    def make(title="Report", *, body=b"Report\n", name="report.txt", **values):
        values = {"kind": "document", "effective_on": day(-1), "upload": SimpleUploadedFile(name, body)} | values
        return actions.add_evidence(system, by=contributor, title=title, **values)

    return make


@pytest.fixture
def report(add):
    return add()


# --- The list ---------------------------------------------------------------------------------------------------------
def test_the_list_is_for_who_sees_the_system(report, viewer, outsider, as_user):
    assert as_user(None).get(LIST).status_code == 302
    assert as_user(outsider).get(LIST).status_code == 404
    assert "Report" in as_user(viewer).get(LIST).content.decode()


def test_an_empty_list_says_what_to_do(system, viewer, contributor, as_user):
    assert "Contributors of the system add it" in as_user(viewer).get(LIST).content.decode()
    assert "Add evidence" in as_user(contributor).get(LIST).content.decode()


def test_the_list_is_filtered(add, contributor, viewer, as_user):
    add("Lasting")
    add("Ending", valid_until=day(10))
    gone = add("Withdrawn", kind="link", url="https://example.org", upload=None)
    actions.withdraw_evidence(gone, by=contributor, reason="Wrong")

    def shown(**where):
        return {line["evidence"].title for line in as_user(viewer).get(LIST, where).context["lines"]}

    assert shown() == {"Lasting", "Ending", "Withdrawn"}
    assert shown(state="valid") == {"Lasting", "Ending"}
    assert shown(state="ending") == {"Ending"}
    assert shown(state="withdrawn") == {"Withdrawn"}
    assert shown(state="expired") == set()
    assert shown(kind="link") == {"Withdrawn"}
    assert shown(q="last") == {"Lasting"}


def test_the_list_costs_the_same_with_more_rows(add, viewer, as_user, django_assert_max_num_queries):
    client = as_user(viewer)
    add()
    client.get(LIST)
    with django_assert_max_num_queries(12) as few:
        client.get(LIST)
    for number in range(5):
        add(f"Report {number}")
    with django_assert_max_num_queries(12) as many:
        client.get(LIST)
    assert len(many) == len(few)


# --- New --------------------------------------------------------------------------------------------------------------
def test_evidence_is_supplied_for_the_system(system, contributor, viewer, as_user):
    form = {"kind": "link", "title": "Scan", "url": "https://example.org", "effective_on": day(-2).isoformat()}

    refused = as_user(viewer).post(f"{LIST}new/", form)
    response = as_user(contributor).post(f"{LIST}new/", form)

    assert refused.status_code == 403
    assert as_user(viewer).get(f"{LIST}new/").status_code == 403
    assert as_user(contributor).get(f"{LIST}new/").status_code == 200
    assert response["Location"] == Evidence.objects.get().get_absolute_url()
    assert as_user(contributor).post(f"{LIST}new/", {}).status_code == 422


# --- One piece --------------------------------------------------------------------------------------------------------
def test_a_piece_is_for_who_sees_the_system(report, viewer, outsider, as_user):
    address = report.get_absolute_url()

    assert as_user(None).get(address).status_code == 302
    assert as_user(outsider).get(address).status_code == 404
    assert as_user(viewer).get(f"/evidence/{uuid.uuid4()}/").status_code == 404
    text = as_user(viewer).get(address).content.decode()
    assert report.sha256 in text
    assert "Withdraw" not in text


def test_the_file_comes_as_a_download_that_no_browser_runs(add, viewer, outsider, as_user):
    body = b"Eleven threats.\n"
    piece = add(body=body, name='thr"eats\r\nX.txt')
    address = f"{piece.get_absolute_url()}file/"

    response = as_user(viewer).get(address)

    assert b"".join(response.streaming_content) == body
    assert response["Content-Disposition"].startswith("attachment")
    assert "\n" not in response["Content-Disposition"]
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]
    assert response["Content-Type"] == "text/plain"
    assert response["Repr-Digest"].startswith("sha-256=:")
    assert hashlib.sha256(body).hexdigest() == piece.sha256
    assert as_user(outsider).get(address).status_code == 404
    assert as_user(None).get(address).status_code == 302


def test_evidence_without_a_file_has_none_to_download(add, viewer, as_user):
    link = add("Link", kind="link", url="https://example.org", upload=None)

    assert as_user(viewer).get(f"{link.get_absolute_url()}file/").status_code == 404


def test_a_file_that_is_gone_is_not_found(report, viewer, as_user):
    report.file.storage.delete(report.file.name)

    assert as_user(viewer).get(f"{report.get_absolute_url()}file/").status_code == 404


# --- Correcting, withdrawing ------------------------------------------------------------------------------------------
def correction(piece, **values):
    return {
        "version": piece.version,
        "title": piece.title,
        "effective_on": piece.effective_on.isoformat(),
        "valid_until": "",
        "note": "",
        "url": "",
        "reference": "",
    } | values


def test_its_supplier_corrects_it(report, contributor, viewer, as_user):
    address = f"{report.get_absolute_url()}edit/"

    assert as_user(viewer).get(address).status_code == 403
    assert as_user(contributor).get(address).status_code == 200
    assert as_user(contributor).post(address, correction(report, title="")).status_code == 422
    assert as_user(contributor).post(address, correction(report, title="Better")).status_code == 302
    report.refresh_from_db()
    assert report.title == "Better"


def test_a_stale_correction_keeps_the_text_and_shows_what_changed(report, contributor, owner, as_user):
    actions.change_evidence(report, by=owner, title="The owner's title")

    response = as_user(contributor).post(f"{report.get_absolute_url()}edit/", correction(report, title="Mine"))

    text = response.content.decode()
    assert response.status_code == 409
    assert "The owner&#x27;s title" in text
    assert 'value="Mine"' in text
    report.refresh_from_db()
    assert report.title == "The owner's title"


def test_it_is_withdrawn_with_a_reason_and_stays_readable(report, contributor, viewer, as_user):
    address = f"{report.get_absolute_url()}withdraw/"

    assert as_user(viewer).get(address).status_code == 403
    assert as_user(contributor).get(address).status_code == 200
    assert as_user(contributor).post(address, {"version": report.version, "reason": ""}).status_code == 422
    assert as_user(contributor).post(address, {"version": report.version, "reason": "Wrong"}).status_code == 302
    text = as_user(viewer).get(report.get_absolute_url()).content.decode()
    assert "This evidence was withdrawn" in text
    assert "Wrong" in text
    assert b"".join(as_user(viewer).get(f"{report.get_absolute_url()}file/").streaming_content) == b"Report\n"


def test_evidence_that_has_run_out_says_so(add, viewer, as_user, time_machine):
    piece = add(valid_until=day(1))
    time_machine.move_to(timezone.now() + timedelta(days=3))

    assert "This evidence has run out" in as_user(viewer).get(piece.get_absolute_url()).content.decode()
