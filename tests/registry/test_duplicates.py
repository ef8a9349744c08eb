import pytest

from apps.registry import actions
from apps.registry.duplicates import similar_systems


@pytest.fixture
def inventory(office, owner):
    names = [
        ("Claims Triage Assistant", "Sorts incoming insurance claims by urgency."),
        ("Invoice reader", "Reads amounts and dates from scanned invoices."),
        ("Chatbot", "Answers questions of customers."),
        ("Warehouse robot routing", "Plans routes of robots in the warehouse."),
    ]
    return [actions.register_system(by=office, name=name, purpose=purpose, owner=owner) for name, purpose in names]


@pytest.mark.parametrize(
    "name, found, words",
    [
        ("Claims Triage Assistant", "Claims Triage Assistant", "Same name"),
        ("claims triage  ASSISTANT", "Claims Triage Assistant", "Same name"),
        ("Assistant for claims triage", "Claims Triage Assistant", "Nearly the same name"),
        ("Claims triage", "Claims Triage Assistant", "Similar name"),
        ("Invoice readr", "Invoice reader", "Nearly the same name"),
    ],
)
def test_likely_duplicates_are_found_and_named(inventory, owner, name, found, words):
    likely = similar_systems(owner, name)

    assert [(one.system.name, one.words) for one in likely] == [(found, words)]


@pytest.mark.parametrize("name", ["Chatbot for holiday requests of staff", "Meter reading", "", "???"])
def test_what_only_shares_a_word_is_none(inventory, owner, name):
    assert similar_systems(owner, name) == []


def test_the_purpose_breaks_ties(inventory, office, owner):
    twin = actions.register_system(
        by=office, name="Claims triage assistants", purpose="Counts pallets in the yard.", owner=owner
    )

    likely = similar_systems(owner, "Claims triage helper", "Sorts incoming insurance claims by urgency")

    assert likely[0].system.name == "Claims Triage Assistant"
    assert "similar purpose" in likely[0].words
    assert twin in [one.system for one in likely][1:] or len(likely) == 1


def test_nobody_learns_of_systems_they_may_not_see(inventory, outsider, office):
    assert similar_systems(outsider, "Chatbot") == []
    assert [one.system.name for one in similar_systems(office, "Chatbot")] == ["Chatbot"]


def test_at_most_five(office):
    for _ in range(8):
        actions.register_system(by=office, name="Chatbot", purpose="Chats.", imported=True)

    assert len(similar_systems(office, "Chatbot")) == 5


def test_it_reads_as_often_for_six_as_for_one(office, django_assert_num_queries):
    actions.register_system(by=office, name="Chatbot", purpose="Chats.", imported=True)
    with django_assert_num_queries(2):
        similar_systems(office, "Chatbot", "Chats")

    for _ in range(5):
        actions.register_system(by=office, name="Chatbot", purpose="Chats.", imported=True)
    with django_assert_num_queries(2):
        similar_systems(office, "Chatbot", "Chats")
