"""Who may look at imports. Who may import is in ``policies`` with the other rights."""

from typing import Any

from apps.core.exceptions import NotAllowed, as_predicate


def check_can_see_imports(*, user: Any) -> None:
    """:raises NotAllowed: ``user`` does not see the whole portfolio, which a report of an import shows."""
    if not user.is_authenticated or not user.sees_everything:
        raise NotAllowed(
            "Only people who see the whole portfolio can look at imports.",
            help="Ask the governance office or an administrator for what you need to know.",
        )


can_see_imports = as_predicate(check_can_see_imports)
