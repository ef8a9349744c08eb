from django.db import migrations

from apps.audit.append_only import AppendOnly

HISTORY = [
    "registry_historicalaisystem",
    "registry_historicalroleassignment",
    "registry_historicaldeputyship",
    "registry_historicalregisteredmodel",
    "registry_historicalmodelversion",
    "registry_historicalversionuse",
]


class Migration(migrations.Migration):
    dependencies = [("registry", "0001_initial")]

    operations = [AppendOnly(HISTORY, pk="history_id")]
