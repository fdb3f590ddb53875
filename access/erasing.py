"""A login is forgotten: nobody can use it any more, and nothing in it says whose it was."""

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.db import transaction
from django.db.models import Model
from oauth2_provider.models import (
    get_access_token_model,
    get_device_grant_model,
    get_grant_model,
    get_id_token_model,
    get_refresh_token_model,
)

from access.models import ExternalIdentity, User

# What is a user's own, and worth nothing without them.
BELONGINGS: tuple[type[Model], ...] = (
    get_refresh_token_model(),
    get_access_token_model(),
    get_id_token_model(),
    get_grant_model(),
    get_device_grant_model(),
    ExternalIdentity,
)
# What was noted down about attempts to log in, by the name that was given.
ATTEMPTS: tuple[type[Model], ...] = (AccessAttempt, AccessFailureLog, AccessLog)


@transaction.atomic
def erase_login(user: User) -> dict[str, int]:
    """How many rows of each kind were overwritten or removed: `{"tokens": 3, ...}`.

    The user stays, without a name and without a way in: its sessions end with its password, and
    a credential that was believed a moment ago is for no longer than AUTH_CACHE_SECONDS.
    """
    attempts = sum(remove(model, username=user.username) for model in ATTEMPTS)
    belongings = sum(remove(model, user=user) for model in BELONGINGS)
    user.username = f"erased-{user.pk}"
    user.email = user.first_name = user.last_name = ""
    user.is_active = False
    user.last_login = None
    user.set_unusable_password()
    user.save()
    user.groups.clear()
    user.user_permissions.clear()
    return {"logins": 1, "login_attempts": attempts, "tokens_and_identities": belongings}


def remove(model: type[Model], **which: object) -> int:
    """Deletes these rows; how many those were."""
    rows = model._default_manager.filter(**which)
    number = rows.count()
    rows.delete()
    return number
