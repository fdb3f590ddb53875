"""Bearer tokens: those of Klanten's own OpenID provider, and JWTs of trusted issuers.

Our own are checked here and not through the toolkit: its check costs ten times as much, and
reads the user's permissions in further queries.
"""

from hashlib import sha256

from django.conf import settings
from django.utils import timezone
from oauth2_provider.models import get_access_token_model

from access.issuers import check_external_token
from access.people import MEMBERS, permissions_of, person
from access.principals import Kind, Principal
from access.scopes import RESOURCE_SCOPES, parse_scopes


def check_bearer_token(token: str) -> Principal | None:
    """The principal of a valid token. Ours are opaque; what has two dots is somebody's JWT."""
    if token.count(".") == 2:  # noqa: PLR2004 - header.payload.signature
        return check_external_token(token)
    return check_access_token(token)


def check_access_token(token: str) -> Principal | None:
    """The principal of an access token of ours. One query.

    It must be known and not expired, its client active, and its user, if it has one, too.
    A token that was limited to another resource (RFC 8707) is none for us.
    """
    checksum = sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
    row = (
        get_access_token_model()
        .objects.filter(token_checksum=checksum, expires__gt=timezone.now())
        .annotate(granted=permissions_of("user"))
        .values(
            "scope",
            "resource",
            "user_id",
            "application__client_id",
            "application__active",
            "application__scopes",
            "granted",
            *(f"user__{name}" for name in MEMBERS),
        )
        .first()
    )
    if row is None or row["application__active"] is False or not meant_for_us(row["resource"]):
        return None
    scopes = effective(frozenset(row["scope"].split()), row["application__scopes"])
    if row["user_id"] is not None:
        return person({name: row[f"user__{name}"] for name in MEMBERS}, row["granted"], scopes)
    if row["application__client_id"] is None:
        return None
    return Principal(Kind.CLIENT, id=row["application__client_id"], scopes=scopes)


def effective(scopes: frozenset[str], registered: str | None) -> frozenset[str]:
    """The scopes of a token; where it names none for a resource, those of its client limit it.

    Else a client that was registered for little would get everything by asking for less.
    """
    return scopes if scopes & RESOURCE_SCOPES else scopes | parse_scopes(registered or "")


def meant_for_us(resources: list[str]) -> bool:
    """Whether a token with these resource indicators (none: no limit) may be used here."""
    return not resources or settings.PUBLIC_URL in {uri.rstrip("/") for uri in resources}
