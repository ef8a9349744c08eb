"""The doors for people: each page for nobody, for somebody who may not, and for somebody who may."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from apps.accounts.models import Team
from apps.registry import actions
from apps.registry.models import AISystem, Deputyship, ModelVersion, RegisteredModel, RoleAssignment, VersionUse
from apps.registry.people import roles_of
from apps.registry.roles import Role

HOME = "/systems/claims-triage/"
DIGEST = "sha256:" + "ab" * 32
NOW = timezone.localdate


def text(response):
    return " ".join(response.content.decode().split())


@pytest.fixture
def version(system, owner):
    model = actions.register_model(system, by=owner, name="triage-classifier")
    return actions.register_version(model, by=owner, artefact_digest=DIGEST)


# --- Getting in ------------------------------------------------------------------------------------------------------

PAGES = ["edit/", "tier/", "people/", "people/owner/", "models/"]


@pytest.mark.parametrize("page", PAGES)
def test_nobody_is_asked_to_sign_in(system, page, as_user):
    answer = as_user(None).get(HOME + page)

    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/accounts/login/")


@pytest.mark.parametrize("page", PAGES)
def test_for_outsiders_there_is_no_system(system, page, outsider, as_user):
    assert as_user(outsider).get(HOME + page).status_code == 404
    assert as_user(outsider).post(HOME + page).status_code in (404, 405)


@pytest.mark.parametrize(
    "page, allowed",
    [
        ("edit/", {"owner", "office"}),
        ("tier/", {"risk_owner", "office"}),
        ("people/", {"owner", "office", "viewer", "risk_owner"}),
        ("people/owner/", {"owner", "office"}),
        ("models/", {"owner", "office", "viewer", "risk_owner"}),
    ],
)
def test_who_may_open_a_page(system, page, allowed, request, as_user):
    people = ["owner", "office", "viewer", "risk_owner"]

    answers = {name: as_user(request.getfixturevalue(name)).get(HOME + page).status_code for name in people}

    assert answers == {name: 200 if name in allowed else 403 for name in people}


# --- Registering -----------------------------------------------------------------------------------------------------


def test_registering_with_name_and_purpose_only(outsider, as_user):
    client = as_user(outsider)
    assert "Register a system" in text(client.get("/systems/new/"))

    answer = client.post("/systems/new/", {"name": "Meter reader", "purpose": "Reads meters."})

    assert (answer.status_code, answer["Location"]) == (302, "/systems/meter-reader/")
    assert roles_of(outsider, AISystem.objects.get()) == {Role.OWNER}


def test_missing_parts_are_named(outsider, as_user):
    answer = as_user(outsider).post("/systems/new/", {"name": "Meter reader"})

    assert answer.status_code == 422
    assert "This field is required" in text(answer)
    assert "Meter reader" in text(answer)


def test_likely_duplicates_are_shown_once_before_saving(system, viewer, as_user):
    client = as_user(viewer)
    typed = {"name": "Claim triage", "purpose": "Sorts."}

    asked = client.post("/systems/new/", typed)
    assert asked.status_code == 409
    assert 'href="/systems/claims-triage/"' in text(asked)
    assert "Register anyway" in text(asked)
    assert AISystem.objects.count() == 1

    again = client.post("/systems/new/", typed | {"confirmed": asked.context["name"]})
    assert again.status_code == 302
    assert AISystem.objects.count() == 2


def test_another_name_is_looked_up_again(system, viewer, as_user):
    answer = as_user(viewer).post("/systems/new/", {"name": "Claims triage", "purpose": "S.", "confirmed": "Else"})

    assert answer.status_code == 409


def test_the_fragment_while_typing_knows_no_secrets(system, viewer, outsider, as_user):
    assert "claims-triage" in text(as_user(viewer).get("/systems/new/duplicates/", {"name": "Claims triage"}))
    assert "claims-triage" not in text(as_user(outsider).get("/systems/new/duplicates/", {"name": "Claims triage"}))


def test_phase_and_owner_are_offered_to_the_office_only(office, outsider, as_user):
    assert 'name="phase"' in text(as_user(office).get("/systems/new/"))
    assert 'name="phase"' not in text(as_user(outsider).get("/systems/new/"))

    typed = {"name": "Runs already", "purpose": "Some.", "phase": "pilot", "owner": outsider.pk}
    as_user(outsider).post("/systems/new/", typed)
    assert AISystem.objects.get().phase == "idea"
    as_user(office).post("/systems/new/", typed | {"name": "Something else"})
    assert AISystem.objects.get(name="Something else").phase == "pilot"


# --- Facts and tier --------------------------------------------------------------------------------------------------


def facts(system, **changed):
    fields = ["name", "purpose", "business_function", "unit", "affected_people", "intended_users", "fallback"]
    return {name: getattr(system, name) for name in fields} | {"version": system.version} | changed


def test_changing_facts(system, owner, as_user):
    answer = as_user(owner).post(HOME + "edit/", facts(system, unit="Claims", started_on="2026-01-31"))

    assert answer.status_code == 302
    system.refresh_from_db()
    assert (system.unit, system.started_on.isoformat(), system.version) == ("Claims", "2026-01-31", 2)


def test_a_stale_page_shows_what_changed_and_keeps_ones_text(system, owner, office, as_user):
    page = facts(system, fallback="People do it by hand.")
    actions.change_system(system, by=office, unit="Claims desk")
    client = as_user(owner)

    answer = client.post(HOME + "edit/", page)

    assert answer.status_code == 409
    assert "People do it by hand." in text(answer)
    assert "Claims desk" in text(answer)
    system.refresh_from_db()
    assert system.fallback == ""

    shown = {name: value for name, value in answer.context["form"].data.items() if name != "csrfmiddlewaretoken"}
    assert client.post(HOME + "edit/", shown).status_code == 302
    system.refresh_from_db()
    assert (system.unit, system.fallback) == ("Claims desk", "People do it by hand.")


def test_a_browser_changes_no_line_ends_by_passing_by(office, as_user):
    imported = actions.register_system(by=office, name="Kept", purpose=" One\nline and \nanother. ", imported=True)
    shown = facts(imported, purpose=" One\r\nline and \r\nanother. ", fallback="By\r\nhand.")

    as_user(office).post("/systems/kept/edit/", shown)

    imported.refresh_from_db()
    assert imported.purpose == " One\nline and \nanother. "
    assert imported.fallback == "By\nhand."


def test_facts_that_do_not_fit(system, owner, as_user):
    answer = as_user(owner).post(HOME + "edit/", facts(system, name="", started_on="soon"))

    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {"name", "started_on"}


def test_setting_the_tier(system, risk_owner, as_user):
    client = as_user(risk_owner)
    assert client.post(HOME + "tier/", {"tier": "2", "version": 1}).status_code == 422
    assert client.post(HOME + "tier/", {"tier": "9", "reason": "x", "version": 1}).status_code == 422

    assert client.post(HOME + "tier/", {"tier": "2", "reason": "Assessed", "version": 1}).status_code == 302

    stale = client.post(HOME + "tier/", {"tier": "none", "reason": "Not sure", "version": 1})
    assert stale.status_code == 409
    assert "Not sure" in text(stale)
    system.refresh_from_db()
    assert system.tier == 2


# --- People ----------------------------------------------------------------------------------------------------------


def test_vacant_roles_say_who_they_fall_to(bare_system, owner, as_user):
    shown = text(as_user(owner).get(HOME + "people/"))

    assert "Falls to owner: Owner" in shown
    assert "Give a role" in shown


def test_without_an_owner_they_fall_to_the_office(office, as_user):
    actions.register_system(by=office, name="Claims triage", purpose="Some.", imported=True)

    assert "Falls to governance office: Office" in text(as_user(office).get(HOME + "people/"))


def test_giving_and_withdrawing_a_role(system, owner, outsider, as_user):
    client = as_user(owner)
    assert client.post(HOME + "people/grant/", {"grant-role": "kpi_owner"}).status_code == 422
    given = client.post(HOME + "people/grant/", {"grant-role": "kpi_owner", "grant-user": outsider.pk})
    assert given.status_code == 302
    row = RoleAssignment.objects.get(user=outsider)

    page = f"{HOME}people/{row.pk}/withdraw/"
    assert "What follows" in text(client.get(page))
    assert client.post(page, {}).status_code == 422
    assert client.post(page, {"reason": "Moved"}).status_code == 302
    assert not RoleAssignment.objects.filter(user=outsider).exists()


def test_refusals_come_with_the_form_or_as_a_page(system, owner, viewer, as_user):
    client = as_user(owner)

    twice = client.post(HOME + "people/grant/", {"grant-role": "viewer", "grant-user": viewer.pk})
    assert twice.status_code == 409
    assert "has this role already" in text(twice)
    oneself = client.post(HOME + "people/grant/", {"grant-role": "risk_owner", "grant-user": owner.pk})
    assert oneself.status_code == 403
    assert "Nobody makes themselves" in text(oneself)
    assert as_user(viewer).post(HOME + "people/grant/", {}).status_code == 403


def test_laying_down_the_only_role_leads_home(system, viewer, as_user):
    row = RoleAssignment.objects.get(user=viewer)

    answer = as_user(viewer).post(f"{HOME}people/{row.pk}/withdraw/", {"reason": "Not mine"})

    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_roles_of_other_systems_are_not_there(system, owner, outsider, as_user):
    actions.register_system(by=outsider, name="Elsewhere", purpose="Some.")
    row = RoleAssignment.objects.get(user=outsider)

    assert as_user(owner).get(f"{HOME}people/{row.pk}/withdraw/").status_code == 404


def test_naming_another_owner(system, owner, contributor, governance, as_user):
    client = as_user(owner)
    assert client.post(HOME + "people/owner/", {"user": governance.pk, "reason": "x"}).status_code == 409

    assert client.post(HOME + "people/owner/", {"user": contributor.pk, "reason": "New job"}).status_code == 302
    assert Role.OWNER in roles_of(contributor, system)


def deputy(technical, outsider, **changed):
    terms = {
        "principal_role": f"{technical.pk}:technical_approver",
        "deputy": outsider.pk,
        "starts_on": NOW().isoformat(),
        "ends_on": (NOW() + timedelta(days=10)).isoformat(),
        "reason": "Holiday",
    }
    return {f"deputy-{name}": value for name, value in (terms | changed).items()}


def test_naming_a_deputy_and_ending_it(system, technical, outsider, as_user):
    client = as_user(technical)
    assert client.post(HOME + "people/deputies/", deputy(technical, outsider)).status_code == 302
    row = Deputyship.objects.get()
    assert row.is_running
    assert "Running" in text(client.get(HOME + "people/"))

    assert as_user(outsider).post(f"{HOME}people/deputies/{row.pk}/end/").status_code == 302
    row.refresh_from_db()
    assert row.ended_by == outsider


def test_dates_of_a_deputy_are_refused_beside_their_field(system, technical, outsider, as_user):
    late = (NOW() + timedelta(days=120)).isoformat()

    answer = as_user(technical).post(HOME + "people/deputies/", deputy(technical, outsider, ends_on=late))

    assert answer.status_code == 409
    assert "at most 90 days" in str(answer.context["deputy_form"].errors["ends_on"])


def test_one_only_lends_ones_own_role(system, business, technical, outsider, viewer, as_user):
    answer = as_user(business).post(HOME + "people/deputies/", deputy(technical, outsider))

    assert answer.status_code == 422
    assert not Deputyship.objects.exists()


def test_people_as_they_were(bare_system, owner, office, viewer, as_user):
    actions.grant_role(bare_system, by=office, role="viewer", user=viewer)
    then = timezone.now().isoformat()
    actions.withdraw_role(RoleAssignment.objects.get(user=viewer), by=office, reason="Over")
    client = as_user(owner)

    past, present = client.get(HOME + "people/", {"as_of": then}), client.get(HOME + "people/")

    assert "Viewer</span>" in text(past) or ">Viewer<" in text(past)
    assert [holder.who for line in past.context["lines"] for holder in line.holders] == [owner, viewer]
    assert [holder.who for line in present.context["lines"] for holder in line.holders] == [owner]
    assert past.context["grant_form"] is None
    assert client.get(HOME + "people/", {"as_of": "2020-01-01"}).status_code == 409
    assert "has not happened yet" in text(client.get(HOME + "people/", {"as_of": "3000-01-01"}))


def test_people_are_read_as_often_for_six_as_for_one(bare_system, owner, office, make_user, as_user):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = as_user(owner)

    def count():
        with CaptureQueriesContext(connection) as queries:
            assert client.get(HOME + "people/").status_code == 200
        return len(queries)

    def add(n):
        team = Team.objects.create(name=f"Team {n}", group=Group.objects.create(name=f"Team {n}"))
        team.group.user_set.add(make_user(f"member{n}"))
        actions.grant_role(bare_system, by=office, role="viewer", user=make_user(f"more{n}"))
        actions.grant_role(bare_system, by=office, role="contributor", team=team)

    add(0)
    count()
    with_one = count()
    for n in range(1, 6):
        add(n)

    assert count() == with_one


# --- Models ----------------------------------------------------------------------------------------------------------


def test_from_a_model_to_a_version_in_use(system, contributor, as_user):
    client = as_user(contributor)
    assert "No models yet" in text(client.get(HOME + "models/"))

    registered = client.post(HOME + "models/register/", {"model-name": "triage"})
    model = RegisteredModel.objects.get()
    assert registered["Location"] == f"{HOME}models/{model.pk}/versions/"
    assert client.get(registered["Location"]).status_code == 200
    assert client.post(registered["Location"], {"artefact_digest": "ab" * 32}).status_code == 302
    version = ModelVersion.objects.get()
    assert client.post(f"{HOME}versions/{version.pk}/use/").status_code == 302

    assert "In use" in text(client.get(HOME + "models/"))


@pytest.mark.parametrize("name, status", [("", 422), ("a/b", 422), ("triage-classifier", 409)])
def test_model_names_that_are_refused(version, system, owner, as_user, name, status):
    assert as_user(owner).post(HOME + "models/register/", {"model-name": name}).status_code == status


def test_a_digest_that_is_none(version, owner, as_user):
    answer = as_user(owner).post(f"{HOME}models/{version.model_id}/versions/", {"artefact_digest": "abc"})

    assert answer.status_code == 422
    assert "64 hexadecimal digits" in str(answer.context["form"].errors["artefact_digest"])


def test_correcting_a_version_and_being_late(version, owner, as_user):
    client, page = as_user(owner), f"{HOME}versions/{version.pk}/"
    assert DIGEST in text(client.get(page))
    typed = {"artefact_digest": DIGEST, "source": "s3://new", "version": 1}
    assert client.post(page, typed).status_code == 302

    late = client.post(page, typed | {"source": "s3://mine"})

    assert late.status_code == 409
    assert "s3://new" in text(late)
    assert "s3://mine" in text(late)


def test_stopping_to_use_a_version(version, system, owner, as_user):
    use = actions.use_version(system, by=owner, model_version=version)
    client, page = as_user(owner), f"{HOME}uses/{use.pk}/stop/"

    assert client.get(page).status_code == 200
    assert client.post(page, {}).status_code == 422
    assert client.post(page, {"reason": "Replaced"}).status_code == 302
    assert not VersionUse.objects.exists()


def test_borrowing_from_a_system_one_sees(version, owner, outsider, office, system, as_user):
    borrowing = actions.register_system(by=outsider, name="Borrower", purpose="Some.")
    client, typed = as_user(outsider), {"other-model": "triage-classifier", "other-number": 1, "other-purpose": "Sorts"}

    assert client.post("/systems/borrower/models/use/", typed).status_code == 422
    actions.grant_role(system, by=office, role="viewer", user=outsider)
    assert client.post("/systems/borrower/models/use/", typed).status_code == 302
    assert "triage-classifier version 1" in text(client.get("/systems/borrower/models/"))

    actions.grant_role(borrowing, by=outsider, role="viewer", user=office)
    actions.withdraw_role(RoleAssignment.objects.get(system=system, user=outsider), by=office, reason="Over")
    shown = text(client.get("/systems/borrower/models/"))
    assert "triage-classifier version" not in shown
    assert "1 more that belongs to systems you may not see" in shown


@pytest.mark.parametrize("person", ["viewer", "office"])
def test_who_does_not_build_it_does_not_touch_its_models(version, person, as_user, request):
    client = as_user(request.getfixturevalue(person))

    assert client.get(f"{HOME}models/{version.model_id}/versions/").status_code == 403
    for address in ("models/register/", "models/use/", f"versions/{version.pk}/use/", f"versions/{version.pk}/"):
        assert client.post(HOME + address, {}).status_code == 403


def test_models_as_they_were(system, version, owner, as_user):
    use = actions.use_version(system, by=owner, model_version=version)
    then = timezone.now().isoformat()
    actions.stop_using_version(use, by=owner, reason="Old")
    actions.correct_version(version, by=owner, description="Better words")

    past = text(as_user(owner).get(HOME + "models/", {"as_of": then}))

    assert "In use</span>" in past
    assert "Better words" not in past
    assert "Register a model" not in past


def test_models_are_read_as_often_for_six_as_for_one(version, system, owner, as_user):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = as_user(owner)

    def count():
        with CaptureQueriesContext(connection) as queries:
            client.get(HOME + "models/")
        return len(queries)

    count()
    with_one = count()
    for n in range(5):
        model = actions.register_model(system, by=owner, name=f"more-{n}")
        actions.use_version(system, by=owner, model_version=actions.register_version(model, by=owner))

    assert count() == with_one


# --- Many systems at once --------------------------------------------------------------------------------------------


@pytest.fixture
def imported(office):
    return [
        actions.register_system(by=office, name=f"Imported {n}", purpose="Some.", unit="CBP", imported=True)
        for n in range(3)
    ]


def test_only_the_office_assigns_in_bulk(system, owner, org_auditor, as_user):
    for person in (owner, org_auditor):
        assert as_user(person).get("/people/bulk-roles/").status_code == 403
        assert as_user(person).post("/people/bulk-roles/", {}).status_code == 403


def test_from_a_filter_to_a_report(imported, system, office, contributor, as_user):
    client = as_user(office)
    page = client.get("/people/bulk-roles/?without=owner&unit=cbp")
    assert [row.slug for row in page.context["page"]] == ["imported-0", "imported-1", "imported-2"]

    typed = {"role": "owner", "user": contributor.pk, "reason": "After the import"}
    assert client.post("/people/bulk-roles/?without=owner", typed).status_code == 422
    report = client.post("/people/bulk-roles/?without=owner", typed | {"systems": ["imported-0", "imported-1"]})

    assert (report.status_code, report.context["given"]) == (200, 2)
    assert AISystem.objects.with_role(contributor, Role.OWNER).count() == 2


def test_every_system_that_matches(imported, system, office, contributor, as_user):
    typed = {"role": "owner", "user": contributor.pk, "reason": "After the import", "every": "on"}

    report = as_user(office).post("/people/bulk-roles/?unit=CBP", typed)

    assert report.context["given"] == 3


def test_too_many_at_once_are_refused(imported, office, contributor, as_user, monkeypatch):
    monkeypatch.setattr("apps.registry.views.bulk.AT_ONCE", 2)
    typed = {"role": "owner", "user": contributor.pk, "reason": "After the import", "every": "on"}

    answer = as_user(office).post("/people/bulk-roles/", typed)

    assert answer.status_code == 422
    assert "At most 2 at once" in text(answer)
    assert not RoleAssignment.objects.filter(user=contributor).exists()
