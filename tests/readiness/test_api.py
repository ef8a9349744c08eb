"""The readiness room for machines: reviews, items, evidence, signatures, and every way to be told no."""

import hashlib
import json
import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts import actions as accounts
from apps.accounts.models import Scope
from apps.core.models import IdempotencyKey
from apps.readiness import actions
from apps.readiness.models import Condition, Evidence, EvidenceLink, Review, SignOff
from tests.fixtures_people import PASSWORD
from tests.fixtures_reviews import item_of, pass_item, sign, supply

pytestmark = pytest.mark.django_db
API = "/api/v1"
SYSTEM = f"{API}/systems/claims-triage"


@pytest.fixture
def review(open_review):
    return open_review


@pytest.fixture
def item(review):
    return item_of(review, "T-3")


@pytest.fixture
def with_token():
    """``with_token(user)``: a client of that person's token that may read and write."""

    def make(user, *scopes):
        _, secret = accounts.create_token(by=user, name="ci", scopes=list(scopes) or [Scope.READ, Scope.WRITE])
        return APIClient(headers={"Authorization": f"Bearer {secret}"})

    return make


def at(item, name=""):
    return f"{API}/reviews/{item.review.uid}/items/{item.item.key}/{name}"


def change(client, method, url, etag, body=None):
    return getattr(client, method)(url, body or {}, format="json", headers={"If-Match": etag} if etag else {})


# --- Catalogue --------------------------------------------------------------------------------------------------------
def test_the_checklist_for_machines(outsider, api_as):
    client = api_as(outsider)

    listed = client.get(f"{API}/readiness/templates/").json()
    current = client.get(f"{API}/readiness/templates/current/").json()
    again = client.get(f"{API}/readiness/templates/{listed[0]['version']}/").json()

    assert api_as(None).get(f"{API}/readiness/templates/").status_code == 401
    assert current == again
    assert [section["key"] for section in current["sections"]] == ["technical", "operational", "business", "governance"]
    assert sum(len(section["items"]) for section in current["sections"]) == 32
    assert client.get(f"{API}/readiness/templates/1999/").status_code == 404


# --- Reviews ----------------------------------------------------------------------------------------------------------
def test_a_review_is_opened_once_per_key(system, version, owner, api_as):
    client, headers = api_as(owner), {"Idempotency-Key": "open-1"}
    body = {"phase": "limited_beta", "versions": ["claims-triage/1"]}

    first = client.post(f"{SYSTEM}/reviews/", body, format="json", headers=headers)
    again = client.post(f"{SYSTEM}/reviews/", body, format="json", headers=headers)

    review = Review.objects.get()
    assert (first.status_code, again.status_code) == (201, 201)
    assert first["Location"] == f"{API}/reviews/{review.uid}/"
    assert first["ETag"] == review.etag
    assert again["Idempotent-Replay"] == "true"
    assert first.json()["model_versions"][0]["number"] == 1


@pytest.mark.parametrize(
    "body",
    [{}, {"phase": "moon"}, {"phase": "limited_beta", "versions": ["nothing/9"]}, {"phase": "pilot", "versions": 1}],
)
def test_a_review_that_makes_no_sense_is_not_opened(system, owner, api_as, body):
    assert api_as(owner).post(f"{SYSTEM}/reviews/", body, format="json").status_code == 422
    assert not Review.objects.exists()


def test_reviews_are_listed_and_filtered(review, viewer, outsider, api_as):
    client = api_as(viewer)

    assert api_as(None).get(f"{SYSTEM}/reviews/").status_code == 401
    assert api_as(outsider).get(f"{SYSTEM}/reviews/").status_code == 404
    assert [row["uid"] for row in client.get(f"{SYSTEM}/reviews/").json()["results"]] == [str(review.uid)]
    assert client.get(f"{SYSTEM}/reviews/", {"state": "closed"}).json()["results"] == []
    assert client.get(f"{SYSTEM}/reviews/", {"state": "odd"}).status_code == 422


