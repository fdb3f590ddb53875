"""API keys: making one, and finding out whose a key is."""

from django.db.models import Q
from django.utils import timezone

from access.models import ApiKey
from access.principals import Kind, Principal
from access.scopes import parse_scopes


def create_api_key(*, name: str, scopes: str) -> tuple[ApiKey, str]:
    """A new key with these space-separated scopes, and the key itself: the only time it is seen.

    ValueError names an unknown scope.
    """
    parse_scopes(scopes)
    api_key = ApiKey(name=name, scopes=scopes)
    key = ApiKey.objects.assign_key(api_key)
    api_key.save()
    return api_key, key


def check_api_key(key: str) -> Principal | None:
    """The principal of a valid key: known, not revoked, not expired. One query."""
    prefix, dot, _ = key.partition(".")
    # PostgreSQL refuses a NUL in a parameter with an error of its own.
    if not dot or not prefix or "\0" in key:
        return None
    unexpired = Q(expiry_date=None) | Q(expiry_date__gt=timezone.now())
    row = (
        ApiKey.objects.filter(unexpired, prefix=prefix, revoked=False)
        .values_list("hashed_key", "scopes")
        .first()
    )
    if row is None or not ApiKey.objects.key_generator.verify(key, row[0]):
        return None
    return Principal(Kind.API_KEY, id=prefix, scopes=frozenset(row[1].split()))
