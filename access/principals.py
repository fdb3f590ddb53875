"""Who is calling, whatever the credential was: `request.auth` of every authenticated request."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from rest_framework.exceptions import NotAuthenticated
from rest_framework.request import Request

from access.models import User
from common.networks import Network


class Kind(StrEnum):
    API_KEY = "key"
    CLIENT = "client"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody or something that showed a valid credential.

    `id` is stable and unique within its kind. `scopes` limits what the credential may be
    used for. For a person `user` is set, and `permissions` holds their Django permissions
    (`orders.view_order`); a superuser has all of them.
    """

    kind: Kind
    id: str
    scopes: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()
    rate_class: str = "standard"
    if_match_required: bool = False
    user: User | None = field(default=None, compare=False)
    permissions: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"

    def limited_to(self, scopes: frozenset[str]) -> "Principal":
        """The same, with a credential for these scopes."""
        return replace(self, scopes=scopes)

    def has_permission(self, name: str) -> bool:
        """Whether this person has the Django permission `name`."""
        return self.user is not None and (self.user.is_superuser or name in self.permissions)


def caller(request: Request) -> Principal:
    """Who sent `request`. Raises NotAuthenticated for a request without a credential."""
    if not isinstance(request.auth, Principal):
        raise NotAuthenticated
    return request.auth