def test_a_review_holds_sections_and_items(review, contributor, technical, viewer, outsider, api_as):
    pass_item(item_of(review, "T-3"), by=contributor, verifier=technical)

    answer = api_as(viewer).get(f"{API}/reviews/{review.uid}/")

    body = answer.json()
    row = next(row for row in body["items"] if row["key"] == "T-3")
    assert answer["ETag"] == review.etag
    assert body["required"] == {"passed": 1, "total": 7, "not_applicable": 0}
    assert len(body["items"]) == 32
    assert (row["status"], row["verified_by"], row["evidence"]) == ("verified", "technical", 1)
    assert body["sections"][0]["signature"] == {
        "status": "unsigned", "effective": False, "since": None, "sentence": "Not signed yet.", "sign_off": None,
    }  # fmt: skip
    assert api_as(outsider).get(f"{API}/reviews/{review.uid}/").status_code == 404
    assert api_as(viewer).get(f"{API}/reviews/{uuid.uuid4()}/").status_code == 404


def test_a_review_as_it_was(review, contributor, viewer, api_as):
    moment = timezone.now()
    actions.answer_item(item_of(review, "T-3"), by=contributor, answer="A")
    client = api_as(viewer)

    then = client.get(f"{API}/reviews/{review.uid}/", {"as_of": moment.isoformat()})

    assert next(row for row in then.json()["items"] if row["key"] == "T-3")["status"] == "open"
    assert "ETag" not in then
    assert client.get(f"{API}/reviews/{review.uid}/", {"as_of": "2001-01-01"}).status_code == 404
    assert client.get(f"{API}/reviews/{review.uid}/", {"as_of": "soon"}).status_code == 422


def test_closing_needs_the_version_one_read(review, owner, viewer, api_as):
    url = f"{API}/reviews/{review.uid}/close/"

    assert change(api_as(viewer), "post", url, "", {"reason": "Over"}).status_code == 403
    assert change(api_as(owner), "post", url, "", {"reason": "Over"}).status_code == 428
    assert change(api_as(owner), "post", url, '"review-0-0"', {"reason": "Over"}).status_code == 412
    assert change(api_as(owner), "post", url, review.etag, {}).status_code == 422
    assert change(api_as(owner), "post", url, review.etag, {"reason": "Over"}).json()["state"] == "closed"


def test_the_versions_of_a_review_are_set(review, owner, api_as):
    url = f"{API}/reviews/{review.uid}/versions/"

    assert change(api_as(owner), "put", url, review.etag, {"versions": ["nope/1"]}).status_code == 422
    assert change(api_as(owner), "put", url, review.etag, {"versions": []}).json()["model_versions"] == []


# --- Items ------------------------------------------------------------------------------------------------------------
def test_an_item_is_answered_submitted_and_verified(item, contributor, technical, api_as):
    supply(item, by=contributor)
    author, judge = api_as(contributor), api_as(technical)
    etag = author.get(at(item))["ETag"]

    answered = change(author, "patch", at(item), etag, {"answer": "Done."})
    submitted = change(author, "post", at(item, "submit/"), answered["ETag"])
    own = change(author, "post", at(item, "verify/"), submitted["ETag"])
    verified = change(judge, "post", at(item, "verify/"), submitted["ETag"], {"note": "Read."})

    assert (answered.json()["status"], submitted.json()["status"]) == ("in_progress", "submitted")
    assert own.status_code == 403
    assert own["Content-Type"] == "application/problem+json"
    assert verified.json()["status"] == "verified"
    assert verified.json()["verdicts"][0]["note"] == "Read."
    assert verified.json()["attached"][0]["state"] == "valid"


