from datetime import timedelta

import pytest
from django.utils import timezone

from apps.registry import actions
from apps.registry.models import AISystem, Deputyship, ModelVersion, Phase, RoleAssignment, VersionUse
from apps.registry.people import roles_of
from apps.registry.roles import Role

DIGEST = "sha256:" + "ab" * 32
HOME = "/api/v1/systems/claims-triage/"


def errors(response):
    assert response.status_code == 422, response.content
    assert response["Content-Type"] == "application/problem+json"
    return {line["field"] for line in response.json()["errors"]}


# --- The list --------------------------------------------------------------------------------------------------------


def test_the_list_shows_what_a_portfolio_needs(system, viewer, api_as):
    answer = api_as(viewer).get("/api/v1/systems/").json()

    row = answer["results"][0]
    assert (row["slug"], row["phase"], row["tier"]) == ("claims-triage", "idea", None)
    assert row["owner"] == {"username": "owner", "name": "Owner"}
    assert set(row["gate"]) >= {"granted", "missing", "met", "required", "sentence"}
    assert answer["next"] is None


def test_everybody_lists_only_what_they_may_see(system, outsider, inactive, office, api_as):
    assert api_as(outsider).get("/api/v1/systems/").json()["results"] == []
    assert len(api_as(office).get("/api/v1/systems/").json()["results"]) == 1
    assert api_as(None).get("/api/v1/systems/").status_code == 401
    assert api_as(inactive).get("/api/v1/systems/").status_code == 401


@pytest.fixture
def portfolio(office, owner):
    """Six systems that differ in what lists are filtered by."""
    made = [
        actions.register_system(by=office, name=f"System {n}", purpose="Some.", phase=phase, owner=owner, unit=unit)
        for n, (phase, unit) in enumerate(
            [(Phase.IDEA, "Claims"), (Phase.PILOT, "Claims"), (Phase.PILOT, "Sales"), (Phase.RETIRED, "Sales")]
        )
    ]
    made.append(actions.register_system(by=office, name="Nobody's", purpose="Search me.", imported=True))
    made.append(actions.register_system(by=owner, name="Tiered", purpose="Some.", business_function="hr"))
    actions.set_tier(made[-1], by=office, tier=2, reason="Assessed")
    return made


@pytest.mark.parametrize(
    "query, names",
    [
        ("phase=pilot", ["System 1", "System 2"]),
        ("phase=pilot&phase=retired", ["System 1", "System 2", "System 3"]),
        ("tier=2", ["Tiered"]),
        ("tier=none&unit=claims", ["System 0", "System 1"]),
        ("function=hr", ["Tiered"]),
        ("q=search", ["Nobody's"]),
        ("no_owner=true", ["Nobody's"]),
        ("no_owner=false&unit=sales", ["System 2", "System 3"]),
        ("owner=owner&q=tiered", ["Tiered"]),
        ("at_risk=true", []),
        ("ordering=-name&q=system", ["System 3", "System 2", "System 1", "System 0"]),
    ],
)
def test_filters_and_orderings(portfolio, office, api_as, query, names):
    answer = api_as(office).get(f"/api/v1/systems/?{query}")

    assert [row["name"] for row in answer.json()["results"]] == names


@pytest.mark.parametrize("query", ["phase=limbo", "tier=7", "ordering=tier", "function=magic", "ordering=name;drop"])
def test_questions_that_make_no_sense(office, api_as, query):
    assert errors(api_as(office).get(f"/api/v1/systems/?{query}"))


def test_pages_follow_one_another_without_gap(portfolio, office, api_as):
    client, seen, address = api_as(office), [], "/api/v1/systems/?limit=2"
    while address:
        answer = client.get(address).json()
        seen += [row["name"] for row in answer["results"]]
        address = answer["next"]

    assert seen == sorted(system.name for system in portfolio)


