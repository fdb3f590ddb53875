"""`/healthz` (the process answers) and `/readyz` (so does its database).

A middleware and not a view: a load balancer calls an instance by its address, which no
ALLOWED_HOSTS can know, so these two must be answered before the host is looked at.
"""

import logging
from collections.abc import Callable

from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse

logger = logging.getLogger(__name__)

# What is wrong, in a sentence; None if nothing is. To be cheap: it is asked every few seconds.
Warner = Callable[[], str | None]
_warners: list[Warner] = []


def register(warner: Warner) -> None:
    """Has `/readyz` say what `warner` says."""
    if warner not in _warners:
        _warners.append(warner)


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
    """200 when the database answers a query, else 503.

    Warnings change nothing about that: what is wrong elsewhere is no reason to take a web
    process out of service.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        # This answer goes around Django's end-of-request clean-up: drop the dead connection.
        connection.close()
        return JsonResponse({"status": "unavailable", "database": "away"}, status=503)
    return JsonResponse({"status": "ok", "database": "ok", "warnings": warnings()})


def warnings() -> list[str]:
    """What the apps have to say; that one of them cannot tell is a warning as well."""
    try:
        return [warning for warner in _warners if (warning := warner())]
    except Exception:
        logger.exception("A warning could not be looked up")
        return ["It could not be found out whether there is something to warn of."]
