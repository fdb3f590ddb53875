"""Every refusal, as `application/problem+json` (RFC 9457).

Services raise a `Problem`; `problem_response` is the one place that turns it, DRF's own
exceptions and the database's refusals into an answer.
"""

import errno
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
)
from django.db.models import ProtectedError
from django.http import Http404, HttpRequest, JsonResponse
from django.http.multipartparser import MultiPartParserError
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error

from common.integrity import is_foreign_key_violation, violated_constraint
from common.logs import route_of
from common.rendering import JSONRenderer

logger = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"
# What the system says of a disk that takes nothing more.
NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
# What an answer repeats of what came in is bounded, or a small request had a huge answer.
MOST_ERRORS = 100
LONGEST_NAME = 200
LONGEST_DETAIL = 500


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one member: its name (`lines[0].quantity`), a code, a sentence."""

    field: str
    code: str
    detail: str


class Malformed(BadRequest):
    """400 for a request that no view can read; also where Django answers, and not DRF."""

    status = HTTPStatus.BAD_REQUEST
    code = "malformed"


class UnsupportedEncoding(Malformed):
    """415: something names another encoding than UTF-8."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported_media_type"


def encodable(text: str) -> str:
    """`text` as it can go out: an error repeats what came in, lone surrogates included."""
    return text.encode("utf-8", "backslashreplace").decode()


def shortened(text: str, longest: int) -> str:
    """`text` as it can go out, cut off at `longest` characters."""
    sendable = encodable(text[: longest + 1])
    return sendable if len(sendable) <= longest else f"{sendable[: longest - 1]}…"


def listed(errors: Sequence[FieldError]) -> list[FieldError]:
    """The errors that an answer lists: at most MOST_ERRORS, the last of which counts the others."""
    if len(errors) <= MOST_ERRORS:
        return list(errors)
    rest = len(errors) - (MOST_ERRORS - 1)
    return [
        *errors[: MOST_ERRORS - 1],
        FieldError("", "more", f"{rest} more errors are not listed."),
    ]


