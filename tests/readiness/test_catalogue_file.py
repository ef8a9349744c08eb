"""
The catalogue files as files: whether they are complete, agree with each other and tell possible stories.

Nothing here needs a database; whoever edits one of the files can run this module alone.
"""

import hashlib
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

APPS = Path(__file__).resolve().parents[2] / "apps"

PHASES = ["idea", "pilot", "limited_beta", "expanded_pilot", "gradual_rollout", "full_production", "retired"]
SECTIONS = {"technical": "T", "operational": "O", "business": "B", "governance": "G"}
EVIDENCE_TYPES = {"document", "link", "ticket", "test_run", "attestation", "probe"}
ROLES = {
    "viewer", "contributor", "owner", "technical_approver", "operational_approver", "business_approver",
    "governance_approver", "risk_owner", "kpi_owner", "auditor",
}  # fmt: skip
FUNCTIONS = {"customer_service", "sales", "operations", "hr", "finance", "legal", "it", "research", "other"}
BLOCKERS = {
    "T-1", "T-3", "T-4", "T-5", "T-6", "T-7", "O-3", "O-4", "B-5", "B-6", "B-7", "G-2", "G-3", "G-5", "G-6", "G-7",
}  # fmt: skip
NEVER_NOT_APPLICABLE = {"T-3", "T-4", "T-7", "O-3", "B-5", "B-8", "G-2", "G-5", "G-6"}
BETA = {"T-3", "T-4", "O-2", "O-3", "B-5", "G-2", "G-6"}
REQUIREMENTS = {
    "registry.owner_named", "registry.purpose_stated", "registry.fallback_named", "registry.affected_people_stated",
    "registry.model_version_named", "registry.retirement_plan", "registry.phase_order", "registry.tier_confirmed",
    "gates.not_suspended", "readiness.review_open", "readiness.item", "readiness.all_items",
    "readiness.section_signed", "readiness.no_open_conditions",
}  # fmt: skip