def test_an_item_is_not_overwritten_unseen(item, contributor, second_contributor, api_as):
    client = api_as(contributor)
    etag = client.get(at(item))["ETag"]
    actions.answer_item(item, by=second_contributor, answer="Theirs.")

    stale = change(client, "patch", at(item), etag, {"answer": "Mine."})
    blind = change(client, "patch", at(item), "", {"answer": "Mine."})

    assert (stale.status_code, stale.json()["code"]) == (412, "stale_object")
    assert blind.status_code == 428
    assert item_of(item.review, "T-3").answer == "Theirs."


@pytest.mark.parametrize(
    "name, body, status",
    [
        ("", {"answer": ""}, 422),
        ("submit/", {}, 409),
        ("not-applicable/", {"condition": "x", "reason": "R"}, 409),
        ("reject/", {"note": "N"}, 403),
        ("reopen/", {"reason": "R"}, 409),
        ("assign/", {"assigned_to": "nobody"}, 422),
        ("assign/", {"assigned_to": "viewer"}, 409),
        ("assign/", {"assigned_to": "contributor", "due_on": "soon"}, 422),
    ],
)
def test_what_an_item_does_not_allow(item, contributor, viewer, api_as, name, body, status):
    client = api_as(contributor)
    etag = client.get(at(item))["ETag"]

    assert change(client, "post" if name else "patch", at(item, name), etag, body).status_code == status
    assert change(api_as(viewer), "post" if name else "patch", at(item, name), etag, body).status_code == 403


def test_an_item_is_assigned_and_released(item, owner, contributor, api_as):
    client = api_as(owner)
    etag = client.get(at(item))["ETag"]

    taken = change(client, "post", at(item, "assign/"), etag, {"assigned_to": "contributor", "due_on": "2999-01-01"})
    free = change(client, "post", at(item, "assign/"), taken["ETag"], {"assigned_to": None})

    assert (taken.json()["assigned_to"], taken.json()["due_on"]) == ("contributor", "2999-01-01")
    assert (free.json()["assigned_to"], free.json()["due_on"]) == (None, None)


def test_people_talk_about_an_item(item, technical, viewer, api_as):
    assert api_as(technical).post(at(item, "comments/"), {"text": "Sure?"}, format="json").status_code == 201
    assert api_as(technical).post(at(item, "comments/"), {"text": ""}, format="json").status_code == 422
    assert api_as(viewer).post(at(item, "comments/"), {"text": "Hm"}, format="json").status_code == 403
    assert api_as(viewer).get(at(item)).json()["discussion"][0]["text"] == "Sure?"


def test_evidence_is_attached_again_and_detached(review, item, contributor, viewer, api_as):
    evidence = supply(item_of(review, "T-4"), by=contributor)
    client, body = api_as(contributor), {"evidence": str(evidence.uid)}

    refused = api_as(viewer).post(at(item, "evidence/"), body, format="json")
    attached = client.post(at(item, "evidence/"), body, format="json")
    unknown = client.post(at(item, "evidence/"), {"evidence": str(uuid.uuid4())}, format="json")
    twice = client.post(at(item, "evidence/"), body, format="json")
    without = client.delete(at(item, f"evidence/{evidence.uid}/"))
    detached = client.delete(at(item, f"evidence/{evidence.uid}/?reason=Wrong"))

    assert (refused.status_code, attached.status_code, unknown.status_code, twice.status_code) == (403, 201, 404, 409)
    assert (without.status_code, detached.status_code) == (422, 200)
    assert EvidenceLink.objects.filter(evidence=evidence).count() == 1


def test_an_item_of_an_invisible_review_is_not_there(item, outsider, inactive, api_as):
    assert api_as(None).get(at(item)).status_code == 401
    assert api_as(outsider).get(at(item)).status_code == 404
    assert change(api_as(outsider), "patch", at(item), item.etag, {"answer": "A"}).status_code == 404
    assert api_as(outsider).get(f"{API}/reviews/{item.review.uid}/items/X-1/").status_code == 404


