"""How each status of the product looks: a tone (colour), an icon and words. One table, so that a word looks one way."""

from typing import Any, NamedTuple


class Look(NamedTuple):
    tone: str
    icon: str
    label: str


# Tones: met, review, warn, blocked, todo (not begun), none (does not count), plain (a fact, neither good nor bad).
TONE_ICONS = {
    "met": "circle-check",
    "review": "progress-check",
    "warn": "alert-triangle",
    "blocked": "circle-x",
    "todo": "circle-dashed",
    "none": "minus",
    "plain": "tag",
    "info": "info-circle",
}

WORDS: dict[str, tuple[str, str]] = {}


def _words(tone: str, words: str, icon: str = "") -> None:
    WORDS.update(dict.fromkeys(words.split(), (tone, icon or TONE_ICONS[tone])))


_words("met", "verified approved approve approval granted complete completed done current valid accepted ok true yes")
_words("met", "signed signed_off effective", "signature")
_words("met", "imported created new active passed resolved closed_met fulfilled resumed")
_words("review", "in_review ready submitted answered proposed in_progress partly awaiting_verification open")
_words("review", "pending queued requested invited sent", "hourglass")
_words("review", "running", "refresh")
_words("warn", "waived", "gavel")
_words("warn", "expiring expires_soon due_soon stale", "clock")
_words("warn", "at_risk duplicate conditional conditions changed changes_requested attention unknown")
_words(
    "blocked", "not_met unmet rejected reject rejection refused failed failing conflict false no missing not_granted"
)
_words("blocked", "blocked suspended revoked banned", "ban")
_words("blocked", "void voided", "circle-x")
_words("blocked", "expired overdue lapsed", "clock-exclamation")
_words("todo", "not_started unanswered empty unsigned draft to_do reopened")
_words("none", "not_applicable na n_a superseded withdrawn cancelled closed skipped unchanged ended inactive")
_words("none", "retired archived", "archive")

KINDS: dict[str, dict[str, tuple[str, str]]] = {
    "phase": {
        "idea": ("plain", "bulb"),
        "pilot": ("plain", "flask"),
        "limited_beta": ("plain", "users"),
        "expanded_pilot": ("plain", "world"),
        "gradual_rollout": ("plain", "stairs"),
        "full_production": ("plain", "bolt"),
        "retired": ("none", "archive"),
    },
    "tier": {"1": ("plain", "scale"), "2": ("plain", "scale"), "3": ("plain", "scale")},
    "gate": {"open": ("met", "lock-open"), "closed": ("blocked", "lock"), "true": ("met", "lock-open")},
    "condition": {"open": ("warn", "clock"), "closed": ("met", "circle-check"), "met": ("met", "circle-check")},
    "review": {"closed": ("none", "archive"), "abandoned": ("none", "archive")},
    "role": {},
    "item": {"open": ("todo", "circle-dashed"), "submitted": ("review", "hourglass")},
    "blocker": {"true": ("blocked", "flag"), "false": ("none", "minus")},
}
LABELS = {("tier", "1"): "Tier 1", ("tier", "2"): "Tier 2", ("tier", "3"): "Tier 3"}
KIND_ICONS = {"role": "user", "team": "users", "system": "robot", "token": "key", "evidence": "file-text"}


def look(kind: str, value: Any) -> Look:
    """How ``value`` of ``kind`` is shown. A word nobody listed is shown as it is, without a colour."""
    key = str(getattr(value, "value", value)).lower().replace("-", "_").replace(" ", "_")
    label = str(getattr(value, "label", "")) or LABELS.get((kind, key)) or key.replace("_", " ").capitalize()
    if found := KINDS.get(kind, {}).get(key) or WORDS.get(key):
        return Look(*found, label)
    if key in TONE_ICONS:
        return Look(key, TONE_ICONS[key], label)
    return Look("plain", KIND_ICONS.get(kind, "tag"), label)
