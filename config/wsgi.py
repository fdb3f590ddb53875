"""Django's WSGI application, ready for requests. The web server runs it through config/asgi.py."""

import gc
import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from common.metric_files import share_metrics

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Before anything imports the library that counts.
share_metrics(settings.METRICS_DIR)
django_application = get_wsgi_application()

from django.urls import get_resolver  # noqa: E402 - needs the apps

from access.issuers import fetch_all_keys  # noqa: E402
from common.intake import readable  # noqa: E402
from common.logs import mask_handlers  # noqa: E402
from common.statement_timeout import limit_statements  # noqa: E402

application = readable(django_application)

# Only requests are limited: a migration or an export may take its time.
limit_statements()
# The server's loggers have handlers of their own.
mask_handlers("_granian", "granian.access")

# Every view, before the first request asks for one.
_ = get_resolver().url_patterns

# What is loaded by now stays: the garbage collector need not look through it again.
gc.collect()
gc.freeze()

# Last, in threads of its own: the first request need not wait for the keys of its issuer.
fetch_all_keys()
