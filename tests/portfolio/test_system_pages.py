"""The overview of one system and its history, now and as they were."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from apps.audit.models import Entry
from apps.gates import actions as gates
from apps.portfolio import overview
from apps.portfolio.history import KINDS, history_page
from apps.readiness import actions as readiness
from apps.registry import actions
from apps.registry.models import AISystem
from apps.registry.roles import Role
from tests.fixtures_reviews import item_of, pass_item, section_of, sign

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def url(system: AISystem, part: str = "") -> str:
    return f"/systems/{system.slug}/{part}"


def stamp(moment: Any) -> str:
    return moment.isoformat().replace("+00:00", "Z")


@pytest.fixture
def then() -> Any:
    """A moment in the past that tests begin in."""
    return timezone.now() - 30 * DAY


@pytest.mark.parametrize("part", ["", "history/"])
def test_doors(as_user: Any, system: AISystem, viewer: Any, outsider: Any, inactive: Any, part: str) -> None:
    assert as_user(None).get(url(system, part)).status_code == 302
    assert as_user(outsider).get(url(system, part)).status_code == 404
    assert as_user(inactive).get(url(system, part)).status_code == 302
    assert as_user(viewer).get(url(system, part)).status_code == 200
    assert as_user(viewer).post(url(system, part)).status_code == 405
    assert as_user(viewer).get("/systems/not-there/" + part).status_code == 404


def test_the_api_history_has_the_same_doors(api_as: Any, system: AISystem, viewer: Any, outsider: Any) -> None:
    address = f"/api/v1/systems/{system.slug}/history/"

    assert api_as(None).get(address).status_code == 401
    assert api_as(outsider).get(address).status_code == 404
    assert api_as(viewer).get(address).status_code == 200


def test_each_missing_thing_has_its_link_and_who_owes_it(as_user: Any, system: AISystem, owner: Any) -> None:
    text = as_user(owner).get(url(system)).text

    evaluation = overview.gates_of(AISystem.objects.get(pk=system.pk)).ahead
    assert evaluation is not None
    assert evaluation.missing
    assert evaluation.sentence in text
    for result in evaluation.missing:
        assert result.title in text
        assert f'href="{result.link}"' in text


def test_only_what_one_may_do_is_offered(as_user: Any, system: AISystem, owner: Any, viewer: Any) -> None:
    mine, theirs = as_user(owner).get(url(system)).text, as_user(viewer).get(url(system)).text

    assert f"/systems/{system.slug}/edit/" in mine
    assert f'<a class="btn" href="/systems/{system.slug}/edit/"' not in theirs
    assert "Suspend it" in mine
    assert "Suspend it" in theirs
    assert "Retire it" in mine
    assert "Retire it" not in theirs


def test_the_owner_moves_a_system_whose_gate_is_open(
    as_user: Any, tier_2: AISystem, owner: Any, contributor: Any, business: Any, viewer: Any
) -> None:
    system = actions.change_system(tier_2, by=owner, fallback="People sort by hand.", affected_people="Customers.")
    review = readiness.open_review(system, by=owner, phase="pilot")
    pass_item(item_of(review, "B-5"), by=contributor, verifier=business)
    client = as_user(owner)
    text = client.get(url(system)).text
    assert "May enter Pilot." in text
    assert "Move to Pilot" in text
    assert "Move to Pilot" not in as_user(viewer).get(url(system)).text

    version = AISystem.objects.get(pk=system.pk).version
    assert f'name="version" value="{version}"' in text
    answer = client.post(url(system, "gates/pilot/enter/"), {"version": version}, follow=True)

    assert "Cannot enter Limited beta" in answer.text
    assert AISystem.objects.get(pk=system.pk).phase == "pilot"


def test_a_live_system_whose_gate_closed_shows_its_clock(as_user: Any, register: Any, office: Any, then: Any) -> None:
    with time_machine.travel(then, tick=False):
        system = register("Chat", phase="full_production")

    text = as_user(office).get(url(system)).text

    assert "At risk: Is in Full production" in text
    assert "16 days overdue" in text


def test_a_suspended_system_says_so(as_user: Any, system: AISystem, viewer: Any, governance: Any) -> None:
    gates.suspend(system, by=viewer, reason="It answers in Latin")

    text = as_user(governance).get(url(system)).text

    assert "It answers in Latin" in text
    assert "Read and decide" in text


def test_the_row_of_the_inventory_is_shown_as_it_was_read(as_user: Any, office: Any, data_sample: Any) -> None:
    from django.core.management import call_command

    call_command("import_inventory", str(data_sample / "inventory-sample.csv"), profile="federal-2024", verbosity=0)
    system = AISystem.objects.filter(source_rows__isnull=False).first()
    assert system is not None
    source = system.source_row()
    assert source is not None

    text = as_user(office).get(url(system)).text

    assert "Where it came from" in text
    assert all(heading in text for heading, _ in source.cells[:3])


def test_the_overview_takes_as_many_queries_for_much_as_for_little(
    as_user: Any,
    open_review: Any,
    owner: Any,
    contributor: Any,
    technical: Any,
    office: Any,
    outsider: Any,
    queries: Any,
) -> None:
    system = open_review.system
    client = as_user(owner)

    def use_one_more(name: str) -> None:
        # The last entries on the page are then of the same kinds both times; each kind is looked up once.
        model = actions.register_model(system, by=contributor, name=name)
        version = actions.register_version(model, by=contributor, artefact_digest=name * 64)
        actions.use_version(system, by=contributor, model_version=version)

    pass_item(item_of(open_review, "T-1"), by=contributor, verifier=technical)
    actions.grant_role(system, by=office, role=Role.VIEWER, user=office, tell=False)
    use_one_more("a")
    client.get(url(system))
    little = queries(lambda: client.get(url(system)))

    for key in ("T-2", "T-3", "T-4"):
        pass_item(item_of(open_review, key), by=contributor, verifier=technical)
    actions.grant_role(system, by=office, role=Role.VIEWER, user=outsider, tell=False)
    use_one_more("b")

    assert queries(lambda: client.get(url(system))) == little


# --- As it was ------------------------------------------------------------------------------------------------------


def test_facts_people_and_versions_are_those_of_the_moment(
    as_user: Any, owner: Any, office: Any, contributor: Any, second_contributor: Any, then: Any
) -> None:
    with time_machine.travel(then, tick=False) as clock:
        system = actions.register_system(by=owner, name="Claims triage", purpose="Sorts claims by hand.")
        role = actions.grant_role(system, by=office, role=Role.CONTRIBUTOR, user=contributor, tell=False)
        model = actions.register_model(system, by=contributor, name="triage")
        first = actions.register_version(model, by=contributor, artefact_digest="a" * 64)
        use = actions.use_version(system, by=contributor, model_version=first)
        clock.shift(10 * DAY)
        actions.change_system(system, by=owner, purpose="Sorts claims by urgency.", fallback="By hand.")
        actions.stop_using_version(use, by=contributor, reason="Replaced")
        second = actions.register_version(model, by=contributor, artefact_digest="b" * 64)
        actions.use_version(system, by=contributor, model_version=second)
        actions.withdraw_role(role, by=office, reason="Left the team")
        actions.grant_role(system, by=office, role=Role.CONTRIBUTOR, user=second_contributor, tell=False)

    client = as_user(owner)
    was = client.get(url(system), {"as_of": stamp(then + DAY)}).text
    now = client.get(url(system)).text

    assert "You are looking at the past" in was
    assert "Sorts claims by hand." in was
    assert "Sorts claims by urgency." not in was
    assert "a" * 64 in was
    assert "b" * 64 not in was
    assert ">Contributor</dt>" in was
    assert "Second Contributor" not in was
    assert "Sorts claims by urgency." in now
    assert "b" * 64 in now
    assert "Second Contributor" in now
    assert "You are looking at the past" not in now


def test_the_past_has_no_gate_and_nothing_to_do(as_user: Any, system: AISystem, owner: Any) -> None:
    text = as_user(owner).get(url(system), {"as_of": stamp(timezone.now())}).text

    assert 'id="gate"' not in text
    assert "Suspend it" not in text


def test_the_tabs_stay_in_the_past(as_user: Any, system: AISystem, owner: Any) -> None:
    text = as_user(owner).get(url(system), {"as_of": stamp(timezone.now())}).text

    assert f'href="/systems/{system.slug}/people/?as_of=' in text
    assert f'class="tab" href="/systems/{system.slug}/readiness/?as_of=' in text


def test_signatures_are_those_that_counted_then(
    ready_review: Any, technical: Any, operational: Any, contributor: Any
) -> None:
    system = ready_review.system
    before = timezone.now()
    sign(ready_review, "technical", by=technical)
    signed_at = timezone.now()
    item = item_of(ready_review, "T-1")
    with time_machine.travel(signed_at + DAY):
        readiness.answer_item(item, by=contributor, answer="All different now.")

        def states(at: Any) -> dict[str, str]:
            summary = overview.review_of(system, overview.Past(at))
            assert summary is not None
            return {signature.section: signature.status for signature in summary.signatures}

        title = section_of(ready_review, "technical").title
        other = section_of(ready_review, "operational").title
        assert states(signed_at)[title] == "signed"
        assert states(signed_at)[other] == "unsigned"
        assert states(timezone.now())[title] == "unsigned"
        assert states(None)[title] == "void"
        assert states(before)[title] == "unsigned"


def test_progress_is_that_of_the_moment(open_review: Any, contributor: Any, technical: Any) -> None:
    before = timezone.now()
    pass_item(item_of(open_review, "T-1"), by=contributor, verifier=technical)
    system = open_review.system

    then, now = overview.review_of(system, overview.Past(before)), overview.review_of(system, overview.Past(None))

    assert then is not None
    assert now is not None
    assert (then.passed, now.passed) == (0, 1)


def test_a_suspension_is_seen_while_it_lasted(system: AISystem, viewer: Any, then: Any) -> None:
    before = timezone.now()
    gates.suspend(system, by=viewer, reason="It answers in Latin")

    assert overview.suspension_of(system, overview.Past(before)) is None
    assert overview.suspension_of(system, overview.Past(timezone.now())) is not None


def test_before_it_was_registered_there_is_nothing_to_show(
    as_user: Any, system: AISystem, owner: Any, then: Any
) -> None:
    answer = as_user(owner).get(url(system), {"as_of": stamp(then)})

    assert answer.status_code == 409
    assert "not in the register yet" in answer.text


def test_nonsense_for_a_day_shows_the_present_and_says_so(as_user: Any, system: AISystem, owner: Any) -> None:
    answer = as_user(owner).get(url(system), {"as_of": "yesterday"})

    assert answer.status_code == 200
    assert "This is how things are now" in answer.text


# --- History --------------------------------------------------------------------------------------------------------


def test_each_change_says_who_what_and_what_it_was_before(as_user: Any, system: AISystem, owner: Any) -> None:
    actions.change_system(system, by=owner, purpose="Sorts claims by colour.")

    text = as_user(owner).get(url(system, "history/")).text

    assert "Sorts incoming claims by urgency." in text
    assert "Sorts claims by colour." in text
    entry = Entry.objects.get(act="system.changed")
    assert f"as_of={entry.at:%Y-%m-%dT%H:%M:%S.%f}Z" in text


def test_the_moment_of_an_entry_shows_the_system_with_its_change(
    as_user: Any, bare_system: AISystem, owner: Any
) -> None:
    actions.change_system(bare_system, by=owner, purpose="Sorts claims by colour.")
    rows = history_page(bare_system, user=owner).rows
    changed = next(row for row in rows if row["act"] == "system.changed")
    before = rows[rows.index(changed) + 1]
    client = as_user(owner)

    assert "Sorts claims by colour." in client.get(url(bare_system), {"as_of": changed["instant"]}).text
    assert (
        "by colour" not in client.get(url(bare_system), {"as_of": before["instant"]}).text.split("What had happened")[0]
    )


def test_pages_lead_back_and_forth_without_gaps(monkeypatch: Any, system: AISystem, owner: Any) -> None:
    monkeypatch.setattr("apps.portfolio.history.PAGE_SIZE", 5)
    everything = list(Entry.objects.filter(system_uid=system.uid).order_by("-pk").values_list("pk", flat=True))

    page = history_page(system, user=owner)
    down = [row["id"] for row in page.rows]
    pages = [page]
    while page.older:
        page = history_page(system, user=owner, before=page.older)
        pages.append(page)
        down += [row["id"] for row in page.rows]
    up = [[row["id"] for row in page.rows]]
    while page.newer:
        page = history_page(system, user=owner, after=page.newer)
        up.insert(0, [row["id"] for row in page.rows])

    assert len(pages) > 2
    assert down == everything
    assert sorted({key for keys in up for key in keys}, reverse=True) == everything


def test_history_can_be_narrowed(as_user: Any, system: AISystem, owner: Any) -> None:
    actions.change_system(system, by=owner, purpose="Sorts claims by colour.")

    people = history_page(system, user=owner, kind="people").rows
    facts = history_page(system, user=owner, kind="facts").rows

    assert {row["kind"] for row in people} == {"registry.roleassignment"}
    assert {row["kind"] for row in facts} == {"registry.aisystem"}
    text = as_user(owner).get(url(system, "history/"), {"kind": "signatures"}).text
    assert "Nothing here" in text


def test_every_kind_of_governed_thing_of_a_system_can_be_found_by_a_filter() -> None:
    from django.apps import apps

    from apps.core.models import GovernedModel

    of_systems = {
        model._meta.label_lower
        for model in apps.get_models()
        if issubclass(model, GovernedModel) and model._meta.app_label in {"registry", "gates", "readiness"}
    }

    assert of_systems <= {kind for _, kinds in KINDS.values() for kind in kinds}


@pytest.mark.parametrize("query", ["before=x", "after=-1", "before=99999999999999999999", "kind=moon", "after=0"])
def test_nonsense_in_the_address_is_borne(as_user: Any, system: AISystem, owner: Any, query: str) -> None:
    assert as_user(owner).get(url(system, f"history/?{query}")).status_code == 200


def test_the_history_of_one_system_shows_no_other(as_user: Any, register: Any, system: AISystem, office: Any) -> None:
    register("Secret chat")

    assert "Secret chat" not in as_user(office).get(url(system, "history/")).text


def test_the_api_gives_history_in_pages(api_as: Any, system: AISystem, owner: Any) -> None:
    actions.change_system(system, by=owner, purpose="Sorts claims by colour.")
    client = api_as(owner)

    first = client.get(f"/api/v1/systems/{system.slug}/history/", {"limit": 1}).json()
    second = client.get(first["next"]).json()

    [event] = first["results"]
    assert event["act"] == "system.changed"
    assert event["who"] == "owner"
    assert event["changes"] == [
        {
            "field": "purpose",
            "label": "Purpose",
            "old": "Sorts incoming claims by urgency.",
            "new": "Sorts claims by colour.",
        }
    ]
    assert second["results"][0]["eid"] != event["eid"]
    assert client.get(f"/api/v1/systems/{system.slug}/history/", {"kind": "moon"}).status_code == 422


def test_the_history_takes_as_many_queries_for_many_entries(
    as_user: Any, bare_system: AISystem, owner: Any, queries: Any
) -> None:
    client = as_user(owner)
    actions.change_system(bare_system, by=owner, purpose="One.")
    few = queries(lambda: client.get(url(bare_system, "history/")))

    for number in range(8):
        actions.change_system(bare_system, by=owner, purpose=f"Number {number}.")

    assert queries(lambda: client.get(url(bare_system, "history/"))) == few
