"""A request as WSGI (PEP 3333) describes it, from how ASGI does."""

import sys
from functools import lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from asgiref.typing import HTTPScope

Environ = dict[str, Any]

SERVER = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.input_terminated": True,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}
UNPREFIXED = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}


def environ_of(scope: HTTPScope) -> Environ:
    """The environ of a request, with an empty `wsgi.input`."""
    host, port = scope["server"] or ("", 0)
    path = scope.get("raw_path") or scope["path"].encode()
    environ: Environ = {
        **SERVER,
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": BytesIO(),
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        # The path as it was sent: an encoded slash is part of an id (common/raw_path.py).
        "REQUEST_URI": path.decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "REMOTE_ADDR": scope["client"][0] if scope["client"] else "",
        # Without a Host, Django would take the server's own name for it.
        "HTTP_HOST": "",
    }
    seen = set()
    for name, value in scope["headers"]:
        key = variable(name)
        text = value.decode("latin-1")
        if key in seen:
            environ[key] += ("; " if key == "HTTP_COOKIE" else ",") + text
        elif key:
            environ[key] = text
            seen.add(key)
    return environ


@lru_cache(maxsize=256)
def variable(name: bytes) -> str:
    """The variable of a header; "" for one that must not reach the application.

    `X_Forwarded_For` would pass for `X-Forwarded-For`, past a proxy that sets only the latter.
    """
    if b"_" in name:
        return ""
    return UNPREFIXED.get(name) or "HTTP_" + name.decode("latin-1").replace("-", "_").upper()


def has_body(environ: Environ) -> bool:
    """Whether a body is announced; a request without Content-Length may still be chunked."""
    return environ.get("CONTENT_LENGTH", "0") != "0" or "HTTP_TRANSFER_ENCODING" in environ
