"""What apps above `orders` add to an order's representation.

`orders` knows no SMS; `notifications` contributes `sms_status` here. A member is read with the
order, in the same statement, by its annotation; for an order that was just made, whoever
contributes it sets the attribute of that name itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models.expressions import BaseExpression

# Serializer fields by the name of their member.
Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Contribution:
    """An annotation under a name, and the serializer fields that show it."""

    annotation: Callable[[], BaseExpression]
    fields: Callable[[], Fields]


_contributions: dict[str, Contribution] = {}


def contribute(
    name: str,
    *,
    annotation: Callable[[], BaseExpression],
    fields: Callable[[], Fields],
) -> None:
    """Adds members to the representation. Called once, from an app's `ready()`."""
    _contributions[name] = Contribution(annotation, fields)


def contributed_annotations() -> dict[str, BaseExpression]:
    """The annotations that the contributed members read from."""
    return {name: each.annotation() for name, each in _contributions.items()}


def contributed_fields() -> Fields:
    """Fresh serializer fields of all contributed members."""
    return {
        name: field for each in _contributions.values() for name, field in each.fields().items()
    }
