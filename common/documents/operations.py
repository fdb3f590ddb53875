"""What a viewset declares about its operations, beyond what can be derived from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.http import http_date
from rest_framework import serializers

Serializer = type[serializers.Serializer[Any]]
# Actions that take the members of a row, where nothing else is declared.
WITH_BODY = frozenset({"create", "update", "partial_update"})
DEPRECATION, SUNSET = "Deprecation", "Sunset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation, in `operations` of its viewset by the name of its action.

    Everything has a default: the summary and the description come from the action, the
    serializers from the viewset, the status and the errors from the method.
    """

    summary: str = ""
    description: str = ""
    request: Serializer | None = None
    response: Serializer | None = None
    many: bool = False
    # The most elements of a body that is an array; None: it is an object.
    most: int | None = None
    # An array in the answer may have null for an element.
    gaps: bool = False
    # The media type of an answer that is a file.
    download: str = ""
    statuses: tuple[int, ...] = ()
    # Bodies to send, by what each is an example of.
    examples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    # An answer, as an example, where it is not the viewset's sample.
    sample: Mapping[str, Any] | None = None
    # Names of query parameters that must be there.
    required: frozenset[str] = frozenset()
    # Further errors, and what each means here.
    errors: Mapping[int, str] = field(default_factory=dict)
    # What can be called next, by operation id: its parameters, and the members of this answer
    # that are their values.
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    # Since when it should not be used, and when it ends (RFC 9745, RFC 8594).
    deprecated: datetime | None = None
    sunset: datetime | None = None

    def farewell(self) -> dict[str, str]:
        """The header fields that tell of the end of an operation."""
        headers = {}
        if self.deprecated:
            headers[DEPRECATION] = f"@{int(self.deprecated.timestamp())}"
        if self.sunset:
            headers[SUNSET] = http_date(self.sunset.timestamp())
        return headers


NOTHING_DECLARED = Operation()