# --- Evidence ---------------------------------------------------------------------------------------------------------
def test_a_token_supplies_a_file_for_two_items(review, contributor, viewer, with_token):
    client = with_token(contributor)
    body = {
        "kind": "test_run",
        "title": "Load test",
        "effective_on": "2026-01-05",
        "file": SimpleUploadedFile("load.json", b'{"p95": 120}'),
        "attach_to": [f"{review.uid}/T-3", f"{review.uid}/T-6"],
    }

    made = client.post(f"{SYSTEM}/evidence/", body, format="multipart")

    evidence = Evidence.objects.get()
    assert made.status_code == 201, made.json()
    assert made.json()["sha256"] == hashlib.sha256(b'{"p95": 120}').hexdigest()
    assert made.json()["supplied_by"] == "contributor"
    assert {link.review_item.item.key for link in evidence.links.all()} == {"T-3", "T-6"}
    file = client.get(made.json()["file"])
    assert b"".join(file.streaming_content) == b'{"p95": 120}'
    assert file["Content-Disposition"].startswith("attachment")


def test_a_repeated_upload_is_taken_in_once(system, contributor, api_as):
    client = api_as(contributor)

    def send(content):
        file = SimpleUploadedFile("r.txt", content)
        body = {"kind": "document", "title": "R", "effective_on": "2026-01-05", "file": file}
        return client.post(f"{SYSTEM}/evidence/", body, format="multipart", headers={"Idempotency-Key": "up-1"})

    first, again, other = send(b"one"), send(b"one"), send(b"two")

    assert (first.status_code, again["Idempotent-Replay"], other.status_code) == (201, "true", 409)
    assert Evidence.objects.count() == 1


@pytest.mark.parametrize(
    "values, status",
    [
        ({"title": ""}, 422),
        ({"kind": "pigeon"}, 422),
        ({"effective_on": "yesterday"}, 422),
        ({"url": "javascript:alert(1)"}, 409),
        ({"effective_on": "2999-01-01"}, 409),
        ({"kind": "document"}, 409),
        ({"attach_to": ["nonsense"]}, 422),
        ({"attach_to": [f"{uuid.UUID(int=0)}/T-3"]}, 422),
    ],
)
def test_evidence_that_cannot_count_is_refused(system, contributor, api_as, values, status):
    body = {"kind": "link", "title": "T", "url": "https://example.org", "effective_on": "2026-01-05"} | values

    assert api_as(contributor).post(f"{SYSTEM}/evidence/", body, format="json").status_code == status
    assert not Evidence.objects.exists()


def test_bad_files_are_refused(system, contributor, api_as):
    body = {"kind": "document", "title": "T", "effective_on": "2026-01-05"}
    for file in (SimpleUploadedFile("x.svg", b"<svg onload=1>"), SimpleUploadedFile("x.pdf", b"<html>")):
        answer = api_as(contributor).post(f"{SYSTEM}/evidence/", body | {"file": file}, format="multipart")
        assert answer.status_code == 409
        assert answer.json()["field"] == "upload"
    assert not Evidence.objects.exists()


def test_files_are_taken_at_one_address_only(item, contributor, api_as):
    assert api_as(contributor).post(at(item, "comments/"), {"text": "A"}, format="multipart").status_code == 415


def test_evidence_is_listed_corrected_and_withdrawn(item, contributor, viewer, outsider, api_as):
    evidence = supply(item, by=contributor, valid_until=timezone.localdate() + timedelta(days=9))
    client, url = api_as(contributor), f"{API}/evidence/{evidence.uid}/"

    assert api_as(outsider).get(url).status_code == 404
    assert len(client.get(f"{SYSTEM}/evidence/", {"state": "valid", "ends_within": 10}).json()["results"]) == 1
    assert client.get(f"{SYSTEM}/evidence/", {"state": "withdrawn"}).json()["results"] == []
    assert client.get(f"{SYSTEM}/evidence/", {"ends_within": "soon"}).status_code == 422
    etag = client.get(url)["ETag"]
    assert change(api_as(viewer), "patch", url, etag, {"title": "B"}).status_code == 403
    assert change(client, "patch", url, "", {"title": "B"}).status_code == 428
    corrected = change(client, "patch", url, etag, {"title": "Better"})
    assert corrected.json()["title"] == "Better"
    assert change(client, "post", f"{url}withdraw/", etag, {"reason": "Wrong"}).status_code == 412
    withdrawn = change(client, "post", f"{url}withdraw/", corrected["ETag"], {"reason": "Wrong"})
    assert (withdrawn.json()["state"], withdrawn.json()["withdrawal_reason"]) == ("withdrawn", "Wrong")


