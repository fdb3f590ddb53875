"""API keys: making one, and finding out whose a key is."""

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from access.models import ApiKey
from access.principals import Kind, Principal
from access.scopes import parse_scopes
from common.networks import parse_networks

# `last_used_at` is exact to this; a write for each request would cost more than the check.
LAST_USED_EVERY = timedelta(minutes=1)


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
    """The principal of a valid key: known, not revoked, not expired. One query.

    Where it may be used from is for the caller to check, on every request.
    """
    prefix, dot, _ = key.partition(".")
    # PostgreSQL refuses a NUL in a parameter with an error of its own.
    if not dot or not prefix or "\0" in key:
        return None
    unexpired = Q(expiry_date=None) | Q(expiry_date__gt=timezone.now())
    row = (
        ApiKey.objects.filter(unexpired, prefix=prefix, revoked=False)
        .values(
            "hashed_key",
            "scopes",
            "allowed_networks",
            "rate_class",
            "if_match_required",
            "last_used_at",
        )
        .first()
    )
    if row is None or not ApiKey.objects.key_generator.verify(key, row["hashed_key"]):
        return None
    note_use(prefix, row["last_used_at"])
    return Principal(
        Kind.API_KEY,
        id=prefix,
        scopes=frozenset(row["scopes"].split()),
        networks=parse_networks(row["allowed_networks"]),
        rate_class=row["rate_class"],
        if_match_required=row["if_match_required"],
    )


def note_use(prefix: str, last_used_at: datetime | None) -> None:
    """Writes that the key was used, at most once in LAST_USED_EVERY."""
    now = timezone.now()
    if last_used_at is None or last_used_at < now - LAST_USED_EVERY:
        # Of several requests at once, one writes: whoever comes second finds it changed.
        ApiKey.objects.filter(prefix=prefix, last_used_at=last_used_at).update(last_used_at=now)
