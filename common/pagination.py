"""Lists: plain arrays, keyset pages, and `Link` headers (RFC 8288)."""

import re
from typing import Any
from uuid import UUID

from rest_framework.exceptions import NotFound
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response

from common.errors import FieldError, Invalid


class KeysetPagination(CursorPagination):
    """Newest first, by the time-ordered id: page 10,000 costs what page 1 does."""

    ordering = "-id"
    page_size = 100
    max_page_size = 1000
    page_size_query_param = "limit"
    page_size_query_description = "How many at most: 1 to 1,000; 100 if not given."
    cursor_query_param = "cursor"
    cursor_query_description = "Where the page begins, as the Link header of a former page gave it."

    def get_page_size(self, request: Request) -> int:
        given = request.query_params.get(self.page_size_query_param)
        if given is None:
            return self.page_size
        if not (re.fullmatch("[0-9]{1,4}", given) and 1 <= int(given) <= self.max_page_size):
            raise Invalid(
                FieldError("limit", "invalid", f"A number from 1 to {self.max_page_size}.")
            )
        return int(given)

    def decode_cursor(self, request: Request) -> Cursor | None:
        try:
            cursor = super().decode_cursor(request)
            if cursor and cursor.position is not None:
                UUID(str(cursor.position))
        except (NotFound, ValueError) as error:
            raise Invalid(
                FieldError("cursor", "invalid", "Use a cursor from a Link header as it came.")
            ) from error
        return cursor

    def get_paginated_response(self, data: Any) -> Response:
        links = {"next": self.get_next_link(), "prev": self.get_previous_link()}
        header = ", ".join(f'<{url}>; rel="{rel}"' for rel, url in links.items() if url)
        return Response(data, headers={"Link": header} if header else None)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {"type": "array", "items": schema}
