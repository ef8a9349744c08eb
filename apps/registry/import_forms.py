from typing import Any

from django import forms

from apps.core.forms import FactoryForm

from .import_actions import too_large
from .import_reading import profiles
from .importing.profiles import Profile
from .importing.reading import Table
from .models import ImportRow

ENDINGS = (".csv", ".tsv", ".txt", ".xlsx")
NO_COLUMN = ""


class UploadForm(FactoryForm):
    file = forms.FileField(
        label="Inventory file",
        help_text="CSV or .xlsx, one row per AI system, headings in the first row.",
        widget=forms.ClearableFileInput(attrs={"accept": ",".join(ENDINGS)}),
    )
    profile = forms.ChoiceField(
        label="Profile",
        required=False,
        help_text="How the columns are read. You see the result before anything is imported.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["profile"].choices = [  # type: ignore[attr-defined]
            ("", "Choose by the headings of the file"),
            *((profile.key, profile.title) for profile in profiles().values()),
        ]

    def clean_file(self) -> Any:
        from django.conf import settings

        file = self.cleaned_data["file"]
        if not file.name.lower().endswith(ENDINGS):
            raise forms.ValidationError("Choose a .csv or .xlsx file; other kinds cannot be read.", code="ending")
        if file.size > settings.IMPORT_MAX_BYTES:
            raise forms.ValidationError(str(too_large(file.size)), code="size")
        return file


class ProfileForm(FactoryForm):
    profile = forms.ChoiceField(label="Profile")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["profile"].choices = [(p.key, p.title) for p in profiles().values()]  # type: ignore[attr-defined]


class MappingForm(FactoryForm):
    """Which column of the file is which column of the profile."""

    def __init__(self, *args: Any, used: Profile, table: Table, mapping: dict[str, int | None], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        columns = [(str(n), table.header_label(n)) for n in range(len(table.headers))]
        for column in used.columns:
            index = mapping.get(column.key)
            self.fields[f"column_{column.key}"] = forms.ChoiceField(
                label=column.label,
                required=column.required,
                choices=[(NO_COLUMN, "Not in this file"), *columns],
                initial=NO_COLUMN if index is None else str(index),
                help_text=self._use(used, column.key),
                error_messages={"required": "This profile needs it. Choose the column, or another profile."},
            )
            self.columns = {**self.columns, f"column_{column.key}": 6}

    @staticmethod
    def _use(profile: Profile, key: str) -> str:
        uses = [f"Gives {label}." for label in profile.fields_fed_by(key)]
        if key in profile.identity:
            uses.append("Part of what tells which system a row is about.")
        if key in profile.tell_apart:
            uses.append("Tells rows of one name apart.")
        if key in profile.checked_dates:
            uses.append("Only checked for dates.")
        return " ".join(uses)

    def mapping(self) -> dict[str, int | None]:
        """The chosen columns, ``None`` where the file has none."""
        return {
            name.removeprefix("column_"): int(value) if value else None for name, value in self.cleaned_data.items()
        }


class RowFilterForm(forms.Form):
    outcome = forms.ChoiceField(
        label="Outcome", required=False, choices=[("", "All outcomes"), *ImportRow.Outcome.choices]
    )
    note = forms.ChoiceField(
        label="Warnings", required=False, choices=[("", "With or without"), ("yes", "With warnings")]
    )
    q = forms.CharField(label="Name or reason", required=False, widget=forms.SearchInput())
