"""`/healthz` (the process answers) and `/readyz` (so does its database).

A middleware and not a view: a load balancer calls an instance by its address, which no
ALLOWED_HOSTS can know, so these two must be answered before the host is looked at.
"""

from collections.abc import Callable

from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse


class HealthMiddleware:
    """Answers the two paths; everything else passes."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        match request.path_info:
            case "/healthz":
                return JsonResponse({"status": "ok"})
            case "/readyz":
                return readiness()
            case _:
                return self.get_response(request)


def readiness() -> JsonResponse:
    """200 when the database answers a query, else 503."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        # This answer goes around Django's end-of-request clean-up: drop the dead connection.
        connection.close()
        return JsonResponse({"status": "unavailable", "database": "away"}, status=503)
    return JsonResponse({"status": "ok", "database": "ok"})
