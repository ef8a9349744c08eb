"""Shapes of input about people. Rules are in policies and actions."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q

from apps.core.forms import FactoryForm, FactoryModelForm

from . import zones
from .models import Invitation, OrgRole, Scope, Team, User


class ZoneField(forms.ChoiceField):
    """A time zone by region, or nothing."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=zones.choices, required=False, **kwargs)

    def offer(self, zone: str) -> None:
        """Offer ``zone`` as well: an account may hold one of the old names that the list leaves out."""
        if zone and not self.valid_value(zone):
            self.choices = [*zones.choices(), (zone, zone)]


class PersonField(forms.CharField):
    """An active person, by user name or e-mail address; the list ``people`` of the page offers some."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", "User name or e-mail address.")
        super().__init__(**kwargs)
        self.widget.attrs |= {"list": "people", "autocomplete": "off"}

    def clean(self, value: str) -> User | None:
        value = super().clean(value)
        if not value:
            return None
        found = User.objects.people().active().filter(Q(username__iexact=value) | Q(email__iexact=value)).first()
        if found is None:
            raise ValidationError("There is no active account of this name.", code="unknown_person")
        return found


class ProfileForm(FactoryForm):
    full_name = forms.CharField(max_length=150, help_text="As it should stand under what you sign.")
    job_title = forms.CharField(max_length=150, required=False)
    timezone = ZoneField(label="Time zone", help_text="Dates are shown in this zone.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["timezone"].offer(self.get_initial_for_field(self.fields["timezone"], "timezone") or "")


class EmailForm(FactoryForm):
    email = forms.EmailField(label="New e-mail address", help_text="Links to reset your password go there.")


class TokenForm(FactoryForm):
    name = forms.CharField(max_length=100, help_text="What will use it, such as “build pipeline”.")
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=Scope.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=[Scope.READ],
        help_text="Within what you may do yourself. No token signs.",
    )
    days = forms.TypedChoiceField(label="It lives for", coerce=int)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        longest, usual = settings.API_TOKEN_MAX_DAYS, settings.API_TOKEN_DAYS
        lives = sorted({days for days in (7, 30, 90, 180, 365, usual) if days <= longest})
        self.fields["days"].choices = [(days, f"{days} days") for days in lives]
        self.fields["days"].initial = usual


class PeopleFilter(FactoryForm):
    q = forms.CharField(
        label="Find", required=False, widget=forms.TextInput(attrs={"type": "search", "placeholder": "Name or e-mail"})
    )
    state = forms.ChoiceField(
        label="Account", required=False, choices=[("", "Active"), ("off", "Switched off"), ("all", "All")]
    )
    role = forms.ChoiceField(label="Organisation role", required=False, choices=[("", "Any"), *OrgRole.choices])
    team = forms.ModelChoiceField(label="Team", required=False, queryset=Team.objects.all(), empty_label="Any")

    def apply(self, people: Any) -> Any:
        """``people`` as far as they match; a filter that makes no sense is left out."""
        chosen = self.cleaned_data if self.is_valid() else getattr(self, "cleaned_data", {})
        people = people.called(chosen.get("q") or "", with_email=True)
        if (state := chosen.get("state")) != "all":
            people = people.filter(is_active=state != "off")
        if role := chosen.get("role"):
            people = people.filter(organisation_roles__role=role)
        if team := chosen.get("team"):
            people = people.filter(groups=team.group_id)
        return people


class ReasonForm(FactoryForm):
    reason = forms.CharField(max_length=1000, widget=forms.Textarea(attrs={"rows": 2}), help_text="It is kept.")


class OrgRoleForm(FactoryForm):
    role = forms.ChoiceField(label="Organisation role", choices=OrgRole.choices)
    reason = forms.CharField(max_length=1000, required=False)


class TeamForm(FactoryModelForm):
    class Meta:
        model = Team
        fields = ["name", "description"]
        widgets = {"description": forms.Textarea(attrs={"rows": 3})}

    def validate_unique(self) -> None:
        """The action looks, whatever the case of the letters."""


class MemberForm(FactoryForm):
    person = PersonField()
    reason = forms.CharField(max_length=1000, required=False)


class InvitationForm(FactoryModelForm):
    class Meta:
        model = Invitation
        fields = ["email", "full_name", "job_title", "team"]
        labels = {"email": "E-mail address"}
        help_texts = {"team": "They are in it from the start, with its roles."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["team"].empty_label = "No team"

    def validate_constraints(self) -> None:
        """The action looks, and says what to do instead."""


class AcceptForm(FactoryForm):
    username = forms.CharField(
        label="User name",
        max_length=150,
        help_text="You sign in with it. Letters, digits and @ . + - _",
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
    )
    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        strip=False,
        help_text="At least 10 characters, not a common word and not only digits.",
    )
    password_again = forms.CharField(
        label="The same password again",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        strip=False,
    )
    timezone = ZoneField(label="Time zone", help_text="Dates are shown in this zone.")

    def clean(self) -> dict[str, Any]:
        content = super().clean() or self.cleaned_data
        if content.get("password") and content["password"] != content.get("password_again"):
            self.add_error("password_again", "The two passwords differ.")
        return content
