from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from apps.accounts.models import Team, User
from apps.core.forms import FactoryForm, FactoryModelForm

from .models import AISystem, BusinessFunction, ModelVersion, Phase, RegisteredModel
from .policies import DEPUTYSHIP_MAX
from .roles import Role


class PersonField(forms.ModelChoiceField):
    """An active person, by name; the address tells namesakes apart."""

    def __init__(self, **kwargs: Any) -> None:
        people = User.objects.filter(is_active=True).order_by("full_name", "username")
        super().__init__(people, empty_label="Choose a person", **kwargs)

    def label_from_instance(self, user: Any) -> str:
        return f"{user.get_full_name()} ({user.username})"


class TeamField(forms.ModelChoiceField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(Team.objects.order_by("name"), empty_label="Choose a team", **kwargs)


def reason_field(label: str = "Reason", help_text: str = "", *, required: bool = True) -> forms.CharField:
    return forms.CharField(
        label=label, required=required, help_text=help_text, max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )


LONG = {"rows": 3}


def same_text(one: Any, other: Any) -> bool:
    """Whether two values read the same: browsers send other line ends than an import kept, and forms strip spaces."""
    if isinstance(one, str) and isinstance(other, str):
        return plain_lines(one).strip() == plain_lines(other).strip()
    return bool(one == other)


def plain_lines(text: Any) -> Any:
    return text.replace("\r\n", "\n") if isinstance(text, str) else text


def stated_values(form: Any, instance: Any, names: list[str]) -> dict[str, Any]:
    """What a form says, with the stored value wherever nothing but white space would differ."""
    values = {}
    for name in names:
        stored, typed = getattr(instance, name), form.cleaned_data[name]
        values[name] = stored if same_text(stored, typed) else plain_lines(typed)
    return values


class SystemForm(FactoryModelForm):
    """The facts of a system."""

    fieldsets = [
        ("What it is", ["name", "purpose"]),
        ("Where it belongs", ["business_function", "unit", "started_on"]),
        ("People", ["intended_users", "affected_people", "fallback"]),
        ("When it ends", ["retirement_reason", "data_plan"]),
    ]
    columns = {"business_function": 6, "unit": 6, "started_on": 6}
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = AISystem
        fields = [
            "name",
            "purpose",
            "business_function",
            "unit",
            "started_on",
            "intended_users",
            "affected_people",
            "fallback",
            "retirement_reason",
            "data_plan",
        ]
        widgets = {
            "purpose": forms.Textarea(attrs=LONG),
            "intended_users": forms.Textarea(attrs=LONG),
            "affected_people": forms.Textarea(attrs=LONG),
            "fallback": forms.Textarea(attrs=LONG),
            "retirement_reason": forms.Textarea(attrs=LONG),
            "data_plan": forms.Textarea(attrs=LONG),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["business_function"].choices = [("", "Not stated"), *BusinessFunction.choices]  # type: ignore[attr-defined]
        self.initial.setdefault("version", self.instance.version)

    def facts(self) -> dict[str, Any]:
        return stated_values(self, self.instance, self.Meta.fields)

    def _post_clean(self) -> None:
        # The action writes what it has locked and re-read; the instance of the page stays as it was read.
        pass


class RegisterForm(FactoryForm):
    """Name and purpose; the rest may come later. ``confirmed`` is the name whose likely duplicates were seen."""

    basic = ["name", "purpose"]
    columns = {"business_function": 6, "unit": 6, "phase": 6, "owner": 6}
    name = forms.CharField(max_length=400, help_text="What people here call it.")
    purpose = forms.CharField(
        widget=forms.Textarea(attrs=LONG), help_text="What it does, for whom, and what gets better."
    )
    business_function = forms.ChoiceField(choices=[("", "Not stated"), *BusinessFunction.choices], required=False)
    unit = forms.CharField(label="Organisational unit", max_length=300, required=False)
    intended_users = forms.CharField(widget=forms.Textarea(attrs=LONG), required=False, help_text="Who works with it.")
    affected_people = forms.CharField(
        widget=forms.Textarea(attrs=LONG), required=False, help_text="Who is affected by what it puts out, and how."
    )
    fallback = forms.CharField(
        label="Named fallback",
        widget=forms.Textarea(attrs=LONG),
        required=False,
        help_text="What people do when it is switched off, and who decides to switch.",
    )
    phase = forms.ChoiceField(
        choices=Phase.choices,
        initial=Phase.IDEA,
        required=False,
        help_text="Where it stands today, if it ran before it was registered. No gate is asked for that.",
    )
    owner = PersonField(required=False, help_text="You, if you leave this open.")
    confirmed = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, office: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not office:
            del self.fields["phase"], self.fields["owner"]

    def details(self) -> list[Any]:
        return [field for field in self.visible_fields() if field.name not in self.basic]

    @property
    def has_open_details(self) -> bool:
        """Something of the folded part is filled in or wrong, so it is shown unfolded."""
        return any(
            field.errors or (self.is_bound and field.data and field.data != Phase.IDEA) for field in self.details()
        )

    def facts(self) -> dict[str, Any]:
        facts = {name: plain_lines(value) for name, value in self.cleaned_data.items() if name != "confirmed"}
        if "phase" in facts:
            facts["phase"] = facts["phase"] or Phase.IDEA
        return facts


NOT_ASSESSED = "none"


class TierForm(FactoryForm):
    tier = forms.TypedChoiceField(
        label="Risk tier",
        choices=[
            ("1", "Tier 1: the strictest rules"),
            ("2", "Tier 2"),
            ("3", "Tier 3: the lightest rules"),
            (NOT_ASSESSED, "Not assessed: counts as tier 1"),
        ],
        coerce=lambda value: None if value == NOT_ASSESSED else int(value),
        widget=forms.RadioSelect,
    )
    reason = reason_field("What it rests on", "The assessment, its date, or who decided.")
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)


# --- People ----------------------------------------------------------------------------------------------------------


class HolderForm(FactoryForm):
    """A role for one person or one team."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and bool(cleaned.get("user")) == bool(cleaned.get("team")):
            self.add_error("user", "Choose one person or one team.")
        return cleaned


class GrantForm(HolderForm):
    columns = {"user": 6, "team": 6}
    role = forms.ChoiceField(choices=[("", "Choose a role"), *Role.choices])
    user = PersonField(label="Person", required=False)
    team = TeamField(label="Or a team", required=False)
    reason = reason_field(required=False)


class OwnerForm(FactoryForm):
    user = PersonField(label="New owner")
    reason = reason_field(help_text="It stays on record.")


class ReasonForm(FactoryForm):
    reason = reason_field(help_text="It stays on record.")


class DeputyForm(FactoryForm):
    """Whole days: from the beginning of the first (now, if that is today) to the end of the last."""

    columns = {"principal_role": 6, "deputy": 6, "starts_on": 6, "ends_on": 6}
    principal_role = forms.ChoiceField(label="Whose role")
    deputy = PersonField(label="Who stands in")
    starts_on = forms.DateField(label="From", widget=forms.DateInput)
    ends_on = forms.DateField(
        label="To, that day included", widget=forms.DateInput, help_text=f"At most {DEPUTYSHIP_MAX.days} days."
    )
    reason = reason_field(help_text="Holiday, illness, ...")
    # What the action calls them, so that a refusal lands beside the field people filled in.
    named = {"starts_at": "starts_on", "ends_at": "ends_on", "role": "principal_role", "principal": "principal_role"}

    def __init__(self, *args: Any, held: list[tuple[Any, str]], **kwargs: Any) -> None:
        """``held``: the people and roles that may get a deputy."""
        super().__init__(*args, **kwargs)
        self._held = {f"{person.pk}:{role}": (person, role) for person, role in held}
        self.fields["principal_role"].choices = [  # type: ignore[attr-defined]
            ("", "Choose a person and their role"),
            *((key, f"{person}, {Role(role).label.lower()}") for key, (person, role) in self._held.items()),
        ]
        today = timezone.localdate()
        self.initial.setdefault("starts_on", today)
        self.initial.setdefault("ends_on", today + timedelta(days=14))

    def terms(self) -> dict[str, Any]:
        """What ``appoint_deputy`` takes."""
        principal, role = self._held[self.cleaned_data["principal_role"]]
        first, last = self.cleaned_data["starts_on"], self.cleaned_data["ends_on"]
        starts_at = timezone.make_aware(datetime.combine(first, time.min))
        if first == timezone.localdate():
            starts_at = timezone.now()
        return {
            "principal": principal,
            "role": role,
            "deputy": self.cleaned_data["deputy"],
            "starts_at": starts_at,
            "ends_at": timezone.make_aware(datetime.combine(last + timedelta(days=1), time.min)),
            "reason": self.cleaned_data["reason"],
        }


class BulkFilterForm(FactoryForm):
    """Which systems a bulk assignment is about."""

    q = forms.CharField(label="Search", required=False, max_length=200)
    phase = forms.ChoiceField(choices=[("", "All phases"), *Phase.choices], required=False)
    unit = forms.CharField(label="Organisational unit", required=False, max_length=300)
    without = forms.ChoiceField(
        label="Nobody is", choices=[("", "Any"), *((value, label) for value, label in Role.choices)], required=False
    )

    def systems(self) -> Any:
        """Chosen by what was filled in; everything while the form is wrong."""
        systems = AISystem.objects.all()
        if not self.is_valid():
            return systems
        chosen = self.cleaned_data
        if chosen["q"]:
            systems = systems.matching(chosen["q"])
        if chosen["phase"]:
            systems = systems.filter(phase=chosen["phase"])
        if chosen["unit"]:
            systems = systems.filter(unit__icontains=chosen["unit"])
        if chosen["without"]:
            systems = systems.lacking(chosen["without"])
        return systems


class BulkForm(HolderForm):
    columns = {"user": 6, "team": 6}
    role = forms.ChoiceField(choices=[("", "Choose a role"), *Role.choices])
    user = PersonField(label="Person", required=False)
    team = TeamField(label="Or a team", required=False)
    reason = reason_field(help_text="It stays on record with each system.")
    every = forms.BooleanField(label="Every system that matches, not only the ticked ones", required=False)


# --- Models ----------------------------------------------------------------------------------------------------------


class ModelForm(FactoryModelForm):
    class Meta:
        model = RegisteredModel
        fields = ["name", "description"]
        widgets = {"description": forms.Textarea(attrs={"rows": 2})}
        help_texts = {"name": "One name for the whole organisation, such as claims-triage-classifier."}

    def _post_clean(self) -> None:
        pass  # the action checks


class VersionForm(FactoryModelForm):
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = ModelVersion
        fields = ["artefact_digest", "source", "description"]
        labels = {"artefact_digest": "Digest of the artefact"}
        help_texts = {
            "artefact_digest": "SHA-256 of the file or image that is deployed, 64 hexadecimal digits.",
            "source": "Where the artefact is kept.",
        }
        widgets = {"description": forms.Textarea(attrs={"rows": 2})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.setdefault("version", self.instance.version)

    def values(self) -> dict[str, str]:
        return stated_values(self, self.instance, self.Meta.fields)

    def _post_clean(self) -> None:
        pass  # the action checks


class UseOtherForm(FactoryForm):
    """A version of another system's model, by name and number."""

    columns = {"model": 8, "number": 4}
    model = forms.CharField(label="Name of the model", max_length=256)
    number = forms.IntegerField(label="Version", min_value=1)
    purpose = forms.CharField(label="What for", max_length=200, required=False)
