"""Who is calling, whatever the credential was: `request.auth` of every authenticated request."""

from dataclasses import dataclass, field
from enum import StrEnum

from access.models import User


class Kind(StrEnum):
    API_KEY = "key"
    CLIENT = "client"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody or something that showed a valid credential.

    `id` is stable and unique within its kind. `scopes` limits what the credential may be
    used for; None is a credential without such a limit (a session). `user` is the person,
    or None for a machine.
    """

    kind: Kind
    id: str
    scopes: frozenset[str] | None = None
    user: User | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"
