"""What the web server loads: the WSGI application (config/wsgi.py) behind buffers."""

import re
from dataclasses import replace
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
    """How many bytes a body may have: few from strangers, and many only as a file."""
    close_old_connections()
    make_harmless(environ)
    request = WSGIRequest(environ)
    if unreadable(request) or not has_valid_credential(request):
        return settings.MAX_OPEN_BODY_BYTES
    is_upload = UPLOADS.fullmatch(environ["PATH_INFO"])
    most = settings.MAX_UPLOAD_BYTES if is_upload else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return max(int(most), settings.MAX_OPEN_BODY_BYTES)


application = Application(
    wsgi,
    most_bytes=most_bytes,
    threads=settings.WEB_THREADS,
    directory=settings.FILE_UPLOAD_TEMP_DIR,
    limits=replace(LIMITS, small_body=settings.MAX_OPEN_BODY_BYTES),
)
