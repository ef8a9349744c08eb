"""What a row says about a system, and which system it is about."""

from datetime import date
from pathlib import Path

import pytest

from apps.registry.importing.dates import parse_date
from apps.registry.importing.mapping import MappedRow, as_stored, map_row
from apps.registry.importing.matching import Known, Verdict, match_rows
from apps.registry.importing.profiles import absent, load_profiles, locate
from apps.registry.importing.reading import read_bytes, read_file

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "federal-ai-use-cases-2024.csv"


def mapped(table, profile) -> list[MappedRow]:
    places = locate(profile, table.headers)
    return [map_row(line, table=table, profile=profile, places=places) for line in table.lines]


@pytest.fixture
def sample(data_sample: Path) -> dict[int, MappedRow]:
    """The rows of the sample by row number."""
    table = read_file(data_sample / "inventory-sample.csv", max_bytes=10**6)
    return {row.number: row for row in mapped(table, load_profiles()["federal-2024"])}


def generic(*lines: str) -> list[MappedRow]:
    table = read_bytes("\n".join(("Name,Purpose,Unit,Phase,Fallback,Started on", *lines)).encode())
    return mapped(table, load_profiles()["generic"])


def test_a_plain_row_fills_every_field(sample):
    assert sample[2].values == {
        "name": "Fog horn scheduling",
        "purpose": "Predicts fog two hours ahead so that the keeper’s rounds can be planned – "
        "one visit instead of three.",
        "unit": "Department of Lighthouses / Office of Lamps",
        "business_function": "operations",
        "phase": "full_production",
        "started_on": date(2023, 3, 14),
    }
    assert not sample[2].warnings
    assert not sample[2].errors


def test_only_the_ends_of_a_text_are_trimmed(sample):
    assert sample[3].values["name"] == "Ferry queue estimate"
    assert sample[3].values["purpose"] == "Tells waiting passengers how long the queue takes."
    assert sample[6].values["name"] == "Tide table check"
    assert sample[26].values["purpose"] == 'Sends a complaint, "urgent" or not, to the right desk, at once.'


def test_a_line_break_in_a_name_becomes_a_space_and_is_told(sample):
    assert sample[5].values["name"] == "Letter sorter (formerly Mail Mate)"
    assert sample[5].warnings[0] == "Use Case Name: line breaks or tabs inside the text became single spaces."


@pytest.mark.parametrize(
    "row, phase",
    [(2, "full_production"), (4, "full_production"), (5, "limited_beta"), (6, "pilot"), (7, "idea"), (26, "retired"),
     (27, "idea"), (28, "full_production")],
)  # fmt: skip
def test_stages_become_phases_whatever_their_case_and_spaces(sample, row, phase):
    assert sample[row].values["phase"] == phase


def test_a_stage_nobody_knows_claims_the_least_and_is_told(sample):
    assert sample[17].values["phase"] == "idea"
    assert sample[17].warnings == (
        'Stage of Development: "Waiting for the committee" is not in the profile; Phase set to idea.',
    )
    assert sample[16].warnings == ("Stage of Development is empty; Phase set to idea.",)


def test_rights_impacting_is_no_tier_and_a_yes_is_no_fallback(sample):
    assert "tier" not in sample[3].values
    assert "fallback" not in sample[3].values


@pytest.mark.parametrize(
    "row, words",
    [
        (14, "is empty: a system needs a purpose"),
        (15, "Use Case Name is empty: a system needs a name"),
        (21, "The row is empty."),
        (23, "The row has 64 cells under 62 headings"),
        (25, "is empty: a system needs a purpose"),
    ],
)
def test_rows_that_cannot_become_a_system_say_why(sample, row, words):
    assert words in sample[row].reason


def test_an_empty_row_gives_one_reason_only(sample):
    assert sample[21].errors == ("The row is empty.",)


def test_a_row_cut_short_is_taken_with_a_warning(sample):
    assert sample[22].warnings == ("The row has 40 cells under 62 headings; the rest counts as empty.",)
    assert not sample[22].errors


