"""The header fields of requests and answers, as JSON Schema describes them."""

from typing import Any

Header = dict[str, Any]


def header(description: str, *, required: bool = False, **schema: Any) -> Header:
    """A header field of an answer; `required` says that it is always there."""
    return {
        "description": description,
        "required": required,
        "schema": {"type": "string", **schema},
    }


REQUEST_ID = {
    "X-Request-ID": header("The request's id, as in the log.", required=True),
}
RATE = {
    "RateLimit-Policy": header('The quota and its window: `"read";q=12000;w=60`.', required=True),
    "RateLimit": header('What is left of it: `"read";r=11999;t=42`.', required=True),
}
ETAG = {"ETag": header("The version, for If-Match and If-None-Match.", required=True)}
PAGE = {
    "Link": header("The pages beside this one: rel=next, rel=prev (RFC 8288)."),
    "X-Total-Count": header("How many there are, if `count=true`.", pattern="^[0-9]+$"),
}
REPLAYED = {
    "Idempotency-Replayed": header(
        "The answer to the first request with this Idempotency-Key, once more.", enum=["true"]
    ),
}
RETRY = header("Seconds to wait.", pattern="^[0-9]+$")
CHALLENGE = {
    "WWW-Authenticate": header("Every scheme that can be used.", required=True),
}
FAREWELL = {
    "Deprecation": header("Since when it should not be used (RFC 9745)."),
    "Sunset": header("When it ends (RFC 8594)."),
}


def of_error(status: int) -> dict[str, Header]:
    """The header fields of an error."""
    match status:
        case 401:
            return REQUEST_ID | CHALLENGE
        case 429 | 503:
            return REQUEST_ID | {"Retry-After": RETRY | {"required": True}}
        case 409:
            return REQUEST_ID | {"Retry-After": RETRY}
        case _:
            return REQUEST_ID
