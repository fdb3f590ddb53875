"""The credentials a request can carry. Each ends in a `Principal` at `request.auth`."""

from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from access.api_keys import check_api_key
from access.bearer import check_access_token
from access.cache import remembered
from access.models import User
from access.principals import Kind, Principal

# Longer than any credential we issue; what is longer is not worth a hash.
LONGEST_CREDENTIAL = 4096


class HeaderAuthentication(authentication.BaseAuthentication):
    """`Authorization: <keyword> <credential>`; other keywords are left to other schemes."""

    keyword: str
    check: Callable[[str], Principal | None]

    def authenticate(self, request: Request) -> tuple[User | AnonymousUser, Principal] | None:
        keyword, _, credential = request.headers.get("Authorization", "").partition(" ")
        if keyword.lower() != self.keyword.lower():
            return None
        principal = None
        if 0 < len(credential := credential.strip()) <= LONGEST_CREDENTIAL:
            principal = remembered(f"{self.keyword} {credential}", self.check_prefixed)
        if principal is None:
            raise AuthenticationFailed(f"The {self.keyword} credential is not valid.")
        return principal.user or AnonymousUser(), principal

    def check_prefixed(self, prefixed: str) -> Principal | None:
        return type(self).check(prefixed.partition(" ")[2])

    def authenticate_header(self, request: Request) -> str:
        return f'{self.keyword} realm="klanten"'


class ApiKeyAuthentication(HeaderAuthentication):
    """A partner application's key."""

    keyword = "Api-Key"
    check = staticmethod(check_api_key)


class BearerAuthentication(HeaderAuthentication):
    """An access token of Klanten's own OpenID provider."""

    keyword = "Bearer"
    check = staticmethod(check_access_token)


class SessionAuthentication(authentication.SessionAuthentication):
    """The admin's login, for Swagger UI: with Django's CSRF check on unsafe methods."""

    def authenticate(self, request: Request) -> tuple[User, Principal] | None:
        if (found := super().authenticate(request)) is None:
            return None
        user = found[0]
        return user, Principal(Kind.USER, id=str(user.pk), user=user)

    def authenticate_header(self, request: Request) -> str:
        """No challenge: a browser cannot answer one with a session."""
        return ""
