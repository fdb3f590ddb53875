"""The credentials a request can carry. Each ends in a `Principal` at `request.auth`."""

from collections.abc import Callable
from copy import copy

from django.contrib.auth.models import AnonymousUser
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from access.api_keys import check_api_key
from access.bearer import check_bearer_token
from access.cache import remembered
from access.models import User
from access.people import person_by_id
from access.principals import Principal
from common.attempts import count_failure
from common.client_ip import client_ip
from common.networks import contains

# A JWT with many claims is long; what is longer than this is not worth a hash.
LONGEST_CREDENTIAL = 8192


class HeaderAuthentication(authentication.BaseAuthentication):
    """`Authorization: <keyword> <credential>`; other keywords are left to other schemes."""

    keywords: tuple[str, ...]
    check: Callable[[str], Principal | None]

    def authenticate(self, request: Request) -> tuple[User | AnonymousUser, Principal] | None:
        keyword, _, credential = request.headers.get("Authorization", "").partition(" ")
        if keyword.lower() not in {each.lower() for each in self.keywords}:
            return None
        principal = self.principal_of(credential.strip())
        if principal is None or not may_come_from_here(principal, request):
            count_failure("credential", request._request)  # noqa: SLF001 - the only way to it
            raise AuthenticationFailed(f"The {self.keywords[0]} credential is not valid.")
        return principal.user or AnonymousUser(), principal

    def principal_of(self, credential: str) -> Principal | None:
        """Whose credential it is, if anybody's."""
        if not 0 < len(credential) <= LONGEST_CREDENTIAL or not credential.isascii():
            return None
        return remembered((self.keywords[0], credential), type(self).check)

    def authenticate_header(self, request: Request) -> str:
        return f'{self.keywords[0]} realm="klanten"'


def may_come_from_here(principal: Principal, request: Request) -> bool:
    """Whether the credential may be used from the address that the request came from."""
    return not principal.networks or contains(principal.networks, client_ip(request._request))  # noqa: SLF001


class ApiKeyAuthentication(HeaderAuthentication):
    """A partner application's key."""

    keywords = ("Api-Key",)
    check = staticmethod(check_api_key)


class BearerAuthentication(HeaderAuthentication):
    """An access token; also under the words that lori's clients write."""

    keywords = ("Bearer", "JWT", "Token")
    check = staticmethod(check_bearer_token)


class SessionAuthentication(authentication.SessionAuthentication):
    """The admin's login, for Swagger UI: with Django's CSRF check on unsafe methods."""

    def authenticate(self, request: Request) -> tuple[User, Principal] | None:
        if (found := super().authenticate(request)) is None:
            return None
        principal = person_by_id(found[0].pk)
        return None if principal is None else (found[0], principal)

    def enforce_csrf(self, request: Request) -> None:
        """Takes the token from the header alone.

        To look for it in a form, Django would read the body of somebody who may not send any.
        """
        bodiless = copy(request._request)  # noqa: SLF001 - the only way to it
        if bodiless.method == "POST":
            bodiless.method = "PUT"
        super().enforce_csrf(Request(bodiless))

    def authenticate_header(self, request: Request) -> str:
        """No challenge: a browser cannot answer one with a session."""
        return ""
