"""Refuses, before any view, what cannot be read and what is larger than its sender may send.

`readable` is around the application, because Django decodes a query string while it builds the
request, as the Content-Type asks for. `IntakeMiddleware` refuses everything else before anything of
the body is read.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.permissions import AllowAny

from common.encodings import NOT_UTF8, is_readable, is_utf8
from common.errors import Malformed, Problem, UnsupportedEncoding, page_problem, too_large
from common.text import UNSUITABLE
from common.uploads import take_file

Handler = Callable[[HttpRequest], HttpResponseBase]
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

# What stands in the place of a Content-Type that is not to be read.
UNREADABLE = "application/octet-stream; charset=unreadable"
# Bytes of a path, and of a query string.
LONGEST_ADDRESS = 16_000
# Of all header fields together.
LONGEST_HEADERS = 65_536


def readable(application: Application) -> Application:
    """`application` behind a Content-Type that is harmless to parse."""

    def guarded(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        make_harmless(environ)
        return application(environ, start_response)

    return guarded


def make_harmless(environ: dict[str, Any]) -> None:
    """Puts a Content-Type that is refused later in the place of one that Django would obey."""
    if not is_readable(environ.get("CONTENT_TYPE", "")):
        environ["CONTENT_TYPE"] = UNREADABLE


class IntakeMiddleware:
    """Refuses what cannot be read, and bodies that are too large for whoever sends them."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # A header `Content_Type` would come under this name, and DRF would look at it.
        request.META.pop("HTTP_CONTENT_TYPE", None)
        if problem := unreadable(request):
            return page_problem(request, problem)
        if request.encoding is not None:
            # One of the names of UTF-8, or ASCII: the same in Django's spelling.
            request.encoding = "utf-8"
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Asked before CsrfViewMiddleware, which reads the form."""
        if refuses_strangers(view):
            return None
        what, longest = "body", settings.MAX_OPEN_BODY_BYTES
        length = content_length(request)
        permission = getattr(view, "takes_file_of", None)
        if permission and may_send_file(request, permission):
            take_file(request)
            what, longest = "file", settings.MAX_UPLOAD_BYTES
        elif length > longest and is_logged_in(request):
            longest = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        return page_problem(request, too_large(what)) if length > longest else None


def unreadable(request: HttpRequest) -> Problem | None:
    """Why a request is refused whatever it asks for; None if it is not."""
    return too_long(request) or undecodable(request)


def too_long(request: HttpRequest) -> Problem | None:
    """The refusal of an address or of header fields that are longer than anybody needs."""
    if max(len(request.path_info), len(request.META.get("QUERY_STRING", ""))) > LONGEST_ADDRESS:
        return Problem("The address is too long.", status=414, code="address_too_long")
    if size_of_headers(request.META) > LONGEST_HEADERS:
        return Problem("The header fields are too long.", status=431, code="headers_too_long")
    return None


def undecodable(request: HttpRequest) -> Problem | None:
    """The refusal of what is not UTF-8, of a length that is none, and of control characters."""
    meta = request.META
    length = meta.get("CONTENT_LENGTH") or "0"
    if not is_readable(meta.get("CONTENT_TYPE", "")):
        return Problem(NOT_UTF8, status=415, code=UnsupportedEncoding.code)
    if not is_utf8(meta.get("QUERY_STRING", "")):
        return Problem("The query string is not valid UTF-8.", code=Malformed.code)
    if not (length.isascii() and length.isdecimal()):
        return Problem("The Content-Length is no number.", code=Malformed.code)
    # A quoted value has escapes, and a library's session or message store takes any character.
    if "\\" in meta.get("HTTP_COOKIE", "") and has_control_characters(request.COOKIES):
        return Problem("A cookie has a control character.", code=Malformed.code)
    return None


def has_control_characters(cookies: Mapping[str, str]) -> bool:
    """Whether the value of a cookie has a character that one line of text cannot have."""
    return any(UNSUITABLE.search(value) for value in cookies.values())


def size_of_headers(meta: dict[str, Any]) -> int:
    """The bytes of all values of header fields."""
    return sum(len(value) for name, value in meta.items() if name.startswith("HTTP_"))


def content_length(request: HttpRequest) -> int:
    """The bytes of the body; none without a length, since Django reads no further."""
    return int(request.META.get("CONTENT_LENGTH") or 0)


def refuses_strangers(view: Callable[..., Any]) -> bool:
    """Whether `view` is one of DRF's that asks for a credential before it reads a body."""
    api: Any = getattr(view, "cls", None)
    return bool(api and api.authentication_classes and AllowAny not in api.permission_classes)


def is_logged_in(request: HttpRequest) -> bool:
    """Whether its session is that of a user; API requests skip the session middleware."""
    user = getattr(request, "user", None)
    return user is not None and user.is_authenticated


def may_send_file(request: HttpRequest, permission: str) -> bool:
    """Whether it comes from staff with this permission."""
    return is_logged_in(request) and request.user.is_staff and request.user.has_perm(permission)
