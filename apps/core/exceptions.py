"""The two ways an action says no, and how a rule becomes a yes/no question for a button."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied


class NotAllowed(PermissionDenied):
    """This person may not do this. The text says why; ``help`` says who can."""

    def __init__(self, message: str, *, help: str = "") -> None:
        super().__init__(message)
        self.help = help


class RuleViolation(Exception):
    """The state does not allow this now. Text fit for people: 409 in the API, a form error on a page."""

    def __init__(self, message: str, *, code: str = "rule_violation", help: str = "", field: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.help = help
        self.field = field


class StaleObject(RuleViolation):
    """Somebody changed the object since the caller read it: 412 in the API, 409 on a page."""

    def __init__(self, message: str = "", **kwargs: Any) -> None:
        super().__init__(
            message or "Somebody else changed this while you were looking at it. Nothing of yours was saved.",
            code="stale_object",
            **kwargs,
        )


class NotReady(Exception):
    """The service cannot tell right now. Never a yes: 503 in the API, exit code 2 on the command line."""


def as_predicate(check: Callable[..., None]) -> Callable[..., bool]:
    """Turn a check that raises into a question that answers, for buttons and lists."""

    @wraps(check)
    def predicate(*args: Any, **kwargs: Any) -> bool:
        try:
            check(*args, **kwargs)
        except (PermissionDenied, RuleViolation):
            return False
        return True

    return predicate
