"""What awaits a person in the readiness room."""

from typing import Any

from apps.core.work import WorkItem


def work_for(user: Any) -> list[WorkItem]:
    """Everything ``user`` can do now in reviews, most blocking first, with a fixed number of queries."""
    raise NotImplementedError
