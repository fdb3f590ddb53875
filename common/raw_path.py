"""The path of a request as it was sent: with `%2F` and `/` still told apart."""

import re
from urllib.parse import unquote_to_bytes

from django.http import HttpRequest
from django.utils.encoding import repercent_broken_unicode

# As bytes in Latin-1, like every text of a WSGI environ (PEP 3333). gunicorn sets both, uWSGI and
# Apache the first.
VARIABLES = ("REQUEST_URI", "RAW_URI")
# A request to a proxy may name the host as well (RFC 9112, 3.2.2).
ORIGIN = re.compile(r"\Ahttps?://[^/?]*", re.IGNORECASE)


def raw_path(request: HttpRequest) -> str | None:
    """The path as it was sent, or None where the server does not say.

    What decodes to another path than the one that Django was given is not believed: a proxy has
    rewritten it on the way.
    """
    for name in VARIABLES:
        if uri := request.META.get(name):
            path: str = ORIGIN.sub("", uri).partition("?")[0]
            decoded = unquote_to_bytes(path.encode("latin-1", "replace"))
            if repercent_broken_unicode(decoded).decode() == request.path_info:
                return path
    return None


def decoded_part(part: str) -> str:
    """A part of a raw path, decoded. Raises UnicodeDecodeError for what is not UTF-8."""
    return unquote_to_bytes(part.encode("latin-1")).decode()
