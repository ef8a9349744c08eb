from django.db import migrations

from apps.audit.append_only import AppendOnly

INSERT_ONLY = [
    "gates_decision",
    "gates_suspension",
    "gates_resumption",
]
HISTORY = [
    "gates_historicalwaiver",
]


class Migration(migrations.Migration):
    dependencies = [("gates", "0001_initial")]

    operations = [AppendOnly(INSERT_ONLY), AppendOnly(HISTORY, pk="history_id")]
