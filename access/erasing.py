"""Erases logins: nobody can use them any more, and nothing in them says whose they were."""

from django.db.models import QuerySet

from access.models import User
from common.personal import Subject


def erase_logins(users: QuerySet[User], who: Subject) -> int:
    """Overwrites logins; how many.

    The users stay, without a name and without a way in: their sessions end with their passwords.
    """
    rows = list(users.select_for_update().order_by("pk"))
    for user in rows:
        user.username = erased_name(user)
        user.email = user.first_name = user.last_name = ""
        user.is_active = False
        user.last_login = None
        user.set_unusable_password()
        user.save()
        user.groups.clear()
        user.user_permissions.clear()
    return len(rows)


def erased_name(user: User) -> str:
    """What a login is called once it is erased."""
    return f"erased-{user.pk}"


def is_erased(user: User) -> bool:
    """Whether a login was erased."""
    return user.username == erased_name(user)
