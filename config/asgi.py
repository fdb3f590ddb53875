"""The application that the web server loads: Django's own WSGI application behind buffers."""

import re
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db import close_old_connections

from common.serving.limits import LIMITS
from config.wsgi import application as wsgi

# These need the apps, which config.wsgi has loaded.
from access.credentials import has_valid_credential  # isort: skip
from common.intake import make_harmless, unreadable  # isort: skip
from common.serving.application import Application  # isort: skip

# Where files are handed in.
UPLOADS = re.compile(r"/(v1|api|api/v1)/imports/?|/admin/imports/import/add/")


def most_bytes(environ: dict[str, Any]) -> int:
    """How long a body may be: little for strangers, and much only for a file."""
    close_old_connections()
    make_harmless(environ)
    request = WSGIRequest(environ)
    if unreadable(request) or not has_valid_credential(request):
        return LIMITS.small_body
    is_upload = UPLOADS.fullmatch(environ["PATH_INFO"])
    most = settings.MAX_UPLOAD_BYTES if is_upload else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return max(int(most), LIMITS.small_body)


application = Application(
    wsgi,
    most_bytes=most_bytes,
    threads=settings.WEB_THREADS,
    directory=settings.FILE_UPLOAD_TEMP_DIR,
)
