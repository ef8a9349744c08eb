"""Is it registered already? Names are compared, purposes settle what names leave open."""

from dataclasses import dataclass
from typing import Any

from rapidfuzz import fuzz, process
from rapidfuzz.utils import default_process

from .models import AISystem

NAMES_COMPARED = 25
SHOWN = 5
LIKELY = 78.0
PURPOSE_SAYS = 85.0


@dataclass(frozen=True)
class Likeness:
    """A registered system that may be the same one: how alike, from 0 to 100, and in words."""

    system: AISystem
    score: int
    words: str


def similar_systems(user: Any, name: str, purpose: str = "", *, besides: AISystem | None = None) -> list[Likeness]:
    """
    The likeliest duplicates among what ``user`` may see, most alike first, at most five.

    Every name is compared; purposes are read of the best names only, so ten thousand systems take no longer than their
    names do.
    """
    wanted = default_process(name)
    if not wanted:
        return []
    rows = AISystem.objects.visible_to(user).order_by()
    if besides is not None:
        rows = rows.exclude(pk=besides.pk)
    names = dict(rows.values_list("pk", "name"))
    best = process.extract(
        wanted, names, scorer=_name_score, processor=default_process, limit=NAMES_COMPARED, score_cutoff=LIKELY - 10
    )
    systems = AISystem.objects.in_bulk([pk for _, _, pk in best])
    found = [_weigh(systems[pk], score, purpose) for _, score, pk in best if pk in systems]
    likely = [one for one in found if one.score >= LIKELY]
    return sorted(likely, key=lambda one: (-one.score, one.system.name, one.system.pk))[:SHOWN]


def _name_score(one: str, other: str, *, score_cutoff: float | None = None, **kwargs: Any) -> float:
    """
    How alike two names are, whatever the order of their words.

    A short name that is part of a long one ("chatbot") is not the same thing yet: word sets alone would call it equal.
    """
    loose = fuzz.token_set_ratio(one, other, score_cutoff=score_cutoff)
    if not loose:
        return 0.0
    return 0.5 * loose + 0.5 * max(fuzz.token_sort_ratio(one, other), fuzz.ratio(one, other))


def _weigh(system: AISystem, name_score: float, purpose: str) -> Likeness:
    purpose_score = fuzz.token_set_ratio(purpose, system.purpose, processor=default_process) if purpose else 0.0
    score = name_score
    if purpose_score >= PURPOSE_SAYS:
        score = min(100.0, name_score + 10)
    if name_score >= 99:
        words = "Same name"
    elif name_score >= 90:
        words = "Nearly the same name"
    else:
        words = "Similar name"
    if purpose_score >= PURPOSE_SAYS:
        words += ", similar purpose"
    return Likeness(system, round(score), words)
