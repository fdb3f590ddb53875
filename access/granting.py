"""The one rule for handing out rights: nobody gives what they do not have.

A right is the name of a Django permission (`orders.view_order`); the scopes of keys and clients
count as the permissions that a person would need for the same. Who may change a user, a group, a
key or a client could use its rights, or have them used, so that this needs all of those rights.
A superuser has every right.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import Group, Permission
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from access.models import ApiKey, Application, User
from access.scopes import RESOURCE_SCOPES, RESOURCES, parse_scopes

# The model whose permissions decide about a resource.
MODEL_OF_RESOURCE = {
    "customers": "customers.customer",
    "apps": "mappings.app",
    "mappings": "mappings.mapping",
    "items": "items.item",
    "orders": "orders.order",
    "notifications": "notifications.message",
    "imports": "imports.import",
}
# The permissions that a scope's verb stands for.
PERMISSIONS_OF_VERB = {
    "read": ("view",),
    "write": ("add", "change", "delete"),
    "export": ("export",),
    "erase": ("erase",),
}
# What a scope allows besides: a query by a mapping answers with the customer, and who asks
# whether a token is valid is told whose it is.
FURTHER_RIGHTS = {
    "mappings:read": frozenset({"customers.view_customer"}),
    "introspection": frozenset({"oauth2_provider.view_accesstoken"}),
}


def rights_of_scope(scope: str) -> frozenset[str]:
    """The permissions that a person needs for what a resource scope allows."""
    further = FURTHER_RIGHTS.get(scope, frozenset())
    resource, _, verb = scope.rpartition(":")
    if verb not in PERMISSIONS_OF_VERB:
        return further
    names = (MODEL_OF_RESOURCE[each].split(".") for each in ([resource] if resource else RESOURCES))
    return further | {
        f"{app}.{permission}_{model}"
        for app, model in names
        for permission in PERMISSIONS_OF_VERB[verb]
    }


def rights_in(permissions: QuerySet[Permission]) -> frozenset[str]:
    """The names of these permissions."""
    pairs = permissions.order_by().values_list("content_type__app_label", "codename")
    return frozenset(f"{app}.{codename}" for app, codename in pairs)


def rights_of(user: User) -> frozenset[str]:
    """The permissions of a user, own and by group, active or not.

    Django says that an inactive user has none; somebody may activate them again.
    """
    own = Q(pk__in=user.user_permissions.values("pk"))
    by_group = Q(pk__in=Permission.objects.filter(group__in=user.groups.all()).values("pk"))
    return rights_in(Permission.objects.filter(own | by_group))


def with_own(rights: frozenset[str]) -> frozenset[str]:
    """These rights and the same to rows of one's own, which they include (access/rule.py)."""
    split = (right.split(".", 1) for right in rights)
    return rights | {f"{app}.{codename.replace('_', '_own_', 1)}" for app, codename in split}


@dataclass(frozen=True, slots=True)
class Grantor:
    """Somebody who hands out rights, and those that they have."""

    is_unlimited: bool
    rights: frozenset[str]

    def covers(self, rights: Iterable[str]) -> bool:
        """Whether they have all of these."""
        return self.is_unlimited or self.rights.issuperset(rights)

    def covers_user(self, user: User) -> bool:
        """Whether they may do whatever this user may, or could once active."""
        return self.is_unlimited or (not user.is_superuser and self.covers(rights_of(user)))

    def covers_group(self, group: Group) -> bool:
        """Whether they may do whatever the members of this group may."""
        return self.covers(rights_in(group.permissions.all()))

    def beyond(self, scopes: str) -> list[str]:
        """Those of the scopes that they cannot give. ValueError for unknown ones."""
        return sorted(
            each for each in parse_scopes(scopes) if not self.covers(rights_of_scope(each))
        )

    def covers_credential(self, credential: ApiKey | Application) -> bool:
        """Whether they may do whatever this key or client may.

        A client that asks nobody for consent acts for whoever follows a link, superusers too.
        """
        if self.is_unlimited:
            return True
        if isinstance(credential, Application) and credential.skip_authorization:
            return False
        # One that was withdrawn is still on an old row, and stands for nothing.
        known = RESOURCE_SCOPES.intersection(credential.scopes.split())
        return not self.beyond(" ".join(known))

    def permissions(self) -> QuerySet[Permission]:
        """The permissions that they can give."""
        if self.is_unlimited:
            return Permission.objects.all()
        given = [
            permission.pk
            for permission in Permission.objects.select_related("content_type")
            if f"{permission.content_type.app_label}.{permission.codename}" in self.rights
        ]
        return Permission.objects.filter(pk__in=given)

    def groups(self) -> QuerySet[Group]:
        """The groups that they can put somebody into."""
        if self.is_unlimited:
            return Group.objects.all()
        missing = Permission.objects.exclude(pk__in=self.permissions().values("pk"))
        return Group.objects.exclude(permissions__in=missing)


def grantor_of(request: HttpRequest | None) -> Grantor:
    """Whoever uses a page; nobody, who can give nothing, without one."""
    user = request.user if request else None
    if not isinstance(user, User) or not user.is_active:
        return Grantor(is_unlimited=False, rights=frozenset())
    if user.is_superuser:
        return Grantor(is_unlimited=True, rights=frozenset())
    return Grantor(is_unlimited=False, rights=with_own(rights_of(user)))
