"""Every error of the API, for the documents: what it means, and its body."""

from typing import Any

from rest_framework import serializers

from common.errors import FieldError, Problem, fault, too_large, unavailable

REQUEST_ID = "0199f3a4-7c1e-7d20-9f4b-2a8b8f4f9a10"


class FieldErrorSerializer(serializers.Serializer[FieldError]):
    """What is wrong with one member or parameter."""

    field = serializers.CharField(help_text="Its name: `lines[0].quantity`.")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Problem]):
    """A refusal (RFC 9457). `detail` is a sentence to act on; `code` is stable."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    error = serializers.CharField(help_text="The same as detail.")
    errors = FieldErrorSerializer(many=True)  # type: ignore[assignment]  # becomes a field
    request_id = serializers.CharField()


MEANINGS = {
    400: "Not valid. Every error is told at once.",
    401: "No credentials, or bad ones.",
    403: "Known, but not allowed: the missing scope or permission is named.",
    404: "Not there, or not yours to see.",
    406: "The answer is JSON; `Accept` excludes it.",
    409: "The present state forbids it, or a request with this Idempotency-Key is under way.",
    412: "`If-Match` names another version than the present one.",
    413: "The body is too large.",
    414: "The address is too long.",
    415: "The body is neither JSON nor a form, or an encoding other than UTF-8 is named.",
    422: "This Idempotency-Key was used with another request.",
    428: "This key must say with `If-Match` which version it changes.",
    429: "Too many requests in this minute, or too many Idempotency-Keys on record.",
    431: "The header fields are too long.",
    500: "A fault of ours; the log has it under the request id.",
    503: "Busy, or the database is away. Nothing was half-written.",
}

EXAMPLES = {
    400: Problem(
        "Missing required field: customer_code",
        errors=[FieldError("customer_code", "required", "This field is required.")],
    ),
    401: Problem(
        "Authentication credentials were not provided.", status=401, code="not_authenticated"
    ),
    403: Problem(
        "The credential lacks the scope orders:write.", status=403, code="permission_denied"
    ),
    404: Problem("Customer not found", status=404, code="not_found"),
    406: Problem("Could not satisfy the request Accept header.", status=406, code="not_acceptable"),
    409: Problem(
        "It cannot be deleted: there are orders that refer to it.", status=409, code="referenced"
    ),
    412: Problem(
        "It was changed since you read it. Read it again.", status=412, code="precondition_failed"
    ),
    413: too_large(),
    414: Problem("The address is too long.", status=414, code="address_too_long"),
    415: Problem(
        'Unsupported media type "text/plain" in request.',
        status=415,
        code="unsupported_media_type",
    ),
    422: Problem(
        "This Idempotency-Key was used with another request.",
        status=422,
        code="idempotency_key_reused",
    ),
    428: Problem(
        "This key must say with If-Match which version it changes.",
        status=428,
        code="precondition_required",
    ),
    429: Problem("Request was throttled.", status=429, code="throttled"),
    431: Problem("The header fields are too long.", status=431, code="headers_too_long"),
    500: fault(),
    503: unavailable(),
}


def example(status: int) -> dict[str, Any]:
    """The body of an error."""
    return EXAMPLES[status].body(REQUEST_ID)
