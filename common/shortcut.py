"""The API's way past what only pages need: sessions, messages, static files, locked logins.

To go through all of that costs as much as the API's own work for a small answer. Who comes with
a cookie may have a session (Swagger UI does): their calls go the long way.
"""

import re
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

Handler = Callable[[HttpRequest], HttpResponseBase]

API = re.compile("/(v1|api)/")
# An answer of the API is no page: it loads nothing, and stands in no frame.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
}


class ShortcutMiddleware:
    """Hands a request for the API straight to its view, past all middleware below this."""

    def __init__(self, get_response: Handler) -> None:
        self.pages = get_response
        self.api = innermost(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_api(request):
            return self.pages(request)
        response = self.api(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response


def innermost(handler: Any) -> Handler:
    """The handler inside of all middleware: each is wrapped by Django, and knows the next."""
    while inner := getattr(getattr(handler, "__wrapped__", None), "get_response", None):
        handler = inner
    return handler  # type: ignore[no-any-return]


def is_api(request: HttpRequest) -> bool:
    """Whether a request is for the API, and without a session."""
    return not request.META.get("HTTP_COOKIE") and API.match(request.path_info) is not None
