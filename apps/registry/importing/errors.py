"""What an import refuses as a whole, and the sizes it accepts."""

from apps.core.exceptions import RuleViolation

MAX_ROWS = 50_000
MAX_COLUMNS = 500


class UnreadableFile(RuleViolation):
    """Nothing can be read from this file; the text says why and what to do about it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="unreadable_file", field="file")


class UnusableProfile(RuleViolation):
    """A profile does not say what it must, or does not fit the file; the text names the place."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="unusable_profile", field="profile")


def check_size(row: int, columns: int) -> None:
    """
    Whether a table may go on at ``row`` with this many ``columns``.

    :raises UnreadableFile: it may not.
    """
    if row > MAX_ROWS + 1:
        raise UnreadableFile(
            f"The file has more than {MAX_ROWS:,} rows. Split it into several files, or delete what is below the table."
        )
    if columns > MAX_COLUMNS:
        raise UnreadableFile(
            f"Row {row} has {columns:,} columns; at most {MAX_COLUMNS} can be read. "
            "Check the separator, or delete what is to the right of the table."
        )
