from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from apps.core.forms import FactoryForm

MAX_AHEAD = timedelta(days=3 * 366)


class AskForm(FactoryForm):
    """For which day, and which model version, the gate is asked."""

    at = forms.DateField(
        label="On which day", required=False, help_text="A later day shows what will have run out by then."
    )
    version = forms.CharField(label="Model version", required=False, help_text="As model/number, for example fraud/3.")

    def clean_at(self) -> datetime | None:
        return future_instant(self.cleaned_data["at"])


def future_instant(day: date | None) -> datetime | None:
    """
    The end of ``day`` as an instant, none for today.

    :raises ValidationError: the day has passed, or is more than three years away.
    """
    if day is None or day == timezone.localdate():
        return None
    if day < timezone.localdate():
        raise ValidationError(
            "That day has passed. The gate answers for today and later; the history shows what was decided before."
        )
    if day > timezone.localdate() + MAX_AHEAD:
        raise ValidationError("Choose a day within the next three years.")
    return datetime.combine(day, time(23, 59, 59), tzinfo=timezone.get_current_timezone()).astimezone(UTC)


class WaiverForm(FactoryForm):
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Why this cannot be met now, and why going on is right all the same.",
    )
    compensating_control = forms.CharField(
        label="What protects people meanwhile",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The measure that stands in for the requirement.",
    )
    expires_on = forms.DateField(label="Last day of the waiver")


class WaiverDecisionForm(FactoryForm):
    version = forms.IntegerField(widget=forms.HiddenInput)
    note = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}), required=False, help_text="Needed when you refuse."
    )


class ReasonForm(FactoryForm):
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}))


class ResumeForm(FactoryForm):
    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text="Your password again: it is part of this signature.",
    )

    def __init__(self, *args: Any, needs_code: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if needs_code:
            self.fields["code"] = forms.CharField(
                label="Code of your authenticator app",
                widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
            )
