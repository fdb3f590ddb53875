"""Which rows somebody may touch."""

from enum import Enum, auto


class Reach(Enum):
    """What the rule in `access` decides and every viewset's queryset is filtered by."""

    NONE = auto()
    OWN = auto()
    ALL = auto()


# What scopes call a permission; the others all change something.
VERBS = {"view": "read", "export": "export", "erase": "erase"}


def verb_of(permission: str) -> str:
    """The verb with which a scope (`orders:read`) names a permission (`view`)."""
    return VERBS.get(permission, "write")


def only_reads(permission: str) -> bool:
    """Whether `permission` lets somebody read and changes nothing."""
    return permission in {"view", "export"}
