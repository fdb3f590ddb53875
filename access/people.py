"""People as principals: the user and all their permissions, read in one statement."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import OuterRef, Q, Subquery, Value
from django.db.models.functions import Concat

from access.models import User
from access.principals import Kind, Principal
from common.aggregates import JSONArrayAgg

# What a principal needs of a user.
MEMBERS = ("id", "username", "is_active", "is_staff", "is_superuser")


def permissions_of(user: str) -> Subquery[Any]:
    """The permissions of the user in the outer query's field `user`, own and by group, as JSON."""
    who = OuterRef(OuterRef(user))
    own = User.user_permissions.through.objects.filter(user=who)
    # Not by joins: those go through every member of each group, and all customers are in one.
    by_group = Group.permissions.through.objects.filter(group__user=who)
    granted = Permission.objects.filter(
        Q(pk__in=own.values("permission")) | Q(pk__in=by_group.values("permission"))
    )
    names = granted.order_by().values(group_by=Value(1))
    name = Concat("content_type__app_label", Value("."), "codename")
    return Subquery(names.annotate(names=JSONArrayAgg(name)).values("names"))


def person(
    members: dict[str, Any], permissions: list[str] | None, scopes: frozenset[str] = frozenset()
) -> Principal | None:
    """The principal of the user with these MEMBERS; None when the user is not active."""
    if not members["is_active"]:
        return None
    # `from_db` takes the values in the order of the model's fields, whatever the names say.
    names = [each.attname for each in User._meta.concrete_fields if each.attname in members]
    user = User.from_db(None, names, [members[name] for name in names])
    return Principal(
        Kind.USER,
        id=str(user.pk),
        scopes=scopes,
        user=user,
        permissions=frozenset(permissions or ()),
    )


def person_by_id(pk: int) -> Principal | None:
    """The principal of the user with this id. One query."""
    return find_person(pk=pk)


def person_at(issuer: str, subject: str) -> Principal | None:
    """The principal of the user who is `subject` at another issuer. One query."""
    return find_person(external_identities__issuer=issuer, external_identities__subject=subject)


def find_person(**who: Any) -> Principal | None:
    """The principal of the one user whom the lookups `who` find, if there is one."""
    row = User.objects.filter(**who).annotate(granted=permissions_of("pk"))
    if (found := row.values_list(*MEMBERS, "granted").first()) is None:
        return None
    *members, granted = found
    return person(dict(zip(MEMBERS, members, strict=True)), granted)
