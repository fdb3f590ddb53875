"""One id for a request, on its answer and in its errors: the caller's if sane, else ours."""

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from common.models import new_id

HEADER = "X-Request-ID"
SANE = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


class RequestIdMiddleware:
    """Sets `request.request_id` and answers with it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        request_id = given if SANE.fullmatch(given) else str(new_id())
        request.request_id = request_id  # type: ignore[attr-defined]
        response = self.get_response(request)
        response[HEADER] = request_id
        return response
