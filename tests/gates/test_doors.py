"""The gate through its doors: page, API and command line, each for strangers, the forbidden and the allowed."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.accounts.models import Scope
from apps.gates import actions
from apps.gates.models import Decision, Waiver
from apps.registry.models import Phase
from tests.fixtures_people import PASSWORD

pytestmark = pytest.mark.django_db

API = "/api/v1/systems/claims-triage/gates/pilot/decisions"
PAGE = "/systems/claims-triage/gates/pilot/"


def command(*args: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("gate", *args, stdout=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    except CommandError as error:
        return error.returncode, str(error)
    raise AssertionError("the command ends with an exit code")


def test_all_doors_use_the_same_words(system, one_rule, viewer, as_user, api_as):
    page = as_user(viewer).get(PAGE).content.decode()
    answer = api_as(viewer).get(API).json()
    code, text = command("claims-triage", "pilot")

    assert code == 1
    assert answer["granted"] is False
    for words in (answer["sentence"], answer["results"][0]["reason"]):
        assert words in page
        assert words in text


@pytest.mark.parametrize("ok, code", [(True, 0), (False, 1), (None, 2)])
def test_exit_codes(system, one_rule, ok, code):
    one_rule["ok"] = ok

    assert command("claims-triage", "pilot")[0] == code


@pytest.mark.parametrize(
    "args",
    [("nothing-here", "pilot"), ("claims-triage", "idea"), ("claims-triage", "pilot", "--at", "soon")],
)
def test_the_command_cannot_tell(system, one_rule, args):
    assert command(*args)[0] == 2


def test_the_command_records_in_a_persons_name(system, one_rule, owner):
    code, text = command("claims-triage", "pilot", "--record", "owner", "--json")

    assert code == 1
    assert json.loads(text)["granted"] is False
    assert Decision.objects.get().decided_by == owner


def test_the_api_answers_503_when_it_cannot_tell(system, one_rule, viewer, api_as):
    one_rule["ok"] = None

    response = api_as(viewer).get(API)

    assert response.status_code == 503
    assert response["Content-Type"] == "application/problem+json"


def test_a_dry_run_keeps_nothing(system, one_rule, viewer, api_as):
    assert api_as(viewer).get(API).status_code == 200
    assert not Decision.objects.exists()


def test_posting_records_once_for_one_key(system, one_rule, viewer, api_as):
    client = api_as(viewer)

    first = client.post(API, {}, headers={"Idempotency-Key": "build-7"})
    again = client.post(API, {}, headers={"Idempotency-Key": "build-7"})
    other = client.post(API, {"version": "x/1"}, headers={"Idempotency-Key": "build-7"})

    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert other.status_code == 409
    assert Decision.objects.count() == 1


@pytest.mark.parametrize("query", ["?at=2020-01-01", "?at=never", "?at=2999-01-01", "?digest=abc"])
def test_bad_questions_are_422_and_name_the_field(system, one_rule, viewer, api_as, query):
    response = api_as(viewer).get(API + query)

    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] in {"at", "digest", "non_field_errors"}


def test_an_unknown_version_is_said(system, one_rule, viewer, api_as):
    response = api_as(viewer).get(f"{API}?version=fraud/9")

    assert response.status_code == 409
    assert response.json()["code"] == "unknown_version"


def test_strangers_find_nothing(system, one_rule, outsider, as_user, api_as):
    assert as_user(outsider).get(PAGE).status_code == 404
    assert api_as(outsider).get(API).status_code == 404
    assert api_as(outsider).get(API.replace("claims-triage", "missing")).status_code == 404
    assert as_user(None).get(PAGE).status_code == 302
    assert api_as(None).get(API).status_code == 401


@pytest.mark.parametrize("scopes, expected", [([Scope.READ], 403), ([Scope.GATE], 201), ([Scope.WRITE], 403)])
def test_a_token_decides_only_with_its_scope(system, one_rule, owner, scopes, expected):
    from rest_framework.test import APIClient

    from apps.accounts.actions import create_token

    _, secret = create_token(by=owner, name="ci", scopes=scopes)
    client = APIClient(headers={"Authorization": f"Bearer {secret}"})

    assert client.post(API, {}).status_code == expected


def test_moving_through_the_page(system, one_rule, owner, viewer, as_user):
    one_rule["ok"] = True
    url = f"{PAGE}enter/"

    assert as_user(viewer).post(url).status_code == 403
    response = as_user(owner).post(url, {"version": system.version}, follow=True)

    system.refresh_from_db()
    assert system.phase == Phase.PILOT
    assert "May enter Pilot." in [str(m) for m in response.context["messages"]]


def test_moving_through_the_api_needs_the_version_seen(system, one_rule, owner, api_as):
    one_rule["ok"] = True
    client, url = api_as(owner), "/api/v1/systems/claims-triage/phase/"
    system.refresh_from_db()

    assert client.post(url, {"phase": "pilot"}).status_code == 428
    assert client.post(url, {"phase": "pilot"}, headers={"If-Match": '"old"'}).status_code == 412
    response = client.post(url, {"phase": "pilot"}, headers={"If-Match": system.etag})
    assert (response.status_code, response.json()["granted"]) == (201, True)


def test_the_road_of_a_waiver(system, one_rule, owner, governance, as_user):
    url = f"{PAGE}waive/?requirement=test.rule"
    values = {
        "requirement": "test.rule",
        "reason": "Next month.",
        "compensating_control": "By hand.",
        "expires_on": (timezone.localdate() + timedelta(days=10)).isoformat(),
    }

    assert as_user(owner).get(url).status_code == 200
    assert as_user(owner).post(url, {**values, "reason": ""}).status_code == 422
    asked = as_user(owner).post(url, values)
    waiver = Waiver.objects.get()
    own = as_user(owner).post(asked["Location"], {"version": 1, "approve": 1})
    done = as_user(governance).post(asked["Location"], {"version": waiver.version, "approve": 1})

    assert own.status_code == 403
    assert done.status_code == 302
    waiver.refresh_from_db()
    assert waiver.status == "approved"


def test_a_token_decides_on_no_waiver(system, one_rule, owner, governance):
    from rest_framework.test import APIClient

    from apps.accounts.actions import create_token
    from tests.gates.test_actions import waiver_for

    waiver = waiver_for(system, owner)
    _, secret = create_token(by=governance, name="ci", scopes=list(Scope.values))
    client = APIClient(headers={"Authorization": f"Bearer {secret}"})

    response = client.post(f"/api/v1/waivers/{waiver.uid}/", {"approve": True}, headers={"If-Match": waiver.etag})

    assert response.status_code == 403
    assert "token" in response.json()["detail"]


def test_suspending_and_resuming_in_the_browser(system, viewer, governance, owner, as_user):
    assert as_user(viewer).post("/systems/claims-triage/suspend/", {"reason": ""}).status_code == 422
    assert as_user(viewer).post("/systems/claims-triage/suspend/", {"reason": "Stop."}).status_code == 302
    resume = "/systems/claims-triage/resume/"
    assert as_user(owner).post(resume, {"password": PASSWORD}).status_code == 403
    wrong = as_user(governance).post(resume, {"password": "no"})
    assert wrong.status_code == 422
    assert "not your password" in wrong.content.decode()
    assert as_user(governance).post(resume, {"password": PASSWORD}).status_code == 302


def test_decisions_can_be_read_again(system, one_rule, viewer, outsider, as_user, api_as):
    decision = actions.record_decision(system, by=viewer, phase=Phase.PILOT)

    page = as_user(viewer).get(f"/decisions/{decision.uid}/")
    raw = as_user(viewer).get(f"/decisions/{decision.uid}/decision.json")
    listed = api_as(viewer).get("/api/v1/systems/claims-triage/decisions/").json()["results"]

    assert page.status_code == 200
    assert raw.content == bytes(decision.body)
    assert [row["uid"] for row in listed] == [str(decision.uid)]
    assert as_user(outsider).get(f"/decisions/{decision.uid}/").status_code == 404


def test_the_policy_is_there_for_everybody_signed_in(outsider, as_user, api_as):
    assert "Limited beta" in as_user(outsider).get("/policy/").content.decode()
    assert api_as(outsider).get("/api/v1/gate-policy/").json()["key"] == "default"
    assert as_user(None).get("/policy/").status_code == 302


@pytest.mark.parametrize("url", [PAGE, "/systems/claims-triage/gates/", API])
def test_queries_do_not_grow_with_decisions(system, one_rule, viewer, as_user, url, django_assert_max_num_queries):
    for _ in range(6):
        actions.record_decision(system, by=viewer, phase=Phase.PILOT)

    client: Any = as_user(viewer)
    client.get(url)
    with django_assert_max_num_queries(20):
        client.get(url)
