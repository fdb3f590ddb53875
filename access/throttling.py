"""How often somebody who is not known yet may try to get in."""

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from common.client_ip import client_ip


class LoginThrottle(SimpleRateThrottle):
    """Per address, whatever the user name: LOGIN_RATE, counted in the cache."""

    scope = "login"

    def get_cache_key(self, request: Request, view: Any) -> str:
        return f"login:{client_ip(request._request)}"  # noqa: SLF001 - the only way to it
