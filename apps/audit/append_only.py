"""
Append-only tables by database trigger, on PostgreSQL and SQLite.

Used in migrations as ``AppendOnly("audit_entry")``. On PostgreSQL row triggers stop UPDATE and DELETE and a statement
trigger stops TRUNCATE (row triggers do not fire for it). On SQLite a third trigger stops an INSERT over an existing
key, because REPLACE and upsert delete without firing DELETE triggers.
"""

from collections.abc import Iterable
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation

_FUNCTION = """
CREATE OR REPLACE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
"""


def create_sql(vendor: str, table: str, pk: str = "id") -> list[str]:
    """The statements that make ``table`` append-only."""
    if vendor == "postgresql":
        return [
            _FUNCTION,
            f'CREATE TRIGGER append_only_row BEFORE UPDATE OR DELETE ON "{table}" '
            "FOR EACH ROW EXECUTE FUNCTION audit_refuse_change()",
            f'CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON "{table}" '
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change()",
            f'ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER append_only_row',
            f'ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER append_only_truncate',
        ]
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    return [
        f'CREATE TRIGGER "{table}_no_update" BEFORE UPDATE ON "{table}" {refuse}',
        f'CREATE TRIGGER "{table}_no_delete" BEFORE DELETE ON "{table}" {refuse}',
        f'CREATE TRIGGER "{table}_no_replace" BEFORE INSERT ON "{table}" '  # noqa: S608 - names from our migrations
        f'WHEN NEW."{pk}" IS NOT NULL AND EXISTS (SELECT 1 FROM "{table}" WHERE "{pk}" = NEW."{pk}") {refuse}',
    ]


def drop_sql(vendor: str, table: str) -> list[str]:
    """The statements that take the protection of ``table`` away again (a reversed migration, a test's clean-up)."""
    if vendor == "postgresql":
        return [
            f'DROP TRIGGER IF EXISTS append_only_row ON "{table}"',
            f'DROP TRIGGER IF EXISTS append_only_truncate ON "{table}"',
        ]
    return [f'DROP TRIGGER IF EXISTS "{table}_no_{what}"' for what in ("update", "delete", "replace")]


class AppendOnly(Operation):
    """Migration operation: rows of ``tables`` can be inserted and never changed."""

    reversible = True

    def __init__(self, tables: Iterable[str], pk: str = "id") -> None:
        self.tables = list(tables)
        self.pk = pk

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Nothing in the model state changes."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        for table in self.tables:
            for statement in create_sql(schema_editor.connection.vendor, table, self.pk):
                schema_editor.execute(statement, params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: Any, to_state: Any
    ) -> None:
        for table in self.tables:
            for statement in drop_sql(schema_editor.connection.vendor, table):
                schema_editor.execute(statement, params=None)

    def describe(self) -> str:
        return f"Make {', '.join(self.tables)} append-only"
