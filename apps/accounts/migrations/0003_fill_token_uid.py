import uuid

from django.db import migrations


def fill(apps, schema_editor):
    tokens = apps.get_model("accounts", "ApiToken").objects
    for digest in list(tokens.values_list("pk", flat=True)):
        tokens.filter(pk=digest).update(uid=uuid.uuid4())


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_invitation_states_and_token_uid")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