def test_text_where_a_date_belongs_is_pointed_out_with_its_column(sample):
    assert sample[20].values["started_on"] is None
    assert 'Date Initiated: "Pre-2021" is not a date; Started on left open.' in sample[20].warnings
    assert any(warning.startswith('Date Retired: "N/A - Consolidated') for warning in sample[20].warnings)
    assert not any("Date Implemented" in warning for warning in sample[20].warnings)


def test_text_that_looks_like_a_formula_is_only_text(sample):
    assert sample[24].values["name"] == '=HYPERLINK("http://example.invalid","Spare parts")'


@pytest.mark.parametrize(
    "text, day, remark",
    [
        ("3/14/2023", date(2023, 3, 14), ""),
        (" 03/04/2023 ", date(2023, 3, 4), ""),
        ("2024-11-01", date(2024, 11, 1), ""),
        ("2024-11-01 08:30:00", date(2024, 11, 1), ""),
        ("45383", date(2024, 4, 1), "spreadsheet's number"),
        ("7/13/1905", None, "the year 2021 is meant"),
        ("7/16/1905", None, "the year 2024 is meant"),
        ("1/1/0024", None, "cannot be meant"),
        ("24-Nov", None, "names no full day"),
        ("Nov 2024", None, "names no full day"),
        ("2024", None, "a year without a day"),
        ("13/13/2024", None, "is not a date"),
        ("10/12023", None, "is not a date"),
        ("2024-02-15 (contract kick-off)", None, "is not a date"),
        ("Pre-2021", None, "is not a date"),
    ],
)
def test_dates(text, day, remark):
    found, said = parse_date(text, formats=["%m/%d/%Y"], serial_numbers=True)

    assert found == day
    assert (remark in said) if remark else said == ""


def test_a_number_is_no_date_where_the_profile_does_not_say_so():
    assert parse_date("45383", formats=[]) == (None, "is not a date")


def test_a_word_for_nothing_names_no_fallback():
    (row,) = generic("Sorter,Sorts mail,Post room,Live,n/a,")

    assert row.values["fallback"] == ""
    assert row.warnings == ('Fallback: "n/a" counts as empty.',)


def test_the_generic_profile_refuses_a_phase_it_does_not_know_and_says_which_it_does():
    (row,) = generic("Sorter,Sorts mail,Post room,Simmering,,")

    assert 'Phase: "Simmering" is not in the profile' in row.reason
    assert "Allowed: active" in row.reason


def test_a_name_too_long_for_us_is_refused_not_cut():
    (row,) = generic(f"{'x' * 401},Sorts mail,,,,")

    assert "Name: 401 characters; Name takes at most 400." in row.reason


def test_a_column_the_file_does_not_have_is_told_once_not_in_every_row():
    profile = load_profiles()["generic"]
    table = read_bytes(b"Name,Purpose\nSorter,Sorts mail\n")
    places = locate(profile, table.headers)

    (row,) = mapped(table, profile)

    assert row.values["phase"] == "idea"
    assert row.warnings == ()
    assert "No column of the file gives Phase; it is set to idea." in absent(profile, places)
    assert "No column of the file gives Organisational unit; it stays open." in absent(profile, places)


def test_values_are_stored_as_json_keeps_them(sample):
    stored = as_stored(sample[2].values)

    assert stored["started_on"] == "2023-03-14"
    assert as_stored({"started_on": None, "unit": ""}) == {"started_on": "", "unit": ""}


# --- Which row is which system --------------------------------------------------------------------------------------


def known_after(rows: list[MappedRow]) -> list[Known]:
    """What is known once ``rows`` were imported into an empty registry."""
    matches = match_rows(rows, [])
    new = [row for row in rows if matches[row.number].verdict == Verdict.NEW]
    return [Known(row.number, row.identity, row.apart, row.digest) for row in new]


def verdicts(rows, known) -> dict[int, tuple[str, int | None]]:
    return {number: (match.verdict, match.known) for number, match in match_rows(rows, known).items()}


def test_rows_of_one_name_are_systems_of_their_own(sample):
    matches = match_rows(sample.values(), [])

    assert [matches[n].verdict for n in (7, 8, 9)] == [Verdict.NEW] * 3
    assert len({sample[n].identity for n in (7, 8, 9)}) == 1


