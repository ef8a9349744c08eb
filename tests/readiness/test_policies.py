"""Who may do what, as a table; a new action without a row here fails."""

import pytest

from apps.readiness import actions, policies
from apps.registry.permissions import system_perms
from tests.fixtures_reviews import item_of, section_of, supply

PEOPLE = [
    "owner", "contributor", "technical", "operational", "business", "governance", "risk_owner", "kpi_owner",
    "system_auditor", "viewer", "outsider", "office", "org_auditor", "org_admin", "superuser", "inactive",
]  # fmt: skip
APPROVERS = {"technical", "operational", "business", "governance", "risk_owner", "kpi_owner"}
TEAM = {"owner", "contributor"}
RUNS = TEAM | {"office"}

# question -> those who may; the item is submitted by the second contributor, the system is on tier 2
ALLOWED = {
    "open_review": RUNS,
    "close_review": {"owner", "office"},
    "change_versions": RUNS,
    "assign": RUNS,
    "answer": TEAM,
    "submit": TEAM,
    "propose_not_applicable": TEAM,
    "reopen": TEAM | APPROVERS,
    "judge": TEAM | APPROVERS,
    "comment": RUNS | APPROVERS,
    "add_evidence": TEAM,
    "attach": TEAM,
    "detach": TEAM,
    "change_evidence": {"owner", "office"},
    "withdraw_evidence": {"owner", "office"},
    "sign": {"technical"},
}


@pytest.fixture
def situation(tier_2, version, owner, second_contributor):
    """What each question is asked about."""
    review = actions.open_review(tier_2, by=owner, phase="limited_beta")
    evidence = supply(item_of(review, "T-2"), by=second_contributor)
    actions.answer_item(item_of(review, "T-2"), by=second_contributor, answer="Green.", submit=True)
    actions.answer_item(item_of(review, "T-8"), by=second_contributor, answer="Written.")
    row = item_of(review, "T-2")
    return {
        "open_review": (tier_2,),
        "close_review": (review,),
        "change_versions": (review,),
        "submit": (item_of(review, "T-8"),),
        "propose_not_applicable": (item_of(review, "O-8"),),
        "add_evidence": (tier_2,),
        "detach": (evidence.links.get(),),
        "change_evidence": (evidence,),
        "withdraw_evidence": (evidence,),
        "sign": (review, section_of(review, "technical")),
    } | dict.fromkeys(("assign", "answer", "reopen", "judge", "comment", "attach"), (row,))


def test_every_question_about_a_person_has_its_row():
    asked = {name.removeprefix("can_") for name in vars(policies) if name.startswith("can_")}

    # These two ask only whose signature or condition it is; see test_void and test_sign_off.
    assert asked - {"withdraw_sign_off", "complete_condition"} == ALLOWED.keys()


@pytest.mark.parametrize("person", PEOPLE)
def test_who_may_do_what(person, situation, request):
    user = request.getfixturevalue(person)
    user.refresh_from_db()
    extra = {"sign": {"approving": False}}

    allowed = {
        name
        for name, about in situation.items()
        if getattr(policies, f"can_{name}")(*about, user=user, **extra.get(name, {}))
    }

    assert allowed == {name for name, people in ALLOWED.items() if person in people}


def test_a_page_reads_permissions_once_for_all_its_buttons(situation, contributor, django_assert_num_queries):
    (row,) = situation["answer"]
    perms = system_perms(contributor, row.system)

    with django_assert_num_queries(0):
        assert policies.can_assign(row, user=contributor, perms=perms)
        assert policies.can_answer(row, user=contributor, perms=perms)
        assert policies.can_reopen(row, user=contributor, perms=perms)
        assert policies.can_attach(row, user=contributor, perms=perms)
        assert policies.can_comment(row, user=contributor, perms=perms)
