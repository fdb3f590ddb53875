"""Staff sign in to the admin through another OpenID provider (OIDC_RP_*)."""

import logging
from functools import partial
from typing import Any

import jwt
import requests
from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Group
from django.core.exceptions import SuspiciousOperation
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import method_decorator
from mozilla_django_oidc.auth import OIDCAuthenticationBackend
from mozilla_django_oidc.views import OIDCAuthenticationCallbackView

from access.issuers import place_to_wait, user_for
from access.models import ExternalIdentity, User
from access.throttling import Place, always, limited, refuse_page
from common.errors import page_problem, unavailable

logger = logging.getLogger(__name__)

LONGEST_SUBJECT = 255


def offered(request: HttpRequest) -> dict[str, str]:
    """For the admin's login page: what the button is called, if there is one."""
    return {"sso_name": settings.OIDC_RP_NAME} if settings.OIDC_RP_CLIENT_ID else {}


def leads_back(response: HttpResponseBase) -> bool:
    """Whether a sign-on failed: the library redirects either way."""
    return response.headers.get("Location") in {None, settings.LOGIN_REDIRECT_URL_FAILURE}


SIGN_ON = Place("sign-on", leads_back, is_guessable=False, is_try=always, refuse=refuse_page)


@method_decorator(partial(limited, place=SIGN_ON), name="dispatch")
class SignOnCallback(OIDCAuthenticationCallbackView):  # type: ignore[misc]  # untyped
    """Where the provider sends people back to; we then ask it who they are.

    Anybody can come here with a made-up code, and a slow provider takes its time over it.
    """

    def get(self, request: HttpRequest) -> HttpResponseBase:
        if not place_to_wait.acquire(blocking=False):
            return page_problem(
                request, unavailable("Another sign-on is under way. Reload this page.")
            )
        try:
            answer: HttpResponseBase = super().get(request)
        finally:
            place_to_wait.release()
        return answer


class StaffBackend(OIDCAuthenticationBackend):  # type: ignore[misc]  # untyped
    """Knows people by who they are at the provider, and never by their e-mail address.

    Anybody can claim an address. Somebody new gets a user without rights; what makes them
    staff is a group that OIDC_RP_GROUPS maps or, when that maps none, a member of staff here.
    """

    @property
    def issuer(self) -> str:
        """What stands for the provider; it need not publish its issuer to us."""
        return str(settings.OIDC_OP_TOKEN_ENDPOINT)

    @property
    def is_ourselves(self) -> bool:
        """Whether Klanten is its own provider: then a subject is one of our own users."""
        return self.issuer.startswith(f"{settings.PUBLIC_URL}/")

    def authenticate(
        self, request: HttpRequest | None, *, nonce: str | None, code_verifier: str | None
    ) -> User | None:
        """The user that the provider vouches for; None, and a line in the log, when it does not.

        The arguments are named so that a login by password never comes here: the library
        would take a `code` from any login's address, without a state or a nonce.
        """
        try:
            user: User | None = super().authenticate(
                request, nonce=nonce, code_verifier=code_verifier
            )
        except (
            requests.RequestException,
            jwt.PyJWTError,
            SuspiciousOperation,
            # What comes of an answer that is not of the agreed form.
            AttributeError,
            KeyError,
            TypeError,
            ValueError,
        ) as error:
            # Not its text: it holds the provider's answer, tokens and all.
            logger.warning("A sign-on failed: %s", type(error).__name__)
            return None
        return user

    def get_user(self, user_id: int) -> User | None:
        """The user of a session, as long as they may log in; the library does not ask that."""
        user = ModelBackend.get_user(self, user_id)
        return user if isinstance(user, User) else None

    def verify_token(self, token: str, **kwargs: Any) -> dict[str, Any]:
        """The claims of an id_token that was made for us; the library leaves the audience out."""
        claims: dict[str, Any] = super().verify_token(token, **kwargs)
        audience = claims.get("aud")
        if settings.OIDC_RP_CLIENT_ID not in (
            audience if isinstance(audience, list) else [audience]
        ):
            raise SuspiciousOperation("The id_token is for somebody else.")
        return claims

    def get_userinfo(
        self, access_token: str, id_token: str, payload: dict[str, Any]
    ) -> dict[str, Any]:
        """What both documents say; they must be about the same person (OIDC Core, 5.3.2)."""
        claims: dict[str, Any] = super().get_userinfo(access_token, id_token, payload)
        if claims.get("sub") != payload.get("sub"):
            raise SuspiciousOperation("The claims are about somebody else.")
        return {**payload, **claims}

    def verify_claims(self, claims: dict[str, Any]) -> bool:
        subject = claims.get("sub")
        if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
            return False
        return "\0" not in subject and (subject.isdecimal() or not self.is_ourselves)

    def filter_users_by_claims(self, claims: dict[str, Any]) -> QuerySet[User]:
        subject = claims["sub"]
        if self.is_ourselves:
            return User.objects.filter(pk=subject, is_active=True)
        known = ExternalIdentity.objects.filter(issuer=self.issuer, subject=subject)
        return User.objects.filter(external_identities__in=known, is_active=True)

    def create_user(self, claims: dict[str, Any]) -> User | None:
        """Somebody's user on first sight; None where one is there and may not log in."""
        if self.is_ourselves:
            return None
        user = user_for(self.issuer, claims["sub"])
        return self.update_user(user, claims) if user.is_active else None

    def update_user(self, user: User, claims: dict[str, Any]) -> User:
        """Takes over name, address and mapped groups."""
        if self.is_ourselves:
            return user
        user.email = text_in(claims, "email", 254) or user.email
        user.first_name = text_in(claims, "given_name", 150) or user.first_name
        user.last_name = text_in(claims, "family_name", 150) or user.last_name
        if settings.OIDC_RP_GROUPS:
            map_groups(user, groups_in(claims))
        user.save()
        return user


def text_in(claims: dict[str, Any], name: str, longest: int) -> str:
    """The text of a claim as a row can hold it; "" if it is none."""
    value = claims.get(name)
    return value.replace("\0", "")[:longest] if isinstance(value, str) else ""


def groups_in(claims: dict[str, Any]) -> set[str]:
    """Their groups. Without the claim none: many providers leave an empty one out."""
    theirs = claims.get(settings.OIDC_RP_GROUPS_CLAIM)
    return {str(group) for group in theirs} if isinstance(theirs, list) else set()


def map_groups(user: User, theirs: set[str]) -> None:
    """Puts `user` into exactly those of the mapped groups that `theirs` stand for.

    Being in one of them is what makes somebody staff; a superuser, whom only somebody here
    can have made one, stays it.
    """
    mapped: dict[str, str] = settings.OIDC_RP_GROUPS
    granted = {ours for name, ours in mapped.items() if name in theirs}
    user.groups.remove(*Group.objects.filter(name__in=set(mapped.values()) - granted))
    user.groups.add(*(Group.objects.get_or_create(name=name)[0] for name in granted))
    user.is_staff = bool(granted) or user.is_superuser
