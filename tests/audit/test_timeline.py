"""The ledger in words."""

import ast
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from apps.accounts.models import User
from apps.audit import labels
from apps.audit.models import Entry, EntryPrivate
from apps.audit.record import record, save_with_history
from apps.audit.timeline import Row, object_timeline, rows_of, timeline
from apps.registry import actions
from apps.registry.models import AISystem, RoleAssignment
from apps.registry.roles import Role

pytestmark = pytest.mark.django_db


def change(system: AISystem, by: User, **values: Any) -> None:
    system.refresh_from_db()
    for name, value in values.items():
        setattr(system, name, value)
    save_with_history(system, by=by, reason="Corrected", fields=list(values), act="system.changed")


def said(row: Row) -> dict[str, tuple[str, str]]:
    return {change.label: (change.old, change.new) for change in row.changes}


def test_newest_first_with_who_when_and_why(bare_system: AISystem, owner: User) -> None:
    change(bare_system, owner, unit="Claims")

    rows = timeline(bare_system, user=owner)

    assert rows[0].title == "Facts changed"
    assert rows[0].who == owner
    assert rows[0].reason == "Corrected"
    assert rows[0].at == Entry.objects.order_by("pk").last().at  # type: ignore[union-attr]
    assert rows[-1].title in {"System registered", "Role given: Owner · Owner"}


def test_changes_speak_in_labels_choices_and_dates(bare_system: AISystem, owner: User) -> None:
    change(bare_system, owner, business_function="hr", tier=2, started_on=date(2026, 3, 1), unit="Claims")

    row = timeline(bare_system, user=owner)[0]

    assert said(row) == {
        "Business function": ("", "Human resources"),
        "Risk tier": ("", "Tier 2"),
        "Started on": ("", "1 Mar 2026"),
        "Organisational unit": ("", "Claims"),
    }


def test_ids_become_names(bare_system: AISystem, office: User, viewer: User) -> None:
    assignment = actions.grant_role(bare_system, by=office, role=Role.VIEWER, user=viewer, tell=False)

    row = object_timeline(assignment, user=office)[0]

    assert row.title == "Role given: Viewer · Viewer"
    assert said(row)["User"] == ("", "Viewer")
    assert "System" not in said(row)
    assert "Granted by" not in said(row), "the row says who"


def test_what_was_deleted_is_still_named(bare_system: AISystem, office: User, viewer: User) -> None:
    assignment = actions.grant_role(bare_system, by=office, role=Role.VIEWER, user=viewer, tell=False)
    actions.withdraw_role(assignment, by=office, reason="Moved on")

    withdrawn = next(row for row in timeline(bare_system, user=office) if row.act == "role.withdrawn")

    assert not RoleAssignment.objects.filter(user=viewer).exists()
    assert withdrawn.title == "Role withdrawn: Viewer · Viewer"
    assert withdrawn.url == ""
    assert said(withdrawn)["User"] == ("Viewer", "")


def test_instants_are_in_the_zone_of_the_reader(bare_system: AISystem, owner: User) -> None:
    owner.timezone = "Asia/Tokyo"
    record(act="test.noted", obj=bare_system, by=owner, after={"noted": datetime(2026, 3, 1, 20, tzinfo=UTC)})

    assert said(timeline(bare_system, user=owner)[0]) == {"Noted": ("", "2 Mar 2026, 05:00 JST")}


def test_lists_switches_and_plain_words(bare_system: AISystem, owner: User) -> None:
    record(
        act="test.noted",
        obj=bare_system,
        by=owner,
        before={"flag": False, "scopes": ["read"], "gone": "", "same": 1},
        after={"flag": True, "scopes": ["read", "write"], "gone": None, "facts": {"rows": 3}, "same": 1},
    )

    assert said(timeline(bare_system)[0]) == {
        "Flag": ("No", "Yes"),
        "Scopes": ("read", "read, write"),
        "Facts": ("", "rows: 3"),
    }


def test_pages_are_asked_for_by_the_last_row(bare_system: AISystem, owner: User) -> None:
    for number in range(5):
        change(bare_system, owner, unit=f"Unit {number}")

    first = timeline(bare_system, user=owner, limit=2)
    second = timeline(bare_system, user=owner, limit=2, before=first[-1].id)

    assert [said(row)["Organisational unit"][1] for row in first + second] == ["Unit 4", "Unit 3", "Unit 2", "Unit 1"]


