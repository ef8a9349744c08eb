"""
One of several processes that work on the same review at the same time; ``test_reviews_at_once`` starts them.

    python -m tests.deep.review_writer USERNAME REVIEW ROUNDS sign|answer

Prints one JSON object: how often what came out, and every error that no rule explains.
"""

import json
import sys
import traceback
from collections import Counter
from typing import Any

import django

django.setup()

from apps.accounts.models import User  # noqa: E402
from apps.core.exceptions import NotAllowed, RuleViolation, StaleObject  # noqa: E402
from apps.readiness import actions  # noqa: E402
from apps.readiness.models import Review, SignOff  # noqa: E402
from tests.fixtures_reviews import item_of, sign  # noqa: E402


def sign_or_take_back(review: Review, user: User) -> str:
    """Sign the technical section; whoever holds the signature takes it back."""
    mine = SignOff.objects.filter(review=review, signer=user, void=None).first()
    if mine is not None:
        actions.withdraw_sign_off(mine, by=user, reason="Next round")
        return "taken back"
    sign(review, "technical", by=user)
    return "signed"


def add_to_answer(review: Review, user: User) -> str:
    """Read the answer and write it back with one word more, as two people with the page open do."""
    row = item_of(review, "T-8")
    actions.answer_item(row, by=user, answer=f"{row.answer} {user.username}", expected_version=row.version)
    return "answered"


def main(username: str, review_id: str, rounds: str, what: str) -> dict[str, Any]:
    user = User.objects.get(username=username)
    review = Review.objects.get(pk=review_id)
    act = sign_or_take_back if what == "sign" else add_to_answer
    counts: Counter[str] = Counter()
    errors = []
    for _ in range(int(rounds)):
        try:
            counts[act(review, user)] += 1
        except StaleObject:
            counts["stale"] += 1
        except RuleViolation as refusal:
            counts[refusal.code] += 1
        except NotAllowed:
            counts["not_allowed"] += 1
        except Exception:
            errors.append(traceback.format_exc()[-1500:])
    return {"counts": counts, "errors": errors}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
