"""The environment of every test run, set before Django reads its settings.

Only what is not given: the PostgreSQL run sets DATABASE_URL.
"""

import atexit
import os
import shutil
import tempfile

import django
from django.conf import settings

DEFAULTS = {
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "DEBUG": "true",
    "PUBLIC_URL": "http://127.0.0.1:8000",
    "SMS_GATEWAY": "console",
}

for name, value in DEFAULTS.items():
    os.environ.setdefault(name, value)

# The secrets and the test database of this run alone: several may go on at once. The
# processes that share a run inherit the directory of the one that started them.
if "STATE_DIR" not in os.environ:
    os.environ["STATE_DIR"] = tempfile.mkdtemp(prefix="klanten-tests-")
    atexit.register(shutil.rmtree, os.environ["STATE_DIR"], ignore_errors=True)

django.setup()
settings.PASSWORD_HASHERS[0] = "tests.hashers.QuickHasher"

# Its fixtures import models, which needs the lines above.
pytest_plugins = ("tests.cast", "tests.conformance")
