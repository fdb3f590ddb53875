"""JSON as it goes out, by orjson: ids and times as they come from the database."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
from django.utils.functional import Promise
from rest_framework.renderers import BaseRenderer


def encode(data: Any) -> bytes:
    """`data` as compact JSON in UTF-8; times in RFC 3339 with `Z`, money as a string."""
    return orjson.dumps(data, default=plain, option=orjson.OPT_UTC_Z)


def plain(value: Any) -> str:
    """What orjson does not know: amounts, and texts that are translated late."""
    if isinstance(value, Decimal | Promise):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be shown")


class JSONRenderer(BaseRenderer):
    """Every answer of the API, problems included."""

    media_type = "application/json"
    format = "json"
    # JSON has none (RFC 8259).
    charset = None
    render_style = "binary"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        return b"" if data is None else encode(data)
