from django.core.management import call_command
from django.db import migrations


def create(apps, schema_editor):
    """The shared cache that rate limits count in; does nothing where Redis serves instead, or the table exists."""
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
