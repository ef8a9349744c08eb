import json

import pytest
from django.core.exceptions import ValidationError

from apps.accounts.models import User
from apps.audit.models import Entry
from apps.core.exceptions import NotAllowed, RuleViolation, StaleObject
from apps.registry import actions
from apps.registry.models import AISystem, Phase
from apps.registry.people import roles_of
from apps.registry.permissions import system_perms
from apps.registry.signals import system_changed


@pytest.fixture
def announced():
    """What the rooms above were told: one set of fields per announcement."""
    heard = []

    def listen(sender, system, by, fields, reason, **kwargs):
        heard.append(set(fields))

    system_changed.connect(listen)
    yield heard
    system_changed.disconnect(listen)


def test_name_and_purpose_are_enough_and_the_system_is_ones_own(outsider):
    system = actions.register_system(by=outsider, name="Meter reader", purpose="Reads meters from photos.")

    assert (system.slug, system.phase, system.tier) == ("meter-reader", Phase.IDEA, None)
    assert roles_of(outsider, system) == {"owner"}
    assert "change_aisystem" in system_perms(outsider, system)


def test_registering_writes_history_and_one_entry_for_each_row(outsider):
    system = actions.register_system(by=outsider, name="Meter reader", purpose="Reads meters from photos.")

    assert list(system.history.values_list("history_user", "history_change_reason")) == [(outsider.pk, "Registered")]
    entries = Entry.objects.filter(system_uid=system.uid).order_by("pk")
    assert list(entries.values_list("act", flat=True)) == ["system.registered", "role.granted"]
    body = json.loads(bytes(entries[0].body))
    assert body["actor"]["sub"] == str(outsider.uid)
    assert "Meter" not in str(body)


def test_addresses_stay_apart_for_equal_names(outsider):
    slugs = [actions.register_system(by=outsider, name="Chat Bot", purpose="Chats.").slug for _ in range(3)]

    assert slugs == ["chat-bot", "chat-bot-2", "chat-bot-3"]


@pytest.mark.parametrize("name, slug", [("New", "new-system"), ("翻訳", "system"), ("x" * 400, "x" * 70)])
def test_names_that_make_no_good_address(outsider, name, slug):
    assert actions.register_system(by=outsider, name=name, purpose="Some.").slug == slug


def test_the_office_registers_what_runs_for_somebody_else(office, owner):
    system = actions.register_system(
        by=office, name="Runs already", purpose="Runs.", phase=Phase.FULL_PRODUCTION, owner=owner
    )

    assert system.phase == Phase.FULL_PRODUCTION
    assert roles_of(owner, system) == {"owner"}
    assert roles_of(office, system) == set()


def test_what_an_import_or_the_automation_registers_has_no_owner(office):
    imported = actions.register_system(by=office, name="One", purpose="Some.", imported=True)
    automatic = actions.register_system(by=User.objects.automation(), name="Two", purpose="Some.")

    assert not imported.assignments.exists()
    assert not automatic.assignments.exists()


def test_people_are_told_why_their_system_starts_as_an_idea(outsider):
    with pytest.raises(NotAllowed, match="starts as an idea"):
        actions.register_system(by=outsider, name="Fast", purpose="Some.", phase=Phase.PILOT)

    assert not AISystem.objects.exists()


@pytest.mark.parametrize(
    "facts", [{"name": ""}, {"purpose": ""}, {"name": "x" * 401}, {"business_function": "magic"}, {"unit": "x" * 301}]
)
def test_facts_that_do_not_fit_are_refused_by_field(outsider, facts):
    with pytest.raises(ValidationError) as refusal:
        actions.register_system(by=outsider, **{"name": "A name", "purpose": "A purpose"} | facts)

    assert set(refusal.value.message_dict) == set(facts)


def test_changing_names_the_fields_and_tells_the_rooms(bare_system, owner, announced):
    changed = actions.change_system(
        bare_system, by=owner, expected_version=1, purpose="Sorts claims.", unit="Claims", name=bare_system.name
    )

    assert changed.version == 2
    assert announced == [{"purpose", "unit"}]
    assert changed.history.first().history_change_reason == "Changed purpose and organisational unit"


def test_nothing_new_writes_nothing(bare_system, owner, announced):
    before = Entry.objects.count()

    actions.change_system(bare_system, by=owner, purpose=bare_system.purpose)

    assert (bare_system.history.count(), Entry.objects.count(), announced) == (1, before, [])


def test_a_stale_change_is_refused_and_nothing_is_lost(bare_system, owner, office):
    actions.change_system(bare_system, by=office, unit="Claims")

    with pytest.raises(StaleObject):
        actions.change_system(bare_system, by=owner, expected_version=1, unit="Mine")

    bare_system.refresh_from_db()
    assert bare_system.unit == "Claims"


def test_state_is_no_fact(bare_system, owner):
    with pytest.raises(TypeError):
        actions.change_system(bare_system, by=owner, phase=Phase.FULL_PRODUCTION)


def test_a_tier_rests_on_something(system, risk_owner, announced):
    with pytest.raises(RuleViolation, match="rests on"):
        actions.set_tier(system, by=risk_owner, tier=3, reason=" ")

    changed = actions.set_tier(system, by=risk_owner, tier=3, reason="Internal tool, no personal data")

    assert (changed.tier, changed.effective_tier) == (3, 3)
    assert announced == [{"tier"}]


def test_naming_the_tier_that_counted_anyway_voids_nothing(system, risk_owner, announced):
    actions.set_tier(system, by=risk_owner, tier=1, reason="Assessed: decides on claims")

    assert announced == [{"tier_reason"}]


def test_there_are_three_tiers(system, risk_owner):
    with pytest.raises(ValidationError):
        actions.set_tier(system, by=risk_owner, tier=4, reason="Why not")


def test_an_address_taken_meanwhile_costs_the_next_one(outsider, monkeypatch):
    actions.register_system(by=outsider, name="Chat bot", purpose="Chats.")
    tries = iter(["chat-bot", "chat-bot-7"])
    monkeypatch.setattr("apps.registry.actions.systems._free_slug", lambda name: next(tries))

    system = actions.register_system(by=outsider, name="Chat bot", purpose="Chats.")

    assert (system.slug, system.history.count()) == ("chat-bot-7", 1)
