"""The gate's answer in a line of a list: built here because lists show hundreds of them, most of them alike."""

from functools import lru_cache
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.core.templatetags.core_tags import badge, icon, progress
from apps.registry.models import Phase

register = template.Library()


@register.simple_tag
def gate_line(row: dict[str, Any]) -> SafeString:
    """What the gate says about one system of a list, how far it is, and whether it is at risk or suspended."""
    if row["phase"] == Phase.RETIRED:
        return _gate_line("Its road has ended", "ended", 0, 0, False, False)
    if not row["sentence"]:
        return _gate_line("Not asked yet", "ended", 0, 0, False, False)
    state = "closed" if row["is_blocked"] else "open" if row["granted"] else "there"
    at_risk = row["at_risk_since"] is not None
    return _gate_line(row["sentence"], state, row["met"], row["required"], at_risk, bool(row["suspended"]))


SIGNS = {"closed": "lock", "open": "lock-open"}
TONES = {"open": " tone-met", "ended": " text-secondary"}


@lru_cache(maxsize=2048, typed=True)
def _gate_line(words: str, state: str, met: int, required: int, at_risk: bool, suspended: bool) -> SafeString:
    words_of_chips = [word for word, shown in (("suspended", suspended), ("at_risk", at_risk)) if shown]
    chips = format_html_join("", "{}", ((badge(word),) for word in words_of_chips))
    tone = "met" if state == "open" or met == required else ""
    return format_html(
        '<div class="gate-line">{}<p class="gate-line-words{}">{}<span>{}</span></p>{}</div>',
        format_html('<p class="gate-line-chips">{}</p>', chips) if chips else "",
        TONES.get(state, ""),
        icon(SIGNS[state]) if state in SIGNS else "",
        words,
        format_html(
            '<div class="gate-line-bar">{}<span>{}/{}</span></div>',
            progress(met, required, "Requirements met", tone),
            met,
            required,
        )
        if required
        else "",
    )
