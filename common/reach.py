"""Which rows somebody may touch."""

from enum import Enum, auto


class Reach(Enum):
    """What the rule in `access` decides and every viewset's queryset is filtered by."""

    NONE = auto()
    OWN = auto()
    ALL = auto()
