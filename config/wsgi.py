"""The WSGI application that the web server loads."""

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

from common.connections import check_only_the_idle  # noqa: E402
from common.intake import readable  # noqa: E402
from common.statement_timeout import limit_statements  # noqa: E402

application = readable(django_application)

# Only requests are limited: a migration or an export may take its time.
limit_statements()
check_only_the_idle()

# Every view, before the first request asks for one.
_ = get_resolver().url_patterns

# What is loaded by now stays: the garbage collector need not look through it again.
gc.collect()
gc.freeze()
