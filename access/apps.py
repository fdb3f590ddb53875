from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate

# The group of every customer's login. Apps declare what it may do: permissions named
# `view_own_...` and `add_own_...`, each for the rows that are the customer's own.
CUSTOMERS = "Customers"


def let_customers_reach_their_own(**kwargs: Any) -> None:
    """Gives the group of customers the permissions to own rows that there are by now.

    Runs after each app's migrations; an app's permissions are made only after this has run
    for it, and are found when it runs for the next.
    """
    from django.contrib.auth.models import Group, Permission  # noqa: PLC0415 - apps are ready now

    own = Permission.objects.filter(codename__regex="^(view|add)_own_")
    Group.objects.get_or_create(name=CUSTOMERS)[0].permissions.add(*own)


class AccessConfig(AppConfig):
    name = "access"
    verbose_name = "Access"

    def ready(self) -> None:
        from access import checks, ending, housekeeping, personal_data  # noqa: F401, PLC0415

        housekeeping.register_chores()
        post_migrate.connect(let_customers_reach_their_own, dispatch_uid="access.customers")
