"""Eight processes on one review: signatures never overlap, no answer is lost, nothing breaks."""

import json
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import pytest

from apps.audit.models import Entry
from apps.readiness.models import ReviewItem, Seat, SignOff
from apps.registry import actions as registry
from apps.registry.roles import Role
from tests.fixtures_reviews import item_of

pytestmark = [pytest.mark.deep, pytest.mark.timeout(900)]
ROUNDS = 100


def run_all(review, environment, jobs):
    """Start all processes, wait for them, and add up what they report."""
    command = [sys.executable, "-m", "tests.deep.review_writer"]
    running = [
        subprocess.Popen([*command, user.username, str(review.pk), str(ROUNDS), what], env=environment,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for user, what in jobs
    ]  # fmt: skip
    counts: Counter[str] = Counter()
    errors: list[str] = []
    for process in running:
        out, err = process.communicate()
        assert process.returncode == 0, err[-3000:]
        report = json.loads(out)
        counts.update(report["counts"])
        errors += report["errors"]
    return counts, errors


def test_eight_writers_a_hundred_rounds(
    transactional_db, open_review, pass_items, system, office, make_user, child_environment
):
    pass_items(open_review, ["T-3", "T-4"])
    jobs = []
    for number in range(4):
        signer, author = make_user(f"signer{number}"), make_user(f"author{number}")
        registry.grant_role(system, by=office, role=Role.TECHNICAL_APPROVER, user=signer, tell=False)
        registry.grant_role(system, by=office, role=Role.CONTRIBUTOR, user=author, tell=False)
        jobs += [(signer, "sign"), (author, "answer")]
    version = item_of(open_review, "T-8").version

    counts, errors = run_all(open_review, child_environment, jobs)

    assert errors == []
    assert sum(counts.values()) == 8 * ROUNDS
    assert counts["signed"] > 0
    assert counts["answered"] > 0
    signed = list(SignOff.objects.filter(review=open_review).order_by("signed_at", "pk").select_related("void"))
    assert len(signed) == counts["signed"]
    for earlier, later in pairwise(signed):
        assert earlier.void.voided_at <= later.signed_at
    seat = Seat.objects.get(review=open_review, section__key="technical")
    standing = [one for one in signed if not hasattr(one, "void")]
    assert standing == ([seat.sign_off] if seat.sign_off else [])
    # Each success added one word, and none of them is gone.
    row = ReviewItem.objects.get(review=open_review, item__key="T-8")
    assert len(row.answer.split()) == counts["answered"]
    assert row.version == version + counts["answered"]
    assert Entry.objects.filter(act="signoff.completed").count() == counts["signed"]
    assert Entry.objects.filter(act="item.answered", object_id=str(row.pk)).count() == counts["answered"]
