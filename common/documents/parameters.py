"""The parameters of an operation, as OpenAPI 3 writes them."""

import re
from typing import Any

import django_filters

from common.filters import FIELDS
from common.idempotency import HEADER as IDEMPOTENCY_KEY
from common.idempotency import KEY
from common.request_id import HEADER as REQUEST_ID

Parameter = dict[str, Any]


def parameter(
    name: str, place: str, description: str, schema: dict[str, Any], *, required: bool = False
) -> Parameter:
    return {
        "name": name,
        "in": place,
        "required": required,
        "description": description,
        "schema": schema,
    }


def path_parameters(path: str, schemas: dict[str, dict[str, Any]]) -> list[Parameter]:
    """The parameters in a path template; ids are UUIDs where `schemas` says nothing else."""
    uuid = {"type": "string", "format": "uuid"}
    return [
        parameter(name, "path", "", schemas.get(name, uuid), required=True)
        | {"description": f"The {name.replace('_', ' ')}."}
        for name in re.findall(r"{(\w+)}", path)
    ]


def fields_parameter(members: list[str]) -> Parameter:
    """`?fields=a,b`."""
    schema = {"type": "array", "minItems": 1, "items": {"type": "string", "enum": members}}
    found = parameter(FIELDS, "query", "Only these members, separated by commas.", schema)
    return found | {"style": "form", "explode": False}


def filter_parameter(name: str, each: Any, *, required: bool) -> Parameter:
    """The query parameter of one filter of a FilterSet."""
    description = str(each.extra.get("help_text") or f"Only those with this {name}.")
    return parameter(name, "query", description, filter_schema(each), required=required)


def filter_schema(each: Any) -> dict[str, Any]:
    """The values that a filter takes."""
    match each:
        case django_filters.ChoiceFilter():
            return {"type": "string", "enum": [value for value, _ in each.extra["choices"]]}
        case django_filters.UUIDFilter():
            return {"type": "string", "format": "uuid"}
        case django_filters.IsoDateTimeFilter():
            return {"type": "string", "format": "date-time"}
        case _:
            longest = each.extra.get("max_length")
            bounds = {"maxLength": longest} if longest else {}
            return {"type": "string", "minLength": each.extra.get("min_length") or 1} | bounds


ANY_REQUEST = parameter(
    REQUEST_ID,
    "header",
    "Your id for this request, of up to 128 letters, digits and signs; one is made up otherwise.",
    {"type": "string"},
)
IDEMPOTENT = parameter(
    IDEMPOTENCY_KEY,
    "header",
    "Makes it safe to repeat: the same key and the same request give the first answer again.",
    {"type": "string", "pattern": f"^{KEY.pattern}$"},
)
IF_MATCH = parameter("If-Match", "header", "Only if this is still its ETag.", {"type": "string"})
IF_NONE_MATCH = parameter(
    "If-None-Match", "header", "304 if this is still its ETag.", {"type": "string"}
)
