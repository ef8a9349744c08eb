from typing import Any

from django import forms

from apps.core.forms import FactoryForm
from apps.registry.models import BusinessFunction, Phase

from .systems import DEFAULT_SORT, SORTS, Choice

TIERS = [("1", "Tier 1"), ("2", "Tier 2"), ("3", "Tier 3"), ("none", "Not set")]
OWNERS = [("me", "I own it"), ("role", "I have a role"), ("none", "Nobody owns it")]
STATES = [
    ("blocked", "Cannot move on"),
    ("ready", "May move on"),
    ("at_risk", "At risk"),
    ("suspended", "Suspended"),
]
SOURCES = [("imported", "From an inventory"), ("manual", "Registered by hand")]


def _choice(label: str, choices: list[Any], empty: str) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=[("", empty), *choices], required=False)


class PortfolioFilter(FactoryForm):
    """The filters of the portfolio, the same for list, export and API. All are optional."""

    q = forms.CharField(
        label="Find",
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Name, purpose or unit"}),
    )
    phase = _choice("Phase", Phase.choices, "Any phase")
    state = _choice("Gate", STATES, "Any state")
    tier = _choice("Risk tier", TIERS, "Any tier")
    function = _choice("Business function", [*BusinessFunction.choices, ("none", "Not stated")], "Any function")
    unit = forms.CharField(label="Unit contains", max_length=200, required=False)
    owner = _choice("People", OWNERS, "Anybody's")
    source = _choice("Source", SOURCES, "Any source")
    sort = forms.ChoiceField(choices=[(s, s) for s in SORTS], required=False, widget=forms.HiddenInput)

    def choice(self) -> Choice:
        """What was asked for. A value that is not on offer counts as not given; ``errors`` says which."""
        self.is_valid()
        given = {name: value for name, value in self.cleaned_data.items() if value}
        return Choice(**{"sort": DEFAULT_SORT} | given)
