"""The database that tests get is the one that migrations make, for every test anew."""

import os
import subprocess
import sys

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection

User = get_user_model()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", [1, 2])
def test_what_a_test_commits_is_gone_in_the_next(round_):
    assert not User.objects.filter(username="left-over").exists()

    User.objects.create(username="left-over")


@pytest.mark.django_db
def test_catalogues_are_there_after_a_test_that_committed():
    for label, model in (("readiness", "ChecklistTemplate"), ("gates", "GatePolicy")):
        assert apps.get_model(label, model).objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_child_process_works_on_the_same_database(child_environment):
    program = (
        "import django; django.setup(); from apps.accounts.models import User; User.objects.create(username='child')"
    )

    subprocess.run([sys.executable, "-c", program], env=child_environment, check=True, timeout=60)

    assert User.objects.filter(username="child").exists()


def test_the_database_is_the_one_asked_for():
    asked = "postgresql" if os.environ.get("TEST_DATABASE_URL") else "sqlite"

    assert connection.vendor == asked