class StrictLoader(yaml.SafeLoader):
    """Refuses a key written twice in one mapping, of which YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = [key for key, count in Counter(keys).items() if count > 1]
        assert not twice, f"{twice} twice in the mapping at line {node.start_mark.line + 1}"
        return super().construct_mapping(node, deep)


def load(path: str) -> dict[str, Any]:
    return yaml.load((APPS / path).read_text(encoding="utf-8"), Loader=StrictLoader)  # noqa: S506 - a SafeLoader


CHECKLIST = load("readiness/catalogue/readiness-2026-11.yaml")
POLICY = load("gates/catalogue/gate-policy-2026-11.yaml")
DEMO = load("portfolio/catalogue/demo-portfolio.yaml")
ITEMS = {item["key"]: item for item in CHECKLIST["items"]}
SYSTEMS = {system["slug"]: system for system in DEMO["systems"]}
PEOPLE = {person["username"]: person for person in DEMO["people"]}
TEAMS = {team["key"]: team for team in DEMO["teams"]}
REVIEWS = [(system, review) for system in DEMO["systems"] for review in system.get("reviews", [])]

each_item = pytest.mark.parametrize("item", ITEMS.values(), ids=ITEMS)
each_system = pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS)
each_review = pytest.mark.parametrize("system, review", REVIEWS, ids=[f"{s['slug']}-{r['phase']}" for s, r in REVIEWS])


@pytest.mark.parametrize("catalogue", [CHECKLIST, POLICY, DEMO], ids=lambda catalogue: catalogue["kind"])
def test_a_catalogue_says_what_it_is(catalogue):
    assert all(catalogue[field] for field in ("kind", "key", "title", "date", "source", "language"))
    assert isinstance(catalogue["version"], str)


class TestChecklist:
    def test_has_four_sections_of_eight_items(self):
        assert len(CHECKLIST["items"]) == len(ITEMS) == 32
        assert [section["key"] for section in CHECKLIST["sections"]] == list(SECTIONS)
        assert Counter(item["section"] for item in ITEMS.values()) == dict.fromkeys(SECTIONS, 8)
        assert list(ITEMS) == [f"{letter}-{n}" for letter in SECTIONS.values() for n in range(1, 9)]
        assert all(key[0] == SECTIONS[item["section"]] for key, item in ITEMS.items())

    def test_each_section_has_a_statement_to_sign_and_a_role_that_signs(self):
        for section in CHECKLIST["sections"]:
            assert section["signing_role"] == f"{section['key']}_approver"
            assert section["title"]
            assert section["guidance"]
            assert section["statement"].startswith("I ")

    def test_titles_tell_items_apart(self):
        assert len({item["title"] for item in ITEMS.values()}) == 32

    def test_blockers_and_items_that_always_apply_are_the_agreed_ones(self):
        assert {key for key, item in ITEMS.items() if item["blocker"]} == BLOCKERS
        assert {key for key, item in ITEMS.items() if item["never_not_applicable"]} == NEVER_NOT_APPLICABLE

    @each_item
    def test_an_item_explains_itself(self, item):
        assert 3 <= len(item["verify"]) <= 6
        texts = [item["summary"], item["guidance"], item["suggested_verifier"], item["auto_check"], *item["verify"]]
        assert all(isinstance(text, str) and text.strip() for text in texts)
        assert item["suggested_evidence"]

    @each_item
    def test_an_item_says_which_evidence_counts_and_for_how_long(self, item):
        assert item["evidence_types"]
        assert set(item["evidence_types"]) <= EVIDENCE_TYPES
        assert isinstance(item["validity_days"], int)
        assert 1 <= item["validity_days"] <= 365
        assert item["attestation_alone_is_enough"] is not item["blocker"]

    @each_item
    def test_an_item_is_set_aside_only_in_a_known_context(self, item):
        known = {condition["key"] for condition in CHECKLIST["not_applicable_conditions"]}
        for way_out in item["not_applicable_when"]:
            assert way_out["condition"] in known
            assert way_out["text"]
            assert way_out["scope"] in {"whole", "part"}
            assert not (item["never_not_applicable"] and way_out["scope"] == "whole")

    @each_item
    def test_an_item_is_anchored_in_public_frameworks(self, item):
        assert item["controls"]
        assert all(control["framework"] in CHECKLIST["frameworks"] and control["ref"] for control in item["controls"])
        assert len({(control["framework"], control["ref"]) for control in item["controls"]}) == len(item["controls"])

    def test_five_contexts_end_by_themselves(self):
        conditions = CHECKLIST["not_applicable_conditions"]
        assert len({condition["key"] for condition in conditions}) == 5
        assert all(condition["text"] and condition["expires_days"] == 180 for condition in conditions)

    def test_each_tier_has_a_factor_and_tier_1_is_the_strictest(self):
        assert CHECKLIST["validity_tier_factor"] == {"1": 0.5, "2": 1.0, "3": 1.0}

    def test_triggers_are_named_once(self):
        triggers = CHECKLIST["revalidation_triggers"]
        assert len({trigger["key"] for trigger in triggers}) == len(triggers) == 7


def identity(entry: dict[str, Any]) -> tuple[str, str]:
    params = entry.get("params", {})
    return entry["requirement"], params.get("item") or params.get("section") or ""


def requirements_of(phase: str, above: tuple[str, ...] = ()) -> dict[tuple[str, str], dict[str, Any]]:
    """All requirements of a gate by identity, those of included gates first, own entries winning."""
    assert phase not in above, f"{phase} includes itself by way of {above}"
    gate = POLICY["gates"][phase]
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for included in gate.get("includes", []):
        found |= requirements_of(included, (*above, phase))
    return found | {identity(entry): entry for entry in gate["requirements"]}


def items_asked_for(phase: str) -> set[str]:
    entries = requirements_of(phase)
    if ("readiness.all_items", "") in entries:
        return set(ITEMS)
    return {key for name, key in entries if name == "readiness.item"}


class TestGatePolicy:
    def test_every_phase_but_idea_has_a_gate(self):
        assert list(POLICY["gates"]) == PHASES[1:]
        assert all(gate["title"] and gate["sentence"] for gate in POLICY["gates"].values())

    @pytest.mark.parametrize("phase", PHASES[1:])
    def test_entries_are_well_formed(self, phase):
        own = POLICY["gates"][phase]["requirements"]
        assert len({identity(entry) for entry in own}) == len(own)
        for entry in own:
            assert set(entry) <= {"requirement", "params", "tiers", "severity", "waivable"}
            assert entry["requirement"] in REQUIREMENTS
            assert entry.get("severity", "blocking") in {"blocking", "warning"}
            assert set(entry.get("tiers", [1])) <= {1, 2, 3}
            assert isinstance(entry.get("waivable", False), bool)

    @pytest.mark.parametrize("phase", PHASES[1:])
    def test_parameters_point_at_things_that_exist(self, phase):
        for (name, key), entry in requirements_of(phase).items():
            if name == "readiness.item":
                assert key in ITEMS
            if name == "readiness.section_signed":
                assert key in SECTIONS
            if name == "registry.phase_order":
                assert set(entry["params"]["from"]) <= set(PHASES)
                assert phase in entry["params"]["from"]
                assert PHASES[PHASES.index(phase) - 1] in entry["params"]["from"]

    def test_each_phase_asks_for_the_agreed_items(self):
        assert items_asked_for("pilot") == {"B-5"}
        assert items_asked_for("limited_beta") == BETA
        assert items_asked_for("expanded_pilot") == BETA | {"T-5", "O-1", "B-2", "G-3", "G-7"}
        assert items_asked_for("gradual_rollout") == items_asked_for("expanded_pilot") | BLOCKERS
        assert items_asked_for("full_production") == set(ITEMS)
        assert items_asked_for("retired") == set()

    @pytest.mark.parametrize("phase", PHASES[2:6])
    def test_four_signatures_and_a_fallback_are_asked_for_from_the_beta_on(self, phase):
        entries = requirements_of(phase)
        assert {("readiness.section_signed", section) for section in SECTIONS} <= set(entries)
        assert ("registry.fallback_named", "") in entries

    @pytest.mark.parametrize("phase", PHASES[1:])
    def test_a_suspension_and_a_signature_cannot_be_waived(self, phase):
        entries = requirements_of(phase)
        assert ("gates.not_suspended", "") in entries
        assert not any(
            entry.get("waivable")
            for (name, _), entry in entries.items()
            if name in {"gates.not_suspended", "readiness.section_signed", "registry.phase_order"}
        )

    def test_a_later_phase_never_asks_for_less(self):
        for earlier, later in pairwise(PHASES[1:6]):
            assert set(requirements_of(earlier)) <= set(requirements_of(later))

    def test_limits_agree_with_the_checklist(self):
        assert POLICY["checklist"] == {"key": CHECKLIST["key"], "version": CHECKLIST["version"]}
        assert POLICY["waiver"]["max_days_blocker"] == CHECKLIST["waiver_max_days_blocker"] == 30
        assert POLICY["waiver"]["max_days_other"] == CHECKLIST["waiver_max_days_other"]
        assert POLICY["at_risk_clock_days"] == 14
        assert set(POLICY["production_phases"]) <= set(PHASES)


def people_in(holder: str) -> set[str]:
    """The people behind one entry of a role: the person, or the members of the team."""
    if holder.startswith("team:"):
        assert holder.removeprefix("team:") in TEAMS
        return {name for name, person in PEOPLE.items() if person["team"] == holder.removeprefix("team:")}
    assert holder in PEOPLE
    return {holder}


def holders(system: dict[str, Any], role: str) -> set[str]:
    return set().union(*(people_in(holder) for holder in system["roles"].get(role, [])))


def answered_items(review: dict[str, Any]) -> list[str]:
    items = review["items"]
    rejected = [rejection["item"] for rejection in items.get("rejected", [])]
    return [*items.get("verified", []), *items.get("submitted", []), *items.get("draft", []), *rejected]


def step(review: dict[str, Any], what: str, key: str) -> tuple[str, int]:
    """Who answered (or verified) an item of a review, and how many days ago."""
    detail, plan = review.get("details", {}).get(key, {}), review[what]
    who = detail.get(f"{what}_by") or plan["by"][ITEMS[key]["section"]]
    return who, detail.get(f"{what}_days_ago", plan["days_ago"])


def evidence_of(review: dict[str, Any], key: str) -> list[dict[str, Any]]:
    detail = review.get("details", {}).get(key, {})
    return detail.get("evidence", DEMO["default_answers"][key]["evidence"])


def best_until(system: dict[str, Any], review: dict[str, Any], key: str) -> int:
    """Days from today until the last evidence of an item runs out; negative when it has."""
    factor = CHECKLIST["validity_tier_factor"][str(system["tier"] or 1)]
    _, answered = step(review, "answered", key)
    return max(
        piece.get("valid_for_days", int(ITEMS[key]["validity_days"] * factor)) - piece.get("days_ago", answered + 1)
        for piece in evidence_of(review, key)
    )


class TestDemoPeople:
    def test_are_invented_and_complete(self):
        assert len(PEOPLE) == len(DEMO["people"])
        for person in PEOPLE.values():
            assert re.fullmatch(r"[a-z.]+@example\.(com|org)", person["email"])
            assert person["full_name"]
            assert person["job_title"]
            assert person["team"] in TEAMS
            ZoneInfo(person["timezone"])

    def test_hold_every_role_somewhere(self):
        assert {role for system in SYSTEMS.values() for role in system["roles"]} == ROLES
        org_roles = [role for person in PEOPLE.values() for role in person.get("org_roles", [])]
        assert set(org_roles) == {"governance_office", "auditor", "admin"}

    def test_deputies_are_known_and_hold_no_second_seat(self):
        for deputy in DEMO["deputies"]:
            system = SYSTEMS[deputy["system"]]
            assert deputy["holder"] in holders(system, deputy["role"])
            assert len({deputy["holder"], deputy["deputy"], deputy["granted_by"]} & set(PEOPLE)) == 3
            assert not any(deputy["deputy"] in holders(system, f"{section}_approver") for section in SECTIONS)


class TestDemoSystems:
    def test_stand_in_every_phase(self):
        counts = Counter(system["phase"] for system in SYSTEMS.values())
        assert len(SYSTEMS) == len(DEMO["systems"]) == 12
        assert [counts[phase] for phase in PHASES] == [2, 2, 2, 2, 1, 2, 1]

    @each_system
    def test_is_described(self, system):
        assert re.fullmatch(r"[a-z0-9-]+", system["slug"])
        assert system["name"]
        assert system["purpose"]
        assert system["business_function"] in FUNCTIONS
        assert system["tier"] in {1, 2, 3, None}
        assert set(system["roles"]) <= ROLES
        if system["phase"] != "idea":
            assert system["fallback"]
            assert system["affected_people"]
            assert system["models"]

    @each_system
    def test_model_digests_can_be_recomputed(self, system):
        for model in system.get("models", []):
            assert any(version["in_use"] for version in model["versions"])
            for version in model["versions"]:
                text = f"tarnvelde-demo/{model['name']}/{version['version']}"
                assert version["digest"] == hashlib.sha256(text.encode()).hexdigest()

    @each_system
    def test_owner_is_not_governance_approver(self, system):
        assert len(holders(system, "owner")) == 1
        assert not holders(system, "owner") & holders(system, "governance_approver")

    @each_system
    def test_has_four_different_approvers_from_the_beta_on(self, system):
        if system["phase"] not in PHASES[2:6]:
            return
        seats = [holders(system, f"{section}_approver") for section in SECTIONS]
        assert all(seats)
        assert sum(map(len, seats)) == len(set().union(*seats))

    @each_system
    def test_moves_end_in_the_present_phase_and_follow_the_order(self, system):
        stands, last = system["registered"]["phase"], system["registered"]["days_ago"]
        for move in system.get("moves", []):
            assert stands in requirements_of(move["to"])["registry.phase_order", ""]["params"]["from"]
            assert move["by"] in holders(system, "owner")
            assert move["days_ago"] < last
            stands, last = move["to"], move["days_ago"]
        assert stands == system["phase"]

    @each_system
    def test_each_move_found_its_gate_open(self, system):
        for move in system.get("moves", []):
            if move["to"] == "retired":
                assert system["retirement"]["reason"]
                assert system["retirement"]["data_plan"]
                continue
            [review] = [review for review in system["reviews"] if review["phase"] == move["to"]]
            passed = set(review["items"]["verified"])
            assert items_asked_for(move["to"]) <= passed
            for key in items_asked_for(move["to"]):
                assert best_until(system, review, key) > -move["days_ago"], f"{key} had run out"
            signed = {sign_off["section"] for sign_off in review.get("sign_offs", [])}
            if ("readiness.section_signed", "technical") in requirements_of(move["to"]):
                assert signed == set(SECTIONS)
            assert all(sign_off["days_ago"] > move["days_ago"] for sign_off in review.get("sign_offs", []))

    def test_waivers_stay_inside_the_policy(self):
        waivers = [(system, waiver) for system in SYSTEMS.values() for waiver in system.get("waivers", [])]
        assert waivers
        for system, waiver in waivers:
            key = waiver["params"].get("item", "")
            assert requirements_of(waiver["phase"])[waiver["requirement"], key]["waivable"]
            kind = "blocker" if key in BLOCKERS else "other"
            assert waiver["valid_for_days"] <= POLICY["waiver"][f"max_days_{kind}"]
            assert waiver["approved_by"] != waiver["requested_by"]
            office = "governance_office" in PEOPLE[waiver["approved_by"]].get("org_roles", [])
            assert office or waiver["approved_by"] in holders(system, "governance_approver")
            assert waiver["reason"]
            assert waiver["compensating_control"]

    def test_one_system_is_suspended_by_somebody_with_a_role_there(self):
        suspended = [system for system in SYSTEMS.values() if system.get("suspensions")]
        assert len(suspended) == 1
        for suspension in suspended[0]["suspensions"]:
            assert suspension["reason"]
            assert any(suspension["by"] in holders(suspended[0], role) for role in suspended[0]["roles"])

    def test_one_system_in_production_is_at_risk_and_another_is_not(self):
        expired = {
            system["slug"]: [key for key in review["items"]["verified"] if best_until(system, review, key) < 0]
            for system, review in REVIEWS
            if system["phase"] == review["phase"] == "full_production"
        }
        assert expired == {"call-summary-writer": [], "dealer-demand-forecast": ["T-7"]}

    def test_one_evidence_in_a_beta_runs_out_within_a_week(self):
        system = SYSTEMS["service-chat-assistant"]
        assert 0 < best_until(system, system["reviews"][0], "T-4") <= 7


class TestDemoStories:
    def test_every_item_has_a_default_answer_with_evidence_that_counts(self):
        assert list(DEMO["default_answers"]) == list(ITEMS)
        for key, default in DEMO["default_answers"].items():
            assert default["answer"]
            assert default["evidence"]
            check_evidence(key, default["evidence"])

    @each_review
    def test_items_are_known_and_in_one_state(self, system, review):
        aside = [entry["item"] for entry in review["items"].get("not_applicable", [])]
        keys = answered_items(review) + aside
        assert len(keys) == len(set(keys))
        assert set(keys) <= set(ITEMS)
        assert set(review.get("details", {})) <= set(keys)
        assert review["phase"] in PHASES[1:6]
        assert review["state"] in {"open", "signed"}
        for key, detail in review.get("details", {}).items():
            check_evidence(key, detail.get("evidence", []))

    @each_review
    def test_days_follow_each_other(self, system, review):
        opened = review["opened"]["days_ago"]
        assert system["registered"]["days_ago"] >= opened >= review["answered"]["days_ago"]
        for key in review["items"]["verified"]:
            (_, answered), (_, verified) = step(review, "answered", key), step(review, "verified", key)
            assert opened >= answered >= verified
            assert best_until(system, review, key) >= -verified, f"{key} had run out when it was verified"
        for sign_off in review.get("sign_offs", []):
            assert review["verified"]["days_ago"] >= sign_off["days_ago"]

    @each_review
    def test_nobody_verifies_or_signs_their_own_work(self, system, review):
        delivery = holders(system, "contributor") | holders(system, "owner")
        worked: dict[str, set[str]] = {section: set() for section in SECTIONS}
        for key in answered_items(review):
            who, _ = step(review, "answered", key)
            assert who in delivery
            worked[ITEMS[key]["section"]].add(who)
        for key in review["items"]["verified"]:
            who, _ = step(review, "verified", key)
            assert who in holders(system, f"{ITEMS[key]['section']}_approver")
            assert who not in worked[ITEMS[key]["section"]]
            assert system["tier"] != 1 or who not in delivery
        for rejection in review["items"].get("rejected", []):
            assert rejection["by"] not in worked[ITEMS[rejection["item"]]["section"]]
            assert rejection["reason"]
        for sign_off in review.get("sign_offs", []):
            assert sign_off["by"] in holders(system, f"{sign_off['section']}_approver")
            assert sign_off["by"] not in worked[sign_off["section"]]

    @each_review
    def test_one_person_signs_one_section_and_conditions_have_an_owner(self, system, review):
        sign_offs = review.get("sign_offs", [])
        assert len({sign_off["by"] for sign_off in sign_offs}) == len(sign_offs)
        if review["state"] == "signed":
            assert {sign_off["section"] for sign_off in sign_offs} == set(SECTIONS)
        for condition in [c for sign_off in sign_offs for c in sign_off.get("conditions", [])]:
            assert condition["text"]
            assert condition["owner"] in PEOPLE
            assert isinstance(condition["due_in_days"], int)

    @each_review
    def test_a_section_is_signed_only_when_its_required_items_passed(self, system, review):
        aside = {entry["item"] for entry in review["items"].get("not_applicable", []) if entry["approved_by"]}
        passed = set(review["items"]["verified"]) | aside
        for section in {sign_off["section"] for sign_off in review.get("sign_offs", [])}:
            assert {k for k in items_asked_for(review["phase"]) if ITEMS[k]["section"] == section} <= passed

    @each_review
    def test_items_set_aside_follow_the_checklist(self, system, review):
        for entry in review["items"].get("not_applicable", []):
            item = ITEMS[entry["item"]]
            ways_out = {w["condition"] for w in item["not_applicable_when"] if w["scope"] == "whole"}
            assert not item["never_not_applicable"]
            assert entry["condition"] in ways_out
            assert entry["reason"]
            assert entry["by"] in PEOPLE
            assert entry["by"] != entry["approved_by"]

    @each_review
    def test_comments_come_from_people_of_the_system_in_order(self, system, review):
        days = [comment["days_ago"] for comment in review.get("comments", [])]
        assert days == sorted(days, reverse=True)
        for comment in review.get("comments", []):
            assert comment["item"] in ITEMS
            assert comment["text"]
            assert any(comment["by"] in holders(system, role) for role in system["roles"])

    def test_a_rejected_item_is_being_discussed(self):
        discussed = [
            comment["item"]
            for _, review in REVIEWS
            for comment in review.get("comments", [])
            if comment["item"] in {rejection["item"] for rejection in review["items"].get("rejected", [])}
        ]
        assert len(discussed) >= 3


def check_evidence(key: str, pieces: list[dict[str, Any]]) -> None:
    content = {"document": {"file", "body"}, "attestation": {"text"}}
    for piece in pieces:
        assert piece["kind"] in ITEMS[key]["evidence_types"]
        assert piece["title"]
        needed = content.get(piece["kind"], {"url"})
        assert needed <= set(piece) <= needed | {"kind", "title", "days_ago", "valid_for_days", "also_for"}
        assert set(piece.get("also_for", [])) <= set(ITEMS)
        assert re.match(r"https://[a-z.]+\.example\.com/", piece.get("url", "https://a.example.com/"))
    if pieces and not ITEMS[key]["attestation_alone_is_enough"]:
        assert {piece["kind"] for piece in pieces} != {"attestation"}
