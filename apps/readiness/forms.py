"""What people type into the readiness room. Whether it may be done is decided by the actions."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from apps.accounts.models import User
from apps.core.forms import FactoryForm
from apps.registry.models import AISystem, ModelVersion, Phase, RoleAssignment
from apps.registry.roles import DELIVERY_ROLES

from .models import Evidence, EvidenceKind, SignOff

CONDITION_ROWS = 5
# What each kind of evidence shows of itself; the others are hidden by the style sheet while it is chosen.
FIELDS_OF_KIND: dict[str, set[str]] = {
    EvidenceKind.DOCUMENT: {"upload"},
    EvidenceKind.LINK: {"url"},
    EvidenceKind.TICKET: {"url", "reference"},
    EvidenceKind.TEST_RUN: {"url", "reference", "upload"},
    EvidenceKind.ATTESTATION: set(),
    EvidenceKind.PROBE: {"url", "reference", "upload"},
}


def people_of(system: AISystem, *roles: str) -> Any:
    """Active people with a role on ``system`` (one of ``roles``, if any are named), their own or through a team."""
    assigned = RoleAssignment.objects.filter(system=system)
    if roles:
        assigned = assigned.filter(role__in=roles)
    return (
        User.objects.filter(
            Q(pk__in=assigned.values("user_id")) | Q(groups__team__in=assigned.values("team_id")), is_active=True
        )
        .distinct()
        .order_by("full_name", "pk")
    )


def text_area(rows: int = 3, **attrs: Any) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows, **attrs})


class OneOfMany(FactoryForm):
    """A form that shares its page with others: ``ids`` keeps the ids of their fields apart, the names stay plain."""

    ids = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if self.ids:
            kwargs.setdefault("auto_id", f"{self.ids}_%s")
        super().__init__(*args, **kwargs)


class VersionedForm(OneOfMany):
    """A form about a row that others may change meanwhile: it carries the version that was read."""

    version = forms.IntegerField(widget=forms.HiddenInput)


# --- Reviews ----------------------------------------------------------------------------------------------------------


class OpenReviewForm(FactoryForm):
    phase = forms.ChoiceField(
        label="Which phase is it for?", help_text="Only the items this phase asks for can hold it up."
    )
    versions = forms.ModelMultipleChoiceField(
        queryset=ModelVersion.objects.none(),
        label="Which model versions does it look at?",
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="Leave all as they are to review what the system uses now.",
    )

    def __init__(self, *args: Any, phases: Sequence[str], versions: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["phase"].choices = [(phase, Phase(phase).label) for phase in phases]
        self.fields["versions"].queryset = versions
        if not versions:
            del self.fields["versions"]


class VersionsForm(VersionedForm):
    versions = forms.ModelMultipleChoiceField(
        queryset=ModelVersion.objects.none(),
        label="Model versions this review looks at",
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )

    def __init__(self, *args: Any, versions: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["versions"].queryset = versions


class CloseReviewForm(VersionedForm):
    reason = forms.CharField(
        label="Why is it closed?", widget=text_area(2), help_text="For example: a newer review takes its place."
    )


# --- Items ------------------------------------------------------------------------------------------------------------


class AnswerForm(VersionedForm):
    ids = "answer"
    answer = forms.CharField(
        label="How is this fulfilled?",
        widget=text_area(5),
        help_text="A few plain sentences: what is in place, since when, and what the evidence shows.",
    )


class NotApplicableForm(VersionedForm):
    ids = "aside"
    condition = forms.ChoiceField(label="Which exception holds?", widget=forms.RadioSelect)
    reason = forms.CharField(
        label="Why does it hold here?",
        widget=text_area(3),
        help_text="Somebody else reads this and decides. It has to be looked at again after the time named above.",
    )

    def __init__(self, *args: Any, conditions: Sequence[dict[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["condition"].choices = [
            (row["key"], f"{row['title']}. {row['effect']} Looked at again after {row['expires_days']} days.")
            for row in conditions
        ]


class AssignForm(VersionedForm):
    ids = "assign"
    assigned_to = forms.ModelChoiceField(queryset=User.objects.none(), required=False, empty_label="Nobody")
    due_on = forms.DateField(label="Due", required=False)
    columns = {"assigned_to": 7, "due_on": 5}

    def __init__(self, *args: Any, system: AISystem, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["assigned_to"].queryset = people_of(system, *DELIVERY_ROLES)


class VerifyForm(VersionedForm):
    ids = "verify"
    note = forms.CharField(
        label="What did you look at?",
        widget=text_area(2),
        required=False,
        help_text="One sentence helps whoever signs.",
    )
    valid_until = forms.DateField(
        label="Look again on", required=False, help_text="Leave it empty for the longest time the checklist allows."
    )


class RejectForm(VersionedForm):
    ids = "reject"
    note = forms.CharField(
        label="What is missing?", widget=text_area(2), help_text="The person who answered gets these words."
    )


class ReasonForm(FactoryForm):
    reason = forms.CharField(label="Why?", widget=text_area(2))


class VersionedReasonForm(VersionedForm):
    ids = "reopen"
    reason = forms.CharField(label="Why?", widget=text_area(2))


class CommentForm(OneOfMany):
    ids = "comment"
    text = forms.CharField(label="Add to the discussion", widget=text_area(2), max_length=5000)


# --- Evidence ---------------------------------------------------------------------------------------------------------


class EvidenceFactsForm(OneOfMany):
    """What is said about evidence, apart from the file."""

    title = forms.CharField(max_length=200, help_text="What it is, so that a reader knows before opening it.")
    url = forms.URLField(label="Address", max_length=1000, required=False, assume_scheme="https")
    reference = forms.CharField(
        max_length=200, required=False, help_text="Ticket number, commit, or number of the run."
    )
    effective_on = forms.DateField(
        label="It shows how things stood on", help_text="The day of the test or of the approval, not of the upload."
    )
    valid_until = forms.DateField(label="Counts until", required=False, help_text="Leave it empty if it has no end.")
    note = forms.CharField(
        label="Note", widget=text_area(2), required=False, help_text="For an attestation: the exact words."
    )
    columns = {"effective_on": 6, "valid_until": 6}


class EvidenceForm(EvidenceFactsForm):
    ids = "evidence"
    kind = forms.ChoiceField(label="What do you have?", choices=EvidenceKind.choices, widget=forms.RadioSelect)
    upload = forms.FileField(label="File", required=False)
    field_order = ["kind", "upload", "title", "url", "reference", "effective_on", "valid_until", "note"]

    def __init__(self, *args: Any, kinds: Sequence[tuple[str, str]] | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {})
        choices = list(kinds or EvidenceKind.choices)
        kwargs["initial"] = {"kind": choices[0][0], "effective_on": timezone.localdate(), **kwargs["initial"]}
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = choices
        limit = filesizeformat(settings.EVIDENCE_MAX_BYTES)
        self.fields["upload"].help_text = f"PDF, Office, text, picture or data file, at most {limit}."

    def clean(self) -> dict[str, Any]:
        # What was typed before the person chose another kind is not sent on unseen.
        values = super().clean() or {}
        shown = FIELDS_OF_KIND.get(values.get("kind", ""), set())
        for name in {"upload", "url", "reference"} - shown:
            values[name] = None if name == "upload" else ""
        return values


class EvidenceChangeForm(EvidenceFactsForm):
    version = forms.IntegerField(widget=forms.HiddenInput)


class EvidenceFilter(forms.Form):
    """What the list of a system's evidence shows."""

    q = forms.CharField(
        label="Search",
        required=False,
        max_length=200,
        widget=forms.SearchInput(attrs={"placeholder": "Title, file, digest"}),
    )
    kind = forms.ChoiceField(choices=[("", "Any kind"), *EvidenceKind.choices], required=False)
    state = forms.ChoiceField(
        choices=[
            ("", "All"),
            ("valid", "Counts now"),
            ("ending", "Runs out within 30 days"),
            ("expired", "Has run out"),
            ("withdrawn", "Withdrawn"),
        ],
        required=False,
    )


