"""Tokens for Klanten's own login endpoints: the toolkit's rows, under a client of our own."""

import json
import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from oauth2_provider.models import (
    get_access_token_model,
    get_refresh_token_model,
    set_token_value,
)
from oauth2_provider.oauth2_backends import get_oauthlib_core
from oauthlib.common import generate_token

from access.models import LOGIN_CLIENT_ID, Application, User
from access.scopes import IDENTITY_SCOPES


@dataclass(frozen=True, slots=True)
class Pair:
    """An access token, and the refresh token that gets the next pair."""

    access: str
    refresh: str


def login_client() -> Application:
    """The client under which our own logins are on record.

    Its id is known to all and worth nothing: without a redirect address it can only refresh.
    """
    client: Application
    client, _ = Application.objects.get_or_create(
        client_id=LOGIN_CLIENT_ID,
        defaults={
            "name": "Klanten's own login",
            "client_type": Application.CLIENT_PUBLIC,
            "authorization_grant_type": Application.GRANT_AUTHORIZATION_CODE,
            "algorithm": Application.RS256_ALGORITHM,
        },
    )
    return client


@transaction.atomic
def issue(user: User) -> Pair:
    """Tokens with which `user` does what their own permissions say."""
    client = login_client()
    pair = Pair(generate_token(40), generate_token(40))
    lifetime = timedelta(seconds=settings.OAUTH2_PROVIDER["ACCESS_TOKEN_EXPIRE_SECONDS"])
    access = get_access_token_model()(
        user=user,
        application=client,
        expires=timezone.now() + lifetime,
        scope=" ".join(sorted(IDENTITY_SCOPES)),
    )
    set_token_value(access, pair.access)
    access.save()
    refresh = get_refresh_token_model()(
        user=user, application=client, access_token=access, token_family=uuid.uuid4()
    )
    set_token_value(refresh, pair.refresh)
    refresh.save()
    return pair


def refresh(token: str) -> Pair | None:
    """The next pair for a refresh token, by the toolkit's own rotation; None if it is no good.

    A refresh token works once. One that comes again was stolen or lost on the way: the toolkit
    then revokes all that came from the same login.
    """
    request = HttpRequest()
    request.method = "POST"
    request.META = {"SERVER_NAME": "localhost", "SERVER_PORT": "80"}
    form = QueryDict(mutable=True)
    form.update(
        {"grant_type": "refresh_token", "refresh_token": token, "client_id": LOGIN_CLIENT_ID}
    )
    request.POST = form  # type: ignore[assignment]
    _, _, answer, status = get_oauthlib_core().create_token_response(request)
    if status != 200:  # noqa: PLR2004 - HTTP
        return None
    tokens = json.loads(answer)
    return Pair(tokens["access_token"], tokens["refresh_token"])
