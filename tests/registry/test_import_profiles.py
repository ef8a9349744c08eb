"""Profiles are data: the shipped ones load, a wrong one is refused by name, and headings are found however written."""

import copy

import pytest
import yaml

from apps.registry.importing.errors import UnusableProfile
from apps.registry.importing.profiles import (
    SHIPPED,
    check_places,
    detect,
    load_profiles,
    locate,
    parse_profile,
    unmapped,
)
from apps.registry.importing.reading import read_bytes, read_file
from apps.registry.importing.targets import TARGETS
from apps.registry.models import BusinessFunction, Phase

MINIMAL = {
    "kind": "import-profile",
    "key": "mine",
    "version": 1,
    "source": "a test",
    "columns": {"name": "Name", "purpose": "Purpose", "stage": "Stage"},
    "identity": {"columns": ["name"]},
    "fields": {"name": "name", "purpose": "purpose", "phase": {"from": "stage", "values": {"pilot": ["Trying"]}}},
}


def changed(path: str, value: object) -> dict:
    content = copy.deepcopy(MINIMAL)
    place = content
    *parents, last = path.split("/")
    for parent in parents:
        place = place[parent]
    place[last] = value
    return content


def test_the_shipped_profiles_load():
    assert set(load_profiles()) == {"federal-2024", "generic"}


def test_the_choices_are_those_of_a_system():
    assert TARGETS["phase"].choices == tuple(Phase.values)
    assert TARGETS["business_function"].choices == tuple(BusinessFunction.values)
    assert TARGETS["name"].max_length == 400
    assert "tier" not in TARGETS


@pytest.mark.parametrize(
    "path, value, words",
    [
        ("kind", "gate-policy", "import-profile"),
        ("surprise", 1, "unknown surprise"),
        ("columns", {}, '"columns" is missing'),
        ("fields/tier", "stage", "no such field"),
        ("fields/name", "nmae", "nmae is not under columns"),
        ("fields/phase", {"from": "stage", "values": {"beta": ["B"]}}, '"beta" is none of idea'),
        ("fields/phase", {"from": "stage", "unknown": "guess"}, '"guess" is none of idea'),
        ("fields/phase", {"from": "stage", "values": {"idea": ["A"], "pilot": ["a "]}}, "stands for both"),
        ("fields/phase", {"from": "stage", "vaules": {}}, "unknown vaules"),
        ("identity/columns", [], "at least one column"),
        ("identity/columns", ["id"], "id is not under columns"),
        ("columns/name", {"headers": []}, "at least one heading"),
        ("checked_dates", {"columns": ["when"]}, "when is not under columns"),
    ],
)
def test_a_profile_that_cannot_work_names_the_place(path, value, words):
    with pytest.raises(UnusableProfile) as refusal:
        parse_profile(changed(path, value))

    assert words in str(refusal.value)


def test_a_profile_without_a_name_field_is_refused():
    content = copy.deepcopy(MINIMAL)
    del content["fields"]["name"]

    with pytest.raises(UnusableProfile, match='where "name" comes from'):
        parse_profile(content)


def test_an_organisation_adds_a_profile_by_adding_a_file(tmp_path):
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(MINIMAL))

    assert load_profiles([tmp_path])["mine"].title == "mine"


def test_a_broken_file_in_the_folder_is_named(tmp_path):
    (tmp_path / "broken.yaml").write_text("key: [")

    with pytest.raises(UnusableProfile, match=r"broken\.yaml"):
        load_profiles([tmp_path])


@pytest.mark.parametrize("heading", ["Purpose", " purpose ", "PURPOSE:", "Pur\u00adpose".replace("\u00ad", "")])
def test_headings_are_found_however_they_are_written(heading):
    profile = parse_profile(MINIMAL)

    assert locate(profile, ["Stage", heading, "name"]) == {"stage": 0, "purpose": 1, "name": 2}


@pytest.mark.parametrize("apostrophe", ["’", "'", "\ufffd", "´"])
def test_a_typographic_or_lost_apostrophe_in_a_heading_does_not_matter(apostrophe):
    profile = load_profiles()["federal-2024"]

    places = locate(profile, [f"Describe the AI system{apostrophe}s outputs."])

    assert places["outputs"] == 0


def test_a_column_may_be_the_second_of_its_name():
    content = changed("columns/stage", {"headers": ["Explain"], "occurrence": 2})

    places = locate(parse_profile(content), ["Name", "Purpose", "Explain", "Other", "Explain"])

    assert places["stage"] == 4


def test_a_missing_column_is_named_with_what_the_file_has_and_what_to_do():
    profile = load_profiles()["generic"]
    table = read_bytes(b"System name,Goal\na,b\n")

    with pytest.raises(UnusableProfile) as refusal:
        check_places(profile, locate(profile, table.headers), table)

    assert 'no column "Purpose"' in str(refusal.value)
    assert '"System name", "Goal"' in str(refusal.value)
    assert "Rename the heading" in str(refusal.value)


def test_a_place_outside_the_file_is_refused():
    profile = parse_profile(MINIMAL)
    table = read_bytes(b"Name,Purpose\na,b\n")

    with pytest.raises(UnusableProfile, match="does not have"):
        check_places(profile, {"name": 0, "purpose": 7}, table)


def test_the_profile_is_told_from_the_headings(data_sample):
    profiles = load_profiles()
    federal = read_file(data_sample / "inventory-sample.csv", max_bytes=10**6)

    assert detect(profiles, federal.headers).key == "federal-2024"
    assert detect(profiles, ["Name", "Description", "Owner"]).key == "generic"
    assert detect(profiles, ["Colour", "Weight"]) is None


def test_columns_that_feed_nothing_are_listed(data_sample):
    profile = load_profiles()["federal-2024"]
    table = read_file(data_sample / "inventory-sample.csv", max_bytes=10**6)

    names = unmapped(profile, locate(profile, table.headers), table)

    assert "System Name" in names
    assert "If Other, please explain. (column Z)" in names
    assert "Use Case Name" not in names


def test_every_shipped_profile_says_where_it_comes_from():
    for path in SHIPPED.glob("*.yaml"):
        content = yaml.safe_load(path.read_text())
        assert content["source"], path.name
        assert content["date"], path.name