class AttachForm(OneOfMany):
    ids = "attach"
    evidence = forms.ModelChoiceField(
        queryset=Evidence.objects.none(), to_field_name="uid", empty_label="Choose what is already here"
    )

    def __init__(self, *args: Any, evidence: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["evidence"].queryset = evidence


# --- Signatures -------------------------------------------------------------------------------------------------------


class SignForm(FactoryForm):
    """
    A signature: what it means, under which conditions, and the proof that it is you.

    ``digest`` and ``seen`` tell what was on the screen; the two statements are the words beside the two decisions.
    """

    digest = forms.CharField(widget=forms.HiddenInput)
    seen = forms.JSONField(widget=forms.HiddenInput)
    approval_statement = forms.CharField(widget=forms.HiddenInput)
    rejection_statement = forms.CharField(widget=forms.HiddenInput)
    meaning = forms.ChoiceField(label="Your decision", choices=SignOff.Meaning.choices, widget=forms.RadioSelect)
    comment = forms.CharField(label="Comment", widget=text_area(2), required=False, max_length=5000)
    password = forms.CharField(
        label="Your password",
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        strip=False,
        help_text="Once more, because it is part of this signature.",
    )
    code = forms.CharField(
        label="Code of your authenticator app",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )

    def __init__(self, *args: Any, people: Any, needs_code: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not needs_code:
            del self.fields["code"]
        names = [("", "Choose a person"), *((user.pk, str(user)) for user in people)]
        self._people = {user.pk: user for user in people}
        for number in range(1, CONDITION_ROWS + 1):
            self._add_condition(number, names)

    def _add_condition(self, number: int, names: list[tuple[Any, str]]) -> None:
        self.fields[f"condition_{number}"] = forms.CharField(
            label="What has to happen",
            required=False,
            max_length=2000,
            # The blank placeholder lets the style sheet tell an empty row from a filled one.
            widget=forms.Textarea(attrs={"rows": 2, "placeholder": " "}),
        )
        self.fields[f"condition_{number}_owner"] = forms.TypedChoiceField(
            label="Who sees to it", choices=names, coerce=int, empty_value=None, required=False
        )
        self.fields[f"condition_{number}_due"] = forms.DateField(
            label="Until when", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
        )

    def condition_rows(self) -> list[dict[str, Any]]:
        """The bound fields of each condition, for laying them out."""
        return [
            {
                "number": number,
                "text": self[f"condition_{number}"],
                "owner": self[f"condition_{number}_owner"],
                "due": self[f"condition_{number}_due"],
            }
            for number in range(1, CONDITION_ROWS + 1)
        ]

    @property
    def has_conditions(self) -> bool:
        """Whether anything was stated, so that the page keeps the rows open."""
        return self.is_bound and any(self.data.get(f"condition_{n}", "") for n in range(1, CONDITION_ROWS + 1))

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for number in range(1, CONDITION_ROWS + 1):
            self._check_condition(number, values)
        return values

    def _check_condition(self, number: int, values: dict[str, Any]) -> None:
        name = f"condition_{number}"
        text, owner, due = values.get(name), values.get(f"{name}_owner"), values.get(f"{name}_due")
        if not any([text, owner, due]):
            return
        if not text and name not in self.errors:
            self.add_error(name, f"Say what condition {number} asks for.")
        if not owner and f"{name}_owner" not in self.errors:
            self.add_error(f"{name}_owner", f"Name one person for condition {number}.")
        if not due and f"{name}_due" not in self.errors:
            self.add_error(f"{name}_due", f"Name a day for condition {number}.")
        elif due and due < timezone.localdate():
            self.add_error(f"{name}_due", f"The day of condition {number} has passed.")

    @property
    def statement(self) -> str:
        """The words that belong to the decision taken."""
        return self.cleaned_data[f"{self.cleaned_data['meaning']}_statement"]

    def stated_conditions(self) -> list[dict[str, Any]]:
        """The filled rows, as the action takes them."""
        return [
            {
                "text": self.cleaned_data[f"condition_{n}"],
                "owner": self._people[self.cleaned_data[f"condition_{n}_owner"]],
                "due_on": self.cleaned_data[f"condition_{n}_due"],
            }
            for n in range(1, CONDITION_ROWS + 1)
            if self.cleaned_data.get(f"condition_{n}")
        ]

    def clean_seen(self) -> dict[str, int]:
        seen = self.cleaned_data["seen"]
        if not isinstance(seen, dict) or not all(isinstance(value, int) for value in seen.values()):
            raise ValidationError("The page was not sent back as it was. Reload it and sign again.")
        return seen


class CompleteConditionForm(VersionedForm):
    note = forms.CharField(
        label="How is it fulfilled?", widget=text_area(2), help_text="Who looks at this later reads only these words."
    )
