"""What a view answers where a row is made unless it is there."""

from typing import Any

from rest_framework.response import Response
from rest_framework.status import HTTP_200_OK, HTTP_201_CREATED


def saved(serializer: Any) -> Response:
    """The row that `serializer` makes or finds; which of the two is in its `created`.

    Raises ValidationError for a body that it does not take.
    """
    serializer.is_valid(raise_exception=True)
    serializer.save()
    return Response(serializer.data, status=made(serializer.created))


def made(created: bool) -> int:
    """The status of an answer with something that is new, or was there."""
    return HTTP_201_CREATED if created else HTTP_200_OK