def test_the_same_row_twice_is_refused_with_the_number_of_the_first(sample):
    match = match_rows(sample.values(), [])[12]

    assert match.verdict == Verdict.REFUSED
    assert "the same as in row 10" in match.reason
    assert match_rows(sample.values(), [])[13].verdict == Verdict.NEW


def test_the_same_file_again_is_the_same_rows(sample):
    rows = list(sample.values())

    again = match_rows(rows, known_after(rows))

    assert {match.verdict for match in again.values()} == {Verdict.SAME, Verdict.REFUSED}
    assert sum(match.verdict == Verdict.REFUSED for match in again.values()) == 6


def test_the_order_of_rows_does_not_matter(sample):
    rows = list(sample.values())

    again = match_rows(reversed(rows), known_after(rows))

    # Of two identical rows the first met is taken, so the two change places; no other verdict moves.
    assert sum(match.verdict == Verdict.SAME for match in again.values()) == 21


def test_an_agency_with_a_stray_space_is_the_same_agency():
    before = generic("Sorter,Sorts mail,Post room,,,")
    after = generic("SORTER ,Sorts mail,  post   room,,,")

    assert verdicts(after, known_after(before)) == {2: (Verdict.CHANGED, 2)}


def test_a_changed_row_is_found_by_what_tells_rows_apart():
    before = generic("Helper,Drafts,Office,Idea,,", "Helper,Translates,Office,Idea,,")
    after = generic("Helper,Translates,Office,Pilot,,", "Helper,Drafts,Office,Pilot,,")

    assert verdicts(after, known_after(before)) == {2: (Verdict.CHANGED, 3), 3: (Verdict.CHANGED, 2)}


def test_the_only_one_left_on_both_sides_is_the_changed_one():
    before = generic("Helper,Drafts,Office,Idea,,", "Helper,Translates,Office,Idea,,")
    after = generic("Helper,Drafts,Office,Idea,,", "Helper,Interprets,Office,Idea,,")

    assert verdicts(after, known_after(before)) == {2: (Verdict.SAME, 2), 3: (Verdict.CHANGED, 3)}


def test_where_more_than_one_pairing_is_possible_none_is_guessed():
    before = generic("Helper,Drafts,Office,Idea,,", "Helper,Translates,Office,Idea,,")
    after = generic("Helper,Writes,Office,Idea,,", "Helper,Interprets,Office,Idea,,")

    matches = match_rows(after, known_after(before))

    assert {match.verdict for match in matches.values()} == {Verdict.REFUSED}
    assert "Nothing was guessed" in matches[2].reason


def test_a_new_row_beside_a_changed_one_is_new():
    before = generic("Helper,Drafts,Office,Idea,,")
    after = generic("Helper,Drafts,Office,Pilot,,", "Helper,Sings,Office,Idea,,")

    assert verdicts(after, known_after(before)) == {2: (Verdict.CHANGED, 2), 3: (Verdict.NEW, None)}


@pytest.mark.parametrize("stop_after", range(1, 21, 3))
def test_an_import_cut_off_anywhere_goes_on_to_the_same_end(sample, stop_after):
    rows = list(sample.values())
    whole = known_after(rows)

    second = match_rows(rows, whole[:stop_after])

    created = {known.key for known in whole[:stop_after]}
    created |= {number for number, match in second.items() if match.verdict == Verdict.NEW}
    assert created == {known.key for known in whole}
    assert sum(match.verdict == Verdict.SAME for match in second.values()) == stop_after


@pytest.mark.skipif(not REAL.exists(), reason="the real inventory is not beside this checkout")
def test_the_real_inventory_is_taken_row_by_row():
    table = read_file(REAL, max_bytes=10**7)
    profile = load_profiles()["federal-2024"]

    rows = mapped(table, profile)
    matches = match_rows(rows, [])

    refused = {number: match.reason for number, match in matches.items() if match.verdict == Verdict.REFUSED}
    assert len(rows) == 2133
    assert sorted(refused) == [210, 212, 213, 220, 221, 222, 223, 229, 230, 231, 232, 435, 446, 477]
    assert sum("the same as in row" in reason for reason in refused.values()) == 3
    assert all(row.values["phase"] for row in rows)