def test_lists_cost_the_same_with_more_rows(item, contributor, viewer, api_as, django_assert_max_num_queries):
    client = api_as(viewer)
    supply(item, by=contributor)
    client.get(f"{SYSTEM}/evidence/")
    with django_assert_max_num_queries(8) as few:
        client.get(f"{SYSTEM}/evidence/")
    for number in range(4):
        supply(item, by=contributor, title=f"R{number}")
    with django_assert_max_num_queries(8) as many:
        client.get(f"{SYSTEM}/evidence/")
    assert len(many) == len(few)


# --- Signatures -------------------------------------------------------------------------------------------------------
@pytest.fixture
def ready(review, pass_items):
    pass_items(review, ["B-5"])
    return review


def snapshot(client, review, section="business"):
    return client.get(f"{API}/reviews/{review.uid}/sections/{section}/snapshot/").json()


def signing(shown, **values):
    return {
        "section": shown["section"],
        "digest": shown["sha256"],
        "seen": shown["seen"],
        "meaning": "approval",
        "statement": shown["statements"]["approval"],
        "password": PASSWORD,
    } | values


def post_sign(client, review, body, **headers):
    return client.post(f"{API}/reviews/{review.uid}/sign-offs/", body, format="json", headers=headers)


def test_the_snapshot_is_what_would_be_signed(ready, business, viewer, outsider, api_as):
    shown = snapshot(api_as(business), ready)

    assert hashlib.sha256(shown["canonical"].encode()).hexdigest() == shown["sha256"]
    assert json.loads(shown["canonical"]) == shown["content"]
    assert shown["can_sign"]
    assert "You are not business approver" in snapshot(api_as(viewer), ready)["why_not"]
    assert api_as(outsider).get(f"{API}/reviews/{ready.uid}/sections/business/snapshot/").status_code == 404
    assert api_as(viewer).get(f"{API}/reviews/{ready.uid}/sections/odd/snapshot/").status_code == 404


def test_a_section_is_signed_in_a_session(ready, business, owner, viewer, api_as):
    client = api_as(business)
    condition = {"text": "Test it.", "owner": "owner", "due_on": "2999-01-01"}

    made = post_sign(client, ready, signing(snapshot(client, ready), conditions=[condition], zone="Europe/Berlin"))

    body, signed = made.json(), SignOff.objects.get()
    assert made.status_code == 201, body
    assert made["Location"] == f"{API}/sign-offs/{signed.uid}/"
    assert (body["effective"], body["signer"], body["role"], body["zone"]) == (
        True, "business", "business_approver", "Europe/Berlin",
    )  # fmt: skip
    assert body["conditions"] == [{"text": "Test it.", "owner": str(owner.uid), "due_on": "2999-01-01"}]
    assert PASSWORD not in made.content.decode()
    listed = api_as(viewer).get(f"{API}/reviews/{ready.uid}/sign-offs/").json()["results"]
    assert listed == [body]
    assert api_as(viewer).get(f"{API}/sign-offs/{signed.uid}/").json() == body


