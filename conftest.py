"""The environment of every test run, set before Django reads its settings.

Only what is not given: the PostgreSQL run sets DATABASE_URL.
"""

import os
import tempfile
from pathlib import Path

import django
from django.conf import settings

DEFAULTS = {
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "DEBUG": "true",
    "PUBLIC_URL": "http://127.0.0.1:8000",
    "SMS_GATEWAY": "console",
    # The secrets and the test database of test runs alone.
    "STATE_DIR": str(Path(tempfile.gettempdir()) / f"klanten-tests-{os.getuid()}"),
}

for name, value in DEFAULTS.items():
    os.environ.setdefault(name, value)

django.setup()
settings.PASSWORD_HASHERS[0] = "tests.hashers.QuickHasher"

# Its fixtures import models, which needs the lines above.
pytest_plugins = ("tests.cast",)
