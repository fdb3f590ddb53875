"""The WSGI application that the web server loads."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

# Only requests are limited: a migration or an export may take its time.
from common.statement_timeout import limit_statements  # noqa: E402 - needs the apps

limit_statements()

# What is loaded by now stays: the garbage collector need not look through it again, and a page of
# a thousand rows is no reason to look at all.
gc.collect()
gc.freeze()
gc.set_threshold(100_000, 20, 20)