def test_the_list_asks_as_often_for_six_as_for_one(office, owner, api_as, django_assert_num_queries):
    client = api_as(office)
    actions.register_system(by=owner, name="One", purpose="Some.")
    client.get("/api/v1/systems/")
    with django_assert_num_queries(5):
        client.get("/api/v1/systems/")

    for n in range(5):
        actions.register_system(by=owner, name=f"More {n}", purpose="Some.")
    with django_assert_num_queries(5):
        assert len(client.get("/api/v1/systems/").json()["results"]) == 6


# --- One system ------------------------------------------------------------------------------------------------------


def test_registering_by_api(outsider, api_as):
    answer = api_as(outsider).post("/api/v1/systems/", {"name": "New one", "purpose": "Some.", "unit": "Claims"})

    assert answer.status_code == 201
    assert answer["Location"] == "/api/v1/systems/new-one/"
    assert answer["ETag"]
    assert answer.json()["owner"]["username"] == "outsider"
    assert "change_aisystem" in answer.json()["permissions"]


def test_a_repeated_key_registers_once(outsider, api_as):
    client, body = api_as(outsider), {"name": "New one", "purpose": "Some."}

    answers = [client.post("/api/v1/systems/", body, headers={"Idempotency-Key": "k-1"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert AISystem.objects.count() == 1


@pytest.mark.parametrize(
    "body, fields",
    [
        ({}, {"name", "purpose"}),
        ({"name": "", "purpose": "Some."}, {"name"}),
        ({"name": "A", "purpose": "B", "tier": 3}, {"tier"}),
        ({"name": "A", "purpose": "B", "started_on": "soon"}, {"started_on"}),
        ({"name": "A", "purpose": "B", "owner": "nobody"}, {"owner"}),
        ({"name": "A", "purpose": "B", "phase": "limbo"}, {"phase"}),
    ],
)
def test_what_cannot_be_registered(outsider, api_as, body, fields):
    assert errors(api_as(outsider).post("/api/v1/systems/", body)) == fields


def test_beyond_an_idea_is_for_the_office(outsider, api_as):
    answer = api_as(outsider).post("/api/v1/systems/", {"name": "A", "purpose": "B", "phase": "pilot"})

    assert answer.status_code == 403
    assert "starts as an idea" in answer.json()["detail"]


def test_what_one_may_not_see_is_not_there(system, outsider, api_as):
    client = api_as(outsider)

    for address in ("", "roles/", "deputyships/", "models/", "version-uses/"):
        assert client.get(HOME + address).status_code == 404
    assert client.patch(HOME, {"unit": "Mine"}).status_code == 404


def test_changing_asks_for_the_etag_one_read(system, owner, viewer, api_as):
    client = api_as(owner)
    etag = client.get(HOME)["ETag"]

    assert client.patch(HOME, {"unit": "Claims"}).status_code == 428
    changed = client.patch(HOME, {"unit": "Claims"}, headers={"If-Match": etag})
    assert (changed.status_code, changed.json()["unit"], changed.json()["version"]) == (200, "Claims", 2)
    assert client.patch(HOME, {"unit": "Mine"}, headers={"If-Match": etag}).status_code == 412
    assert api_as(viewer).patch(HOME, {"unit": "Mine"}, headers={"If-Match": changed["ETag"]}).status_code == 403
    assert errors(client.patch(HOME, {"phase": "pilot"}, headers={"If-Match": changed["ETag"]})) == {"phase"}


def test_setting_the_tier(system, risk_owner, owner, api_as):
    etag = api_as(owner).get(HOME)["ETag"]

    assert api_as(owner).put(HOME + "tier/", {"tier": 3, "reason": "x"}, headers={"If-Match": etag}).status_code == 403
    client = api_as(risk_owner)
    assert client.put(HOME + "tier/", {"tier": 3, "reason": "x"}).status_code == 428
    assert errors(client.put(HOME + "tier/", {"tier": 4}, headers={"If-Match": etag})) == {"tier", "reason"}
    assert client.put(HOME + "tier/", {"tier": 3, "reason": "x"}, headers={"If-Match": etag}).json()["tier"] == 3


def test_a_system_as_it_was(bare_system, owner, api_as):
    before = timezone.now().isoformat()
    actions.change_system(bare_system, by=owner, unit="Claims")
    client = api_as(owner)

    assert client.get(HOME).json()["unit"] == "Claims"
    assert client.get(HOME, {"as_of": before}).json()["unit"] == ""
    assert client.get(HOME, {"as_of": "2020-01-01"}).status_code == 404
    assert errors(client.get(HOME, {"as_of": "3000-01-01"})) == {"as_of"}


def test_duplicates(system, viewer, outsider, api_as):
    found = api_as(viewer).get("/api/v1/duplicates/", {"name": "Claim triage"}).json()

    assert [(one["slug"], one["words"]) for one in found] == [("claims-triage", "Nearly the same name")]
    assert api_as(outsider).get("/api/v1/duplicates/", {"name": "Claim triage"}).json() == []
    assert errors(api_as(viewer).get("/api/v1/duplicates/")) == {"name"}


# --- People ----------------------------------------------------------------------------------------------------------


def test_roles_are_given_and_withdrawn(system, owner, outsider, viewer, api_as):
    client = api_as(owner)

    given = client.post(HOME + "roles/", {"role": "contributor", "user": "outsider"})
    assert (given.status_code, given.json()["user"]["username"]) == (201, "outsider")
    listed = client.get(HOME + "roles/").json()
    assert [row["role"] for row in listed if row["user"]["username"] == "outsider"] == ["contributor"]
    one = f"{HOME}roles/{given.json()['id']}/"
    assert errors(client.delete(one)) == {"reason"}
    assert api_as(viewer).delete(one + "?reason=x").status_code == 403
    assert client.delete(one + "?reason=Moved").status_code == 204
    assert roles_of(outsider, system) == set()


@pytest.mark.parametrize(
    "body, status",
    [
        ({"role": "king", "user": "outsider"}, 422),
        ({"role": "viewer", "user": "nobody"}, 422),
        ({"role": "viewer", "user": "inactive"}, 422),
        ({"role": "viewer"}, 409),
        ({"role": "viewer", "user": "viewer"}, 409),
        ({"role": "owner", "user": "outsider"}, 409),
        ({"role": "technical_approver", "user": "owner"}, 403),
        ({"role": "governance_approver", "user": "owner"}, 403),
    ],
)
def test_roles_that_are_not_given(system, owner, outsider, inactive, api_as, body, status):
    before = RoleAssignment.objects.count()

    answer = api_as(owner).post(HOME + "roles/", body)

    assert answer.status_code == status
    assert answer.json()["detail"]
    assert RoleAssignment.objects.count() == before


def test_naming_an_owner(system, owner, contributor, viewer, api_as):
    body = {"user": "contributor", "reason": "New job"}

    assert api_as(viewer).put(HOME + "owner/", body).status_code == 403
    assert api_as(owner).put(HOME + "owner/", body).json()["role"] == "owner"
    assert Role.OWNER in roles_of(contributor, system)


def test_deputies_come_and_go(system, technical, outsider, viewer, api_as):
    now = timezone.now()
    body = {
        "role": "technical_approver",
        "principal": "technical",
        "deputy": "outsider",
        "starts_at": now.isoformat(),
        "ends_at": (now + timedelta(days=3)).isoformat(),
        "reason": "Holiday",
    }

    assert api_as(viewer).post(HOME + "deputyships/", body).status_code == 403
    made = api_as(technical).post(HOME + "deputyships/", body)
    assert (made.status_code, made.json()["state"]) == (201, "current")
    too_long = body | {"ends_at": (now + timedelta(days=100)).isoformat(), "deputy": "viewer"}
    assert api_as(technical).post(HOME + "deputyships/", too_long).json()["field"] == "ends_at"
    ended = api_as(outsider).delete(f"{HOME}deputyships/{made.json()['id']}/")
    assert ended.json()["state"] == "ended"
    assert Deputyship.objects.count() == 1


def test_roles_as_they_were(bare_system, owner, viewer, api_as):
    before = timezone.now().isoformat()
    actions.grant_role(bare_system, by=owner, role="viewer", user=viewer)

    then = api_as(owner).get(HOME + "roles/", {"as_of": before}).json()

    assert [row["role"] for row in then] == ["owner"]


def test_roles_ask_as_often_for_six_as_for_one(
    bare_system, owner, office, make_user, api_as, django_assert_num_queries
):
    client = api_as(owner)
    client.get(HOME + "roles/")
    with django_assert_num_queries(6):
        client.get(HOME + "roles/")

    for n in range(5):
        actions.grant_role(bare_system, by=office, role="viewer", user=make_user(f"more{n}"))
    with django_assert_num_queries(6):
        assert len(client.get(HOME + "roles/").json()) == 6


# --- Models ----------------------------------------------------------------------------------------------------------


def test_a_pipeline_registers_a_version_and_says_that_it_is_used(system, contributor, api_as):
    client = api_as(contributor)

    assert client.post(HOME + "models/", {"name": "triage"}).status_code == 201
    made = client.post("/api/v1/models/triage/versions/", {"artefact_digest": DIGEST.removeprefix("sha256:")})
    assert (made.status_code, made.json()["number"], made.json()["artefact_digest"]) == (201, 1, DIGEST)
    use = client.post(HOME + "version-uses/", {"model": "triage", "number": 1})
    assert use.status_code == 201
    assert [row["number"] for row in client.get(HOME + "version-uses/").json()["results"]] == [1]
    assert [row["number"] for row in client.get("/api/v1/models/triage/versions/").json()["results"]] == [1]
    assert client.delete(f"{HOME}version-uses/{use.json()['id']}/?reason=Old").status_code == 204
    assert not VersionUse.objects.exists()


def test_correcting_a_version_asks_for_its_etag(system, contributor, viewer, api_as):
    model = actions.register_model(system, by=contributor, name="triage")
    actions.register_version(model, by=contributor)
    client, address = api_as(contributor), "/api/v1/models/triage/versions/1/"
    etag = client.get(address)["ETag"]

    assert client.patch(address, {"source": "s3://x"}).status_code == 428
    assert errors(client.patch(address, {"artefact_digest": "x"}, headers={"If-Match": etag})) == {"artefact_digest"}
    assert errors(client.patch(address, {"number": 7}, headers={"If-Match": etag})) == {"number"}
    assert api_as(viewer).patch(address, {"source": "x"}, headers={"If-Match": etag}).status_code == 403
    assert client.patch(address, {"artefact_digest": DIGEST}, headers={"If-Match": etag}).status_code == 200
    assert client.patch(address, {"source": "s3://x"}, headers={"If-Match": etag}).status_code == 412
    assert ModelVersion.objects.get().artefact_digest == DIGEST


def test_models_of_others_are_not_there(system, contributor, outsider, api_as):
    model = actions.register_model(system, by=contributor, name="triage")
    actions.register_version(model, by=contributor)
    actions.register_system(by=outsider, name="Elsewhere", purpose="Some.")
    client = api_as(outsider)

    for address in ("models/triage/", "models/triage/versions/", "models/triage/versions/1/", "models/%00/"):
        assert client.get(f"/api/v1/{address}").status_code == 404
    body = {"model": "triage", "number": 1}
    assert errors(client.post("/api/v1/systems/elsewhere/version-uses/", body)) == {"model"}


@pytest.mark.parametrize("body", [{"name": "a/b"}, {"name": ""}, {}, {"name": "x", "system": 1}, []])
def test_models_that_are_not_registered(system, contributor, api_as, body):
    assert errors(api_as(contributor).post(HOME + "models/", body))


@pytest.mark.parametrize("content", ["{", "[1, 2", "null", '"text"', "\x00"])
def test_bodies_that_cannot_be_read(system, owner, api_as, content):
    answer = api_as(owner).post("/api/v1/systems/", content, content_type="application/json")

    assert answer.status_code in (400, 422)
    assert answer["Content-Type"] == "application/problem+json"
