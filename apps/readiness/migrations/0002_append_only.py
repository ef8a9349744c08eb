from django.db import migrations

from apps.audit.append_only import AppendOnly

INSERT_ONLY = [
    "readiness_verification",
    "readiness_comment",
    "readiness_snapshot",
    "readiness_signoff",
    "readiness_signoffvoid",
    "readiness_contribution",
]
HISTORY = [
    "readiness_historicalreview",
    "readiness_historicalreviewedversion",
    "readiness_historicalreviewitem",
    "readiness_historicalevidence",
    "readiness_historicalevidencelink",
    "readiness_historicalcondition",
]


class Migration(migrations.Migration):
    dependencies = [("readiness", "0001_initial")]

    operations = [AppendOnly(INSERT_ONLY), AppendOnly(HISTORY, pk="history_id")]
