"""Ends a user's sessions, tokens and codes when the user loses access."""

import time
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest
from oauth2_provider.models import (
    get_access_token_model,
    get_device_grant_model,
    get_grant_model,
    get_refresh_token_model,
)

from access.cache import forget_all
from access.models import User, access_ended

# In a session: when its user logged in, as seconds of the epoch.
AUTH_TIME = "auth_time"


@receiver(user_logged_in, dispatch_uid="access.auth_time")
def note_login(sender: Any, *, request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    """Keeps the moment of a login in its session. A login for tokens has none."""
    session = getattr(request, "session", None)
    if session is not None and session.get(SESSION_KEY) == str(user.pk):
        session[AUTH_TIME] = time.time()


@receiver(access_ended, dispatch_uid="access.end_access")
def end_access(sender: Any, *, user: User, **kwargs: Any) -> None:
    """Removes all tokens and codes of a user. Their sessions end with `access_ended_at`.

    What was checked a moment ago is believed elsewhere for up to AUTH_CACHE_SECONDS.
    """
    refresh_tokens = get_refresh_token_model().objects.filter(user=user)
    # A rotation locks the refresh token first, and then deletes the access token.
    list(refresh_tokens.order_by("pk").select_for_update().values_list("pk"))
    refresh_tokens.delete()
    get_access_token_model().objects.filter(user=user).delete()
    get_grant_model().objects.filter(user=user).delete()
    get_device_grant_model().objects.filter(user=user).delete()
    transaction.on_commit(forget_all)
