"""How every form looks and speaks: our classes, optional fields marked, an error summary that leads to the fields."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.forms.renderers import TemplatesSetting

BOXES = (forms.CheckboxInput, forms.RadioSelect, forms.CheckboxSelectMultiple)


class FactoryBoundField(BoundField):
    """A field that carries our classes, whatever form it is in, third-party forms included."""

    def build_widget_attrs(self, attrs: dict[str, Any], widget: forms.Widget | None = None) -> dict[str, Any]:
        widget = widget or self.field.widget
        attrs = super().build_widget_attrs(attrs, widget)
        if widget.is_hidden:
            return attrs
        names = [attrs.get("class") or widget.attrs.get("class") or "", self._control_class(widget)]
        if self.errors:
            names.append("is-invalid")
        return {**attrs, "class": " ".join(name for name in names if name)}

    def _control_class(self, widget: forms.Widget) -> str:
        if isinstance(widget, BOXES):
            return "form-check-input"
        return "form-select" if isinstance(widget, forms.Select) else "form-control"

    @property
    def is_box(self) -> bool:
        """A single tick box, whose label stands after it."""
        return isinstance(self.field.widget, forms.CheckboxInput)

    @property
    def first_id(self) -> str:
        """Where the error summary leads: the control itself, or the first of a group."""
        return self.id_for_label or f"{self.auto_id}_0"

    @property
    def column_class(self) -> str:
        width = getattr(self.form, "columns", {}).get(self.name, 12)
        return f"col-12 col-md-{width}" if width != 12 else "col-12"


class FactoryRenderer(TemplatesSetting):
    """Django's own rendering, from templates/django/forms and with our bound field."""

    bound_field_class = FactoryBoundField


class DayInput(forms.DateInput):
    """The date picker of the browser, which only understands ISO dates."""

    input_type = "date"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%d")


class MomentInput(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs, format="%Y-%m-%dT%H:%M")


PICKERS = {forms.DateInput: DayInput, forms.DateTimeInput: MomentInput}


class Fieldset:
    """A group of fields under one legend."""

    def __init__(self, legend: str, fields: list[BoundField]) -> None:
        self.legend = legend
        self.fields = fields


class FactoryFormMixin:
    """
    What our own forms share.

    ``fieldsets`` groups fields under legends, fields it does not name come last; ``columns`` gives a field less than
    the full width, in twelfths.
    """

    fieldsets: list[tuple[str, list[str]]] = []
    columns: dict[str, int] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
        for field in self.fields.values():  # type: ignore[attr-defined]
            if picker := PICKERS.get(type(field.widget)):
                field.widget = picker(field.widget.attrs)
                field.widget.is_required = field.required

    def grouped(self) -> Iterator[Fieldset]:
        """The visible fields in the order of ``fieldsets``."""
        visible = {bound.name: bound for bound in self.visible_fields()}  # type: ignore[attr-defined]
        for legend, names in self.fieldsets:
            yield Fieldset(legend, [visible.pop(name) for name in names if name in visible])
        if visible:
            yield Fieldset("", list(visible.values()))


class FactoryForm(FactoryFormMixin, forms.Form):
    pass


class FactoryModelForm(FactoryFormMixin, forms.ModelForm):
    pass


def add_refusal(form: forms.BaseForm, error: Exception) -> None:
    """Show what an action refused as an error of the form, beside the field it names if there is one."""
    field = getattr(error, "field", "") or None
    words = " ".join(filter(None, [str(error), getattr(error, "help", "")]))
    form.add_error(field if field in form.fields else None, words)