class Problem(exceptions.APIException):
    """A refusal with a stable `code` and one sentence that a person can act on."""

    status_code: int = HTTPStatus.BAD_REQUEST
    default_code = "invalid"

    def __init__(
        self,
        detail: str,
        *,
        status: int | None = None,
        code: str | None = None,
        errors: Iterable[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status_code = status or self.status_code
        self.code = code or self.default_code
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        super().__init__(detail, self.code)

    def body(self, request_id: str) -> dict[str, Any]:
        """The members of the document. `error` repeats `detail` for clients of Savannah."""
        detail = shortened(str(self.detail), LONGEST_DETAIL)
        return {
            "type": "about:blank",
            "title": HTTPStatus(self.status_code).phrase,
            "status": self.status_code,
            "detail": detail,
            "code": self.code,
            "error": detail,
            "errors": [
                {
                    "field": shortened(error.field, LONGEST_NAME),
                    "code": error.code,
                    "detail": shortened(error.detail, LONGEST_DETAIL),
                }
                for error in listed(self.errors)
            ],
            "request_id": request_id,
        }


class Invalid(Problem):
    """400: one or more members are not valid; each is named."""

    def __init__(self, *errors: FieldError) -> None:
        super().__init__(sentence(errors[0]), errors=errors)


class NotFound(Problem):
    """404: not there, or not the caller's to see."""

    status_code = HTTPStatus.NOT_FOUND
    default_code = "not_found"


class Conflict(Problem):
    """409: well formed, but the present state forbids it."""

    status_code = HTTPStatus.CONFLICT
    default_code = "conflict"


def sentence(error: FieldError) -> str:
    """The top-level `detail` for a field's error: a sentence that names the field.

    The wording for a missing member is Savannah's; its clients compare it.
    """
    if error.code == "required":
        return f"Missing required field: {error.field}"
    if error.code in {"not_found", "clash"} or not error.field:
        return error.detail
    return f"{error.field}: {error.detail}"


def flatten(detail: Any, path: str = "") -> Iterator[FieldError]:
    """DRF's nested error detail as a flat list, in the order of the fields."""
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            yield from flatten(value, inside(path, key))
    elif isinstance(detail, list):
        for index, value in enumerate(detail):
            nested = isinstance(value, Mapping | list)
            yield from flatten(value, f"{path}[{index}]" if nested else path)
    else:
        yield FieldError(path, getattr(detail, "code", "invalid"), str(detail))


def inside(path: str, key: str | int) -> str:
    """The path of a member of what is at `path`; DRF numbers the elements of a list."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    if key == "non_field_errors":
        return path
    return f"{path}.{key}" if path else key


def still_referenced(exc: ProtectedError) -> Conflict:
    """409 for the deletion of something that other rows hold."""
    holders = sorted({str(row._meta.verbose_name_plural) for row in exc.protected_objects})
    return Conflict(
        f"It cannot be deleted: there are {' and '.join(holders)} that refer to it.",
        code="referenced",
    )


def constraint_refused(exc: IntegrityError) -> Conflict | None:
    """409 in the words of the named constraint that the database upheld."""
    if constraint := violated_constraint(exc):
        message = str(constraint.violation_error_message)
        code = str(constraint.violation_error_code or "conflict")
        fields: tuple[str, ...] = getattr(constraint, "fields", ())
        errors = [FieldError(fields[0], code, message)] if len(fields) == 1 else []
        return Conflict(message, code=code, errors=errors)
    if is_foreign_key_violation(exc):
        return Conflict("It refers to, or is referred to by, something that just changed.")
    return None


def from_drf(exc: exceptions.APIException) -> Problem:
    """One of DRF's own exceptions in our form."""
    headers = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if (wait := getattr(exc, "wait", None)) is not None:
        headers["Retry-After"] = str(int(wait))
    if isinstance(exc, exceptions.ValidationError):
        errors = tuple(flatten(exc.detail))
        return Problem(sentence(errors[0]), errors=errors)
    detail, code = str(exc.detail), str(exc.get_codes())
    return Problem(detail, status=exc.status_code, code=code, headers=headers)


def as_problem(exc: Exception) -> Problem | None:  # noqa: PLR0911 - one line per kind
    """The refusal that `exc` stands for, or None when it is a fault of ours."""
    match exc:
        case Problem():
            return exc
        case exceptions.APIException():
            return from_drf(exc)
        case Http404():
            return NotFound("Not found.")
        case PermissionDenied():
            return from_drf(exceptions.PermissionDenied())
        case SuspiciousOperation() | BadRequest() | MultiPartParserError():
            return unreadable(exc)
        case ProtectedError():
            return still_referenced(exc)
        case ValidationError():
            return from_drf(exceptions.ValidationError(as_serializer_error(exc)))
        case DatabaseError() | InterfaceError():
            return from_database(exc)
        case OSError() if exc.errno in NO_SPACE:
            return no_space(exc)
        case _:
            return None


def from_database(exc: Exception) -> Problem | None:
    """What the database refused, or that it is away; None for a fault of ours."""
    match exc:
        case IntegrityError():
            return constraint_refused(exc)
        case DataError():
            return Problem("A value cannot be stored: it is too long or out of range.")
        case OperationalError() | InterfaceError():
            return database_away(exc)
        case _:
            return None


def unreadable(exc: Exception) -> Problem:
    """The refusal of a request that Django, or we in its place, could not read."""
    match exc:
        case RequestDataTooBig():
            return too_large()
        case Malformed():
            return Problem(str(exc), status=exc.status, code=exc.code)
        case _:
            return Problem("The request is malformed.", code=Malformed.code)


def database_away(exc: Exception) -> Problem:
    """503 while the database is away or overloaded; nothing was half-written."""
    logger.error("The database failed", exc_info=exc)
    return unavailable()


def unavailable(
    detail: str = "The service is busy. Try again in a moment.", *, retry_after: int = 1
) -> Problem:
    """503, to be tried again after so many seconds."""
    return Problem(
        detail,
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        code="unavailable",
        headers={"Retry-After": str(retry_after)},
    )


def too_large(what: str = "body") -> Problem:
    """413."""
    return Problem(
        f"The {what} is too large.", status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, code="too_large"
    )


def no_space(exc: Exception) -> Problem:
    """507 while a disk is full, or a directory for temporary files cannot be written."""
    logger.error("A file could not be stored", exc_info=exc)
    return Problem(
        "There is no room to store this at the moment. Try again later.",
        status=HTTPStatus.INSUFFICIENT_STORAGE,
        code="no_space",
        headers={"Retry-After": "60"},
    )


def fault() -> Problem:
    """500: all that an outsider is told of an error of ours."""
    return Problem("Something went wrong on our side.", status=500, code="error")


def problem_response(exc: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's exception handler: any exception of a view as problem+json, never a traceback."""
    request: Request = context["request"]
    problem = as_problem(exc)
    if problem is None:
        route = route_of(request.path_info)
        logger.error("Unhandled error in %s %s", request.method, route, exc_info=exc)
        problem = fault()
    # A view whose answers are pages (Swagger UI) would render a page.
    request.accepted_renderer, request.accepted_media_type = JSONRenderer(), PROBLEM_JSON
    return Response(
        problem.body(getattr(request, "request_id", "")),
        status=problem.status_code,
        headers=problem.headers,
        content_type=PROBLEM_JSON,
    )


def page_problem(request: HttpRequest, problem: Problem) -> JsonResponse:
    """A problem for what never reached a view: an unknown path, a refused host, a fault."""
    return JsonResponse(
        problem.body(getattr(request, "request_id", "")),
        status=problem.status_code,
        headers=problem.headers,
        content_type=PROBLEM_JSON,
    )
