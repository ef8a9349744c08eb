import uuid

from django.db import migrations, models

from apps.audit.append_only import AppendOnly


class Migration(migrations.Migration):
    # The trigger function on PostgreSQL comes with the operation itself; nothing of audit's tables is needed.
    dependencies = [("accounts", "0003_fill_token_uid")]

    operations = [
        migrations.AlterField(
            model_name="apitoken",
            name="uid",
            field=models.UUIDField(default=uuid.uuid4, editable=False, unique=True),
        ),
        AppendOnly(["accounts_proof"]),
    ]