def test_entries_of_other_systems_stay_away(bare_system: AISystem, owner: User) -> None:
    other = actions.register_system(by=owner, name="Other", purpose="Something else entirely.")

    assert {row.object_id for row in timeline(other)}.isdisjoint({row.object_id for row in timeline(bare_system)})


def test_a_long_page_asks_as_often_as_a_short_one(
    bare_system: AISystem, owner: User, office: User, make_user: Any, django_assert_max_num_queries: Any
) -> None:
    def asked() -> int:
        with django_assert_max_num_queries(12) as seen:
            timeline(bare_system, user=owner, limit=100)
        return len(seen)

    actions.grant_role(bare_system, by=office, role=Role.VIEWER, user=make_user("first"), tell=False)
    change(bare_system, owner, unit="One")
    before = asked()
    for number in range(6):
        actions.grant_role(bare_system, by=office, role=Role.VIEWER, user=make_user(f"p{number}"), tell=False)
        change(bare_system, owner, unit=f"Unit {number}")
    assert asked() == before


def test_an_erased_entry_keeps_its_place(bare_system: AISystem, owner: User) -> None:
    change(bare_system, owner, unit="Claims")
    private = EntryPrivate.objects.order_by("pk").last()
    assert private is not None
    private.data, private.salt, private.erased_at = None, None, private.entry.at
    private.save()

    row = timeline(bare_system, user=owner)[0]

    assert (row.title, row.reason, row.changes, row.erased) == ("Facts changed", "", [], True)


def test_work_without_a_person_says_how_it_came(bare_system: AISystem, owner: User) -> None:
    record(act="test.swept", obj=bare_system, by=User.objects.automation())
    owner.via = "token"
    record(act="test.noted", obj=bare_system, by=owner)
    record(act="test.alone", obj=bare_system, by=None)

    rows = timeline(bare_system)

    assert [(str(row.who or ""), row.via) for row in rows[:3]] == [
        ("", ""),
        ("Owner", "with an API token"),
        ("AI Factory (automatic)", "automatically"),
    ]


def test_things_nobody_described_are_spelled_out(bare_system: AISystem, owner: User) -> None:
    record(act="risk_tier.was_set", obj=bare_system, by=owner)
    entry = Entry.objects.order_by("pk").last()
    assert entry is not None
    gone = Entry(eid=entry.eid, body=entry.body, at=entry.at, act="old.thing", kind="gone.model", object_id="1")

    assert timeline(bare_system)[0].title == "Risk tier was set"
    assert rows_of([gone])[0].title == "Old thing"


def test_rows_for_machines(bare_system: AISystem, owner: User) -> None:
    change(bare_system, owner, unit="Claims")

    row = timeline(bare_system, user=owner)[0].as_json()

    assert (row["who"], row["act"], row["reason"]) == ("owner", "system.changed", "Corrected")
    assert row["changes"] == [{"field": "unit", "label": "Organisational unit", "old": "", "new": "Claims"}]
    assert row["object"]["label"] == "Claims triage"


# --- Words for every act --------------------------------------------------------------------------------------------


def acts_in_code() -> Iterator[tuple[str, str]]:
    """Every act written out in an action, with the file it is in."""
    for path in sorted((Path(django_settings.BASE_DIR) / "apps").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "act" and isinstance(node.value, ast.Constant):
                yield str(node.value.value), path.name


def test_every_act_has_words() -> None:
    missing = sorted({f"{act} ({where})" for act, where in acts_in_code() if act and act not in labels.ACTS})

    assert missing == [], "give these words in the labels.py of their room"


def test_icons_of_the_timeline_exist() -> None:
    sprite = (Path(django_settings.BASE_DIR) / "static/vendor/icons/sprite.svg").read_text(encoding="utf-8")

    assert [act for act, words in labels.ACTS.items() if f'id="{words.icon}"' not in sprite] == []


def test_kinds_name_models_and_columns_that_exist(bare_system: AISystem) -> None:
    from django.apps import apps

    for label, how in labels.KINDS.items():
        model = apps.get_model(label)
        columns = [*how.name, *(how.url_args if how.url else ())]
        assert list(model._base_manager.none().values(*columns)) == []
        assert all(hasattr(model, name) or name in how.labels for name in how.hidden - {"item"}), label
