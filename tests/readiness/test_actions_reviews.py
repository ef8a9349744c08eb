from apps.audit.models import Entry
from apps.readiness import actions
from apps.readiness.models import ReviewItem, Seat


def test_opening_makes_thirty_two_items_and_four_seats_with_one_entry(system, version, owner):
    before = Entry.objects.count()

    review = actions.open_review(system, by=owner, phase="limited_beta")

    assert ReviewItem.objects.filter(review=review, status="open").count() == 32
    assert Seat.objects.filter(review=review, sign_off=None).count() == 4
    assert [row.model_version for row in review.reviewed_versions.all()] == [version]
    assert Entry.objects.count() == before + 1
    assert Entry.objects.latest("id").act == "review.opened"
