"""Klanten's additions to django-oauth-toolkit."""

from typing import Any

from oauth2_provider.models import get_application_model
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.common import Request


class Validator(OAuth2Validator):
    """PKCE is demanded of clients that cannot keep a secret.

    A confidential client may use it (CustOrder does) or not (Savannah does not).
    """

    def is_pkce_required(self, client_id: str, request: Request) -> bool:
        applications = get_application_model()
        return not applications.objects.filter(
            client_id=client_id, client_type=applications.CLIENT_CONFIDENTIAL
        ).exists()

    def get_additional_claims(self, request: Request) -> dict[str, Any]:
        """Who the user is; the toolkit hands out only what the token's scopes cover."""
        user = request.user
        return {
            "email": user.email,
            "given_name": user.first_name,
            "family_name": user.last_name,
            "preferred_username": user.get_username(),
        }
