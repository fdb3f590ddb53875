"""Klanten's additions to django-oauth-toolkit: what its clients may have, and whom it believes."""

import base64
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import jwt
from django.conf import settings
from django.db.models import Exists, F, OuterRef
from django.http import HttpRequest
from django.utils import timezone
from oauth2_provider.models import (
    get_access_token_model,
    get_device_grant_model,
    get_grant_model,
    get_refresh_token_model,
)
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.scopes import BaseScopes
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.utils import jwk_from_pem
from oauthlib.common import Request, generate_token
from oauthlib.oauth2.rfc6749.errors import (
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    UnauthorizedClientError,
)
from oauthlib.oauth2.rfc6749.utils import scope_to_list

from access.cache import forget_all
from access.models import LOGIN_CLIENT_ID, Application
from access.scopes import IDENTITY_SCOPES, RESOURCE_SCOPES, SCOPES, parse_scopes, within

# An id_token of a client that was registered without an algorithm is signed with this.
DEFAULT_ALGORITHM = Application.RS256_ALGORITHM


class Scopes(BaseScopes):
    """What a client may ask for: who somebody is, and what it was registered for."""

    def get_all_scopes(self) -> dict[str, str]:
        return SCOPES

    def get_available_scopes(
        self,
        application: Application | None = None,
        request: HttpRequest | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> list[str]:
        if application is None:
            return list(SCOPES)
        registered = within(parse_scopes(application.scopes))
        # A machine on its own behalf is nobody: there is no user to be told about.
        return sorted(registered if is_machine(application) else IDENTITY_SCOPES | registered)

    def get_default_scopes(
        self,
        application: Application | None = None,
        request: HttpRequest | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> list[str]:
        """Never everything: for a machine what it was registered for, for a person identity."""
        if application is not None and is_machine(application):
            return sorted(parse_scopes(application.scopes))
        return [scope for scope in SCOPES if scope in IDENTITY_SCOPES]


def is_machine(application: Application) -> bool:
    """Whether the client only ever acts on its own behalf."""
    return bool(application.authorization_grant_type == Application.GRANT_CLIENT_CREDENTIALS)


class Validator(OAuth2Validator):
    """Mends what running the toolkit showed."""

    def is_pkce_required(self, client_id: str, request: Request) -> bool:
        """PKCE is demanded of clients that cannot keep a secret.

        A confidential client may use it (CustOrder does) or not (Savannah does not).
        """
        return not Application.objects.filter(
            client_id=client_id, client_type=Application.CLIENT_CONFIDENTIAL
        ).exists()

    def get_additional_claims(self) -> dict[str, Callable[[Request], str]]:
        """Who the user is; the toolkit hands out only what the token's scopes cover."""
        return {
            "email": lambda request: request.user.email,
            "name": lambda request: request.user.get_full_name(),
            "given_name": lambda request: request.user.first_name,
            "family_name": lambda request: request.user.last_name,
            "preferred_username": lambda request: request.user.get_username(),
        }

    def _extract_basic_auth(self, request: Request) -> str | None:
        """The scheme in any case (RFC 9110, 11.1). The library's decoder raises for non-ASCII."""
        scheme, _, credentials = request.headers.get("HTTP_AUTHORIZATION", "").partition(" ")
        is_basic = scheme.lower() == "basic" and credentials.isascii()
        return credentials.strip() or None if is_basic else None

    # --- What was said when somebody logged in -------------------------------------------

    def get_id_token_dictionary(
        self, token: dict[str, Any], token_handler: Any, request: Request
    ) -> tuple[dict[str, Any], datetime]:
        """With the moment of the login that the code stands for, and not of the user's last.

        A refreshed id_token leaves it out: any value but the first would be wrong (OIDC Core,
        12.2).
        """
        claims, expires = super().get_id_token_dictionary(token, token_handler, request)
        del claims["auth_time"]
        # A client can send claims of its own, but only as text.
        if isinstance(request.claims, dict) and "auth_time" in request.claims:
            claims["auth_time"] = request.claims["auth_time"]
        return claims, expires

    # --- Who is still let in ------------------------------------------------------------

    def validate_jwt_bearer_token(self, token: str, scopes: list[str], request: Request) -> bool:
        """Our access tokens are opaque: a JWT is an id_token at best, and opens nothing."""
        return False

    def validate_bearer_token(self, token: str, scopes: list[str], request: Request) -> bool:
        return super().validate_bearer_token(token, scopes, request) and is_active(request)

    def validate_user(self, *args: Any, **kwargs: Any) -> bool:
        """Nobody's password is looked at: the grant is off, and must not tell right from wrong."""
        raise UnauthorizedClientError

    def validate_code(
        self, client_id: str, code: str, client: Application, request: Request, **kwargs: Any
    ) -> bool:
        """Whether a code can be redeemed. One that was redeemed before ends what it gave."""
        is_valid = super().validate_code(client_id, code, client, request, **kwargs)
        grants = get_grant_model().objects.filter(code=code, application=client)
        request.grant = grants.first() if is_valid else None
        if request.grant is None:
            end_family(code, client)
            return False
        # A verifier without a challenge: somebody took the challenge out of the request on its
        # way, or the code is another session's (RFC 9700, 2.1.1).
        has_challenge = bool(request.grant.code_challenge)
        return is_active(request) and (has_challenge or not request.code_verifier)

    # The library looks for the code again each time, when another request may have used it up.

    def get_code_challenge(self, code: str, request: Request) -> str | None:
        return request.grant.code_challenge or None

    def get_code_challenge_method(self, code: str, request: Request) -> str | None:
        return request.grant.code_challenge_method or None

    def confirm_redirect_uri(
        self, client_id: str, code: str, redirect_uri: str, client: Application, request: Request
    ) -> bool:
        """Raises InvalidGrantError for another address than the code was sent to (RFC 6749, 5.2).

        The library would say `invalid_request`.
        """
        if not request.grant.redirect_uri_allowed(redirect_uri):
            raise InvalidGrantError(request=request)
        return True

    def invalidate_authorization_code(
        self, client_id: str, code: str, request: Request, *args: Any, **kwargs: Any
    ) -> None:
        """Done already, together with saving the tokens: `use_up_code`."""

    def validate_refresh_token(
        self, refresh_token: str, client: Application, request: Request, **kwargs: Any
    ) -> bool:
        """Whether a refresh token can be exchanged, or was only just (`repeat_answer`).

        One that comes again later ends its family. Another client's does nothing. In place of
        the toolkit's check, which looks twice: of two requests at once, the slower one would
        pass for a thief.
        """
        row = row_of(refresh_token, client)
        if row is None:
            return False
        if row.revoked and not is_just_used(row):
            type(row).revoke_family(row.token_family)
            return False
        request.user = row.user
        request.refresh_token_instance = row
        return is_active(request) and (row.revoked is not None or is_in_time(row))

    def validate_silent_login(self, request: Request) -> bool:
        """Asked for `prompt=none`; the authorize view answers for those who are not logged in."""
        return True

    def validate_silent_authorization(self, request: Request) -> bool:
        """Consent is given each time, except to a client that staff exempted from it."""
        return bool(request.client.skip_authorization)

    # --- What a token may be used for -----------------------------------------------------

    def get_original_scopes(
        self, refresh_token: str, request: Request, *args: Any, **kwargs: Any
    ) -> list[str]:
        """The scopes that a refresh may go on with; InvalidScopeError if that would widen them.

        A person's token without any resource scope is not limited by scopes at all, so one
        that is limited must not lose its last one. Nor may a client keep what staff have
        since taken from it.
        """
        original = scope_to_list(super().get_original_scopes(refresh_token, request)) or []
        asked = scope_to_list(request.scope) or original
        is_limited = not RESOURCE_SCOPES.isdisjoint(original)
        if is_limited and RESOURCE_SCOPES.isdisjoint(asked):
            raise InvalidScopeError(request=request)
        if not set(asked) <= set(Scopes().get_available_scopes(request.client)):
            raise InvalidScopeError(request=request)
        return original

    # --- What is written --------------------------------------------------------------------

    def save_authorization_code(
        self, client_id: str, code: dict[str, str], request: Request, *args: Any, **kwargs: Any
    ) -> None:
        """Refuses what does not fit into a row; PostgreSQL would with an error of its own."""
        for name in ("nonce", "code_challenge"):
            longest = get_grant_model()._meta.get_field(name).max_length
            if len(getattr(request, name) or "") > longest:
                raise InvalidRequestError(description=f"{name} is too long.", request=request)
        super().save_authorization_code(client_id, code, request, *args, **kwargs)

    def save_bearer_token(
        self, token: dict[str, Any], request: Request, *args: Any, **kwargs: Any
    ) -> None:
        try:
            super().save_bearer_token(token, request, *args, **kwargs)
        except UsedCodeError:
            end_family(request.code, request.client)
            raise

    def _save_bearer_token(
        self, token: dict[str, Any], request: Request, *args: Any, **kwargs: Any
    ) -> None:
        """Saves the tokens and uses up what they were given for, in one transaction."""
        if request.grant_type == Application.GRANT_DEVICE_CODE:
            use_up_device_code(request)
        if request.grant_type == "refresh_token":
            if request.refresh_token_instance.revoked:
                repeat_answer(token, request)
                return
            require_unused(request)
        super()._save_bearer_token(token, request, *args, **kwargs)
        if request.grant_type == "authorization_code":
            use_up_code(token, request)

    def finalize_id_token(
        self, id_token: dict[str, Any], token: dict[str, Any], token_handler: Any, request: Request
    ) -> str:
        request.client.algorithm = request.client.algorithm or DEFAULT_ALGORITHM
        signed: str = super().finalize_id_token(id_token, token, token_handler, request)
        return signed

    def _get_key_for_token(self, token: str) -> Any:
        """The key that verifies one of our id_tokens, also of before the last rotation."""
        try:
            claims = jwt.decode(token, options={"verify_signature": False})
            key_id = str(jwt.get_unverified_header(token).get("kid"))
        except (jwt.PyJWTError, ValueError, RecursionError):
            return None
        audience = claims.get("aud")
        client = Application.objects.filter(client_id=str(audience).replace("\0", "")).first()
        if client is None:
            return None
        if client.algorithm == Application.HS256_ALGORITHM:
            return client.jwk_key
        return published_keys().get(key_id)


def published_keys() -> dict[str, Any]:
    """Our own keys by their id: the one that signs, and those of before the last rotations."""
    pems = [
        oauth2_settings.OIDC_RSA_PRIVATE_KEY,
        *oauth2_settings.OIDC_RSA_PRIVATE_KEYS_INACTIVE,
    ]
    return {key.thumbprint(): key for key in map(jwk_from_pem, pems)}


# --- Codes and refresh tokens are good for once ------------------------------------------


class UsedCodeError(InvalidGrantError):
    """Of several requests with one code, another was faster."""


def family_of(code: str) -> UUID:
    """The family of all tokens that come of an authorization code.

    Derived from the code, so that it can be told when the code is long gone.
    """
    return UUID(bytes=sha256(f"authorization code {code}".encode()).digest()[:16])


def use_up_code(token: dict[str, Any], request: Request) -> None:
    """Deletes the code, and notes which tokens came of it. Raises UsedCodeError.

    The library deletes it after the tokens are saved and has no transaction around both: two
    requests at once would both have tokens on record.
    """
    deleted, _ = (
        get_grant_model().objects.filter(code=request.code, application=request.client).delete()
    )
    if not deleted:
        raise UsedCodeError(request=request)
    get_refresh_token_model().objects.filter(
        token_checksum=checksum_of(token["refresh_token"])
    ).update(token_family=family_of(request.code))


def end_family(code: str, client: Application) -> None:
    """Ends all tokens that `client` got for a code that comes again (RFC 6749, 4.1.2)."""
    model = get_refresh_token_model()
    family = family_of(code)
    if model.objects.filter(token_family=family, application=client).exists():
        model.revoke_family(family)
        forget_all()


def require_unused(request: Request) -> None:
    """Locks the refresh token. Raises InvalidGrantError if it was used since it was looked up."""
    mine = get_refresh_token_model().objects.filter(pk=request.refresh_token_instance.pk)
    if mine.filter(revoked=None).select_for_update().first() is None:
        raise InvalidGrantError(request=request)


def row_of(refresh_token: str, client: Application) -> Any:
    """The row of a refresh token of `client`, or None; read in one statement.

    Whether it was exchanged for tokens that are still there is in `has_successor`.
    """
    successors = get_access_token_model().objects.filter(source_refresh_token=OuterRef("pk"))
    return (
        get_refresh_token_model()
        .objects.filter(token_checksum=checksum_of(refresh_token), application=client)
        .select_related("user", "access_token", "application")
        .annotate(has_successor=Exists(successors))
        .order_by(F("revoked").desc(nulls_first=True))
        .first()
    )


def is_just_used(row: Any) -> bool:
    """Whether a revoked refresh token was exchanged within REFRESH_GRACE_SECONDS.

    One that was revoked, or whose successor has been used, was not: that shows a theft. Nor is
    there a grace at `/api/token/refresh/`, whose document (Mais Todos) has none. The toolkit's
    own grace period needs tokens in clear.
    """
    if row.application.client_id == LOGIN_CLIENT_ID:
        return False
    grace = timedelta(seconds=settings.REFRESH_GRACE_SECONDS)
    return bool(row.has_successor and row.revoked > timezone.now() - grace)


def is_in_time(row: Any) -> bool:
    """Whether a refresh token is young enough: its term begins when its access token ends."""
    if row.access_token is None:
        return False
    term = timedelta(seconds=oauth2_settings.REFRESH_TOKEN_EXPIRE_SECONDS)
    return bool(row.access_token.expires + term > timezone.now())


def repeat_answer(token: dict[str, Any], request: Request) -> None:
    """Answers a refresh token that comes again within REFRESH_GRACE_SECONDS as the first time.

    What it was exchanged for is derived from it, so that nothing but hashes needs to be kept.
    Raises InvalidGrantError if that is no longer good.
    """
    answered = (
        get_access_token_model()
        .objects.filter(
            token_checksum=checksum_of(token["access_token"]),
            source_refresh_token=request.refresh_token_instance,
            expires__gt=timezone.now(),
        )
        .first()
    )
    if answered is None:
        raise InvalidGrantError(request=request)
    token["scope"] = answered.scope
    token["expires_in"] = int((answered.expires - timezone.now()).total_seconds())


def new_access_token(request: Request) -> str:
    return new_token(request, "access token")


def new_refresh_token(request: Request) -> str:
    return new_token(request, "refresh token")


def new_token(request: Request, kind: str) -> str:
    """A token: random, or for a refresh derived from the token that is exchanged.

    That takes SECRET_KEY and the family, which only the database knows, as well.
    """
    used = getattr(request, "refresh_token_instance", None)
    if used is None:
        return str(generate_token(40))
    message = f"{kind} {used.token_family} {request.refresh_token}".encode()
    digest = hmac.digest(settings.SECRET_KEY.encode(), message, sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def checksum_of(token: str) -> str:
    """By what the toolkit finds a token."""
    return sha256(token.encode()).hexdigest()


def is_active(request: Request) -> bool:
    """Whether the request's user, if it has one, may still log in."""
    user = getattr(request, "user", None)
    return user is None or bool(user.is_active)


def use_up_device_code(request: Request) -> None:
    """A device code is its client's own, is good for one token, and not for ever.

    The toolkit checks none of this. Deleting the row claims it: of two polls at once, one wins.
    Raises InvalidGrantError.
    """
    model = get_device_grant_model()
    claimed, _ = model.objects.filter(
        device_code=request.device_code,
        client_id=request.client.client_id,
        status=model.AUTHORIZED,
        expires__gt=timezone.now(),
    ).delete()
    if not claimed or not is_active(request):
        raise InvalidGrantError(request=request)
