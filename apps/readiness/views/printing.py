"""A review on paper: everything that was answered, shown, verified and signed, in reading order."""

from collections import defaultdict
from datetime import date, datetime
from typing import Any

from django.utils import timezone

from ..boards import ItemRow, board
from ..models import Review, SignOff
from ..signed import manifestation


def print_context(found: Review, at: datetime | None) -> dict[str, Any]:
    """What the print template lays out, with a fixed number of queries plus one per signature with conditions."""
    shown = board(found, at=at)
    day = timezone.localdate(at)
    signatures = _signatures(found, at)
    return {
        "review": found,
        "system": shown.system,
        "board": shown,
        "at": at,
        "now": timezone.now(),
        "parts": [
            {
                "board": part,
                "rows": [(row, _evidence(row, day)) for row in part.rows],
                "signatures": [
                    {
                        "s": manifestation(signed),
                        "effective": part.state.effective and part.state.sign_off.pk == signed.pk,
                        "why": _why(signed, part.state),
                    }
                    for signed in signatures[part.section.pk]
                ],
            }
            for part in shown.sections
        ],
    }


def _evidence(row: ItemRow, day: date) -> list[dict[str, Any]]:
    return [{"evidence": link.evidence, "state": link.evidence.state_on(day)} for link in row.links]


def _signatures(found: Review, at: datetime | None) -> dict[int, list[SignOff]]:
    signed = SignOff.objects.filter(review=found, signed_at__lte=at or timezone.now()).select_related(
        "snapshot", "proof", "on_behalf_of", "void"
    )
    by_section: dict[int, list[SignOff]] = defaultdict(list)
    for row in signed.defer("snapshot__body").order_by("-signed_at"):
        by_section[row.section_id].append(row)
    return by_section


def _why(signed: SignOff, state: Any) -> str:
    if hasattr(signed, "void"):
        return f"Not in effect since {signed.void.voided_at:%-d %B %Y}, because {signed.void.reason}."
    if state.sign_off is not None and state.sign_off.pk == signed.pk and state.status != "rejected":
        return "" if state.effective else state.words
    return ""
