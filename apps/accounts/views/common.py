"""What the pages about people share."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import HttpRequest, HttpResponse

from apps.accounts import policies
from apps.core.exceptions import RuleViolation
from apps.core.forms import add_refusal

View = Callable[..., HttpResponse]
OK, INVALID, REFUSED = 200, 422, 409


def office_required(view: View) -> View:
    """Let the governance office and administrators pass; others read who to ask."""

    @login_required
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        policies.check_can_manage_people(user=request.user)
        return view(request, *args, **kwargs)

    return guarded


def attempt(form: forms.BaseForm, act: Callable[[], Any]) -> int:
    """Do ``act`` with a valid form; the status of the answer, with what went wrong as errors of the form."""
    if not form.is_valid():
        return INVALID
    try:
        act()
    except RuleViolation as error:
        add_refusal(form, error)
        return REFUSED
    except ValidationError as error:
        _add_errors(form, error)
        return INVALID
    return OK


def _add_errors(form: forms.BaseForm, error: ValidationError) -> None:
    by_field = error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.messages}
    for name, messages in by_field.items():
        for message in messages:
            form.add_error(name if name in form.fields else None, message)
