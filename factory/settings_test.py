"""
Settings for tests: those of the product, with nothing left that waits, sends or is slow on purpose.

``TEST_DATABASE_URL`` names the PostgreSQL server to test on; without it tests run on SQLite. A process that a test
starts takes part in the database of that test: the fixture ``child_environment`` hands it over.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_is_child = os.environ.get("AIFACTORY_TEST_CHILD") == "1"
if not _is_child:
    # A test sees neither the data of the checkout nor a setting of the shell it was started from.
    for _name in (
        "ALLOWED_HOSTS",
        "CELERY_BROKER_URL",
        "DATABASE_URL",
        "DEBUG",
        "EMAIL_URL",
        "PORT",
        "REDIS_URL",
        "SITE_URL",
        "TIME_ZONE",
    ):
        os.environ.pop(_name, None)
    if _url := os.environ.get("TEST_DATABASE_URL"):
        os.environ["DATABASE_URL"] = _url
    os.environ["AIFACTORY_DATA"] = tempfile.mkdtemp(prefix="aifactory-test-")
    atexit.register(shutil.rmtree, os.environ["AIFACTORY_DATA"], ignore_errors=True)
os.environ["SECRET_KEY"] = "only-for-tests-" + "x" * 60

from factory.settings import *  # noqa: E402
from factory.settings import DATA_DIR, DATABASES, LOGGING, REST_FRAMEWORK  # noqa: E402

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
MEDIA_ROOT = Path(DATA_DIR) / "media"
SITE_URL = "http://testserver"

# Work waits until a test asks for it (``outbox.drain()``); no broker is needed or used.
OUTBOX_WAKE = False
CELERY_BROKER_URL = "memory://"
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, str] = {}
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True

if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Whether a power cut loses a row is not what a test asks.
    DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"
else:
    # A connection kept for later would hold on to a database that the next test replaces.
    DATABASES["default"]["CONN_MAX_AGE"] = 0

# Rate limits have tests of their own, which switch them on.
ACCOUNT_RATE_LIMITS = False
REST_FRAMEWORK["DEFAULT_THROTTLE_CLASSES"] = []
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

WHITENOISE_AUTOREFRESH = True  # look a file up when it is asked for, instead of listing all of them at each start
LOGGING["root"]["level"] = "WARNING"
