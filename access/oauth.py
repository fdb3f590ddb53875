"""Klanten's additions to django-oauth-toolkit: what its clients may have, and whom it believes."""

from collections.abc import Callable
from typing import Any

import jwt
from django.http import HttpRequest
from django.utils import timezone
from oauth2_provider.models import get_device_grant_model, get_grant_model
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.scopes import BaseScopes
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.utils import jwk_from_pem
from oauthlib.common import Request
from oauthlib.oauth2.rfc6749.errors import (
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
)
from oauthlib.oauth2.rfc6749.utils import scope_to_list

from access.models import Application
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
        """The library's decoder raises for what is not ASCII."""
        credentials: str | None = super()._extract_basic_auth(request)
        return credentials if credentials and credentials.isascii() else None

    # --- Who is still let in ------------------------------------------------------------

    def validate_jwt_bearer_token(self, token: str, scopes: list[str], request: Request) -> bool:
        """Our access tokens are opaque: a JWT is an id_token at best, and opens nothing."""
        return False

    def validate_bearer_token(self, token: str, scopes: list[str], request: Request) -> bool:
        return super().validate_bearer_token(token, scopes, request) and is_active(request)

    def validate_code(
        self, client_id: str, code: str, client: Application, request: Request, **kwargs: Any
    ) -> bool:
        return super().validate_code(client_id, code, client, request, **kwargs) and is_active(
            request
        )

    def validate_refresh_token(
        self, refresh_token: str, client: Application, request: Request, **kwargs: Any
    ) -> bool:
        return super().validate_refresh_token(
            refresh_token, client, request, **kwargs
        ) and is_active(request)

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

    def _save_bearer_token(
        self, token: dict[str, Any], request: Request, *args: Any, **kwargs: Any
    ) -> None:
        if request.grant_type == Application.GRANT_DEVICE_CODE:
            use_up_device_code(request)
        super()._save_bearer_token(token, request, *args, **kwargs)

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