def test_the_stored_bytes_are_handed_out(ready, business, viewer, outsider, api_as):
    signed = sign(ready, "business", by=business)
    url = f"{API}/sign-offs/{signed.uid}/"

    content = api_as(viewer).get(f"{url}snapshot/").content
    signature = api_as(viewer).get(f"{url}signature/").content

    assert hashlib.sha256(content).hexdigest() == signed.snapshot.sha256
    assert hashlib.sha256(signature).hexdigest() == signed.payload_sha256
    assert api_as(outsider).get(url).status_code == 404


def test_a_token_never_signs(ready, business, api_as, with_token):
    shown = snapshot(api_as(business), ready)

    answer = post_sign(with_token(business), ready, signing(shown))

    assert answer.status_code == 403
    assert "A token cannot sign" in answer.json()["detail"]
    assert not SignOff.objects.exists()


@pytest.mark.parametrize(
    "values, status, code",
    [
        ({"password": "wrong"}, 409, "wrong_password"),
        ({"digest": "0" * 64}, 409, "content_changed"),
        ({"statement": "I like it."}, 409, "statement_changed"),
        ({"meaning": "rejection"}, 409, "statement_changed"),
        ({"digest": "short"}, 422, "invalid"),
        ({"section": "odd"}, 404, "not_found"),
        ({"conditions": [{"text": "T", "owner": "nobody", "due_on": "2999-01-01"}]}, 422, "invalid"),
        ({"conditions": [{"text": "T", "owner": "owner", "due_on": "2020-01-01"}]}, 409, "due_passed"),
    ],
)
def test_a_signature_that_is_not_right_is_refused(ready, business, owner, api_as, values, status, code):
    client = api_as(business)

    answer = post_sign(client, ready, signing(snapshot(client, ready), **values))

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not SignOff.objects.exists()


def test_a_repeated_signature_answers_the_same_and_keeps_no_password(ready, business, api_as):
    client = api_as(business)
    body = signing(snapshot(client, ready))

    first = post_sign(client, ready, body, **{"Idempotency-Key": "sign-1"})
    again = post_sign(client, ready, body, **{"Idempotency-Key": "sign-1"})
    other = post_sign(client, ready, body | {"comment": "More"}, **{"Idempotency-Key": "sign-1"})

    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 409)
    assert again.json() == first.json()
    assert SignOff.objects.count() == 1
    kept = IdempotencyKey.objects.get()
    assert hashlib.sha256(json.dumps(body).encode()).hexdigest() != kept.request_digest
    assert PASSWORD not in json.dumps(kept.body)


def test_a_signature_is_taken_back_by_its_signer_in_person(ready, business, owner, api_as, with_token):
    signed = sign(ready, "business", by=business)
    url, body = f"{API}/sign-offs/{signed.uid}/withdraw/", {"reason": "Misread"}

    assert with_token(business).post(url, body, format="json").status_code == 403
    assert api_as(owner).post(url, body, format="json").status_code == 403
    assert api_as(business).post(url, {}, format="json").status_code == 422
    answer = api_as(business).post(url, body, format="json").json()
    assert (answer["effective"], answer["void"]["cause"]) == (False, "withdrawn")


def test_a_condition_is_completed(ready, business, owner, viewer, outsider, api_as):
    due = timezone.localdate() + timedelta(days=3)
    sign(ready, "business", by=business, conditions=[{"text": "Test it.", "owner": owner, "due_on": due}])
    condition = Condition.objects.get()
    url = f"{API}/conditions/{condition.pk}/"

    assert api_as(outsider).get(url).status_code == 404
    assert api_as(viewer).get(f"{SYSTEM}/conditions/").json()["results"][0]["id"] == condition.pk
    etag = api_as(owner).get(url)["ETag"]
    assert change(api_as(viewer), "post", f"{url}complete/", etag, {"note": "N"}).status_code == 403
    assert change(api_as(owner), "post", f"{url}complete/", "", {"note": "N"}).status_code == 428
    assert change(api_as(owner), "post", f"{url}complete/", etag, {"note": "Done."}).json()["done_by"] == "owner"
