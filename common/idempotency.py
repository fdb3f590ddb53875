"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a POST that may be repeated.

`once` runs inside the transaction of the write. The record is inserted first: a second request
with the same key waits on the unique index until the first has committed, and then finds its
answer, or until it has rolled back, and then takes its place. It waits no longer than the
connection's lock timeout (settings).

What a principal can store is bounded: in number by IDEMPOTENCY_RECORDS_PER_PRINCIPAL
(`idempotency_quota`), and each answer by LONGEST_BODY.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import OperationalError, connection
from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from common.errors import Conflict, Problem
from common.housekeeping import delete_in_batches
from common.idempotency_quota import require_room
from common.models import IdempotencyRecord
from common.rendering import encode

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEY = re.compile(r"[!-~]{1,255}")
KEPT_HEADERS = ("ETag", "Location")
KEPT = timedelta(hours=24)
# Bytes. The longest answer of today, an order of 100 lines, has half as many.
LONGEST_BODY = 256 * 1024
# PostgreSQL's lock_not_available.
LOCK_TIMEOUT = "55P03"


def key_of(request: Request) -> str | None:
    """The request's key; None if it has none. Raises a Problem for one that is no key."""
    key = request.headers.get(HEADER)
    if key is None or request.method != "POST":
        return None
    if not KEY.fullmatch(key):
        raise Problem(f"{HEADER} needs 1 to 255 visible ASCII characters.", code="idempotency_key")
    return key


def fingerprint(request: Request) -> str:
    """What makes two requests the same: method, address with its query, and body.

    The boundary of a multipart body is made up anew for each attempt, and a file that is
    uploaded is not held in memory: of a form, the members are compared.
    """
    kind = request.content_type or ""
    if isinstance(request.data, QueryDict):
        kind, content = kind.partition(";")[0], list(members(request.data))
    else:
        content = [request.body]
    digest = sha256()
    for part in (str(request.method), request.get_full_path(), kind):
        digest.update(part.encode() + b"\0")
    for piece in content:
        digest.update(b"%d:%b" % (len(piece), piece))
    return digest.hexdigest()


def members(form: QueryDict) -> Iterator[bytes]:
    """The names and the values of a form, in the order of the names; of a file, a digest."""
    for name, values in sorted(form.lists()):
        for value in values:
            yield name.encode()
            yield file_digest(value) if isinstance(value, UploadedFile) else value.encode()


def file_digest(file: "UploadedFile[Any]") -> bytes:
    """What stands for a file: of its name and its content, which can be read again after."""
    digest = sha256(f"{file.name}\0".encode())
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return b"file:" + digest.digest()


def once(
    key: str,
    request: Request,
    write: Callable[[], Response],
    *,
    for_caller: Callable[[Response], Response],
) -> HttpResponseBase:
    """The answer of `write`, or of the first request with this key.

    `for_caller` takes out of an answer what the caller may not see: the credential of the first
    request may have been for more. Raises a 422 Problem if that was another request, a 409 if it
    is still under way, and a 429 if the principal has as many records as it may have.
    """
    principal, print_ = str(request.auth), fingerprint(request)
    if not claim(principal, key, print_):
        first = IdempotencyRecord.objects.get(principal=principal, key=key)
        return replay(first, print_, for_caller)
    require_room(principal)
    response = write()
    if response.status_code < status.HTTP_400_BAD_REQUEST:
        body = encode(response.data)
        IdempotencyRecord.objects.filter(principal=principal, key=key).update(
            status=response.status_code,
            headers={name: response[name] for name in KEPT_HEADERS if name in response},
            # The record stays without it: the request must not be carried out twice.
            body=body if len(body) <= LONGEST_BODY else b"",
        )
    return response


def claim(principal: str, key: str, print_: str) -> bool:
    """Inserts the record; False if the key is taken. Waits for a first request under way."""
    table = connection.ops.quote_name(IdempotencyRecord._meta.db_table)
    # Not by the ORM, which does not say whether ON CONFLICT kept the row out.
    statement = (
        f"INSERT INTO {table} (principal, {connection.ops.quote_name('key')}, fingerprint, headers,"  # noqa: S608
        " body, created_at) VALUES (%s, %s, %s, '{}', %s, %s) ON CONFLICT DO NOTHING"
    )
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, [principal, key, print_, b"", now])
            return bool(cursor.rowcount == 1)
    except OperationalError as error:
        if getattr(error.__cause__, "pgcode", None) != LOCK_TIMEOUT:
            raise
        raise Conflict(
            f"Another request with this {HEADER} is under way.",
            code="in_flight",
            headers={"Retry-After": "1"},
        ) from error


def replay(
    first: IdempotencyRecord, print_: str, for_caller: Callable[[Response], Response]
) -> HttpResponse:
    """The first answer once more, as far as the caller may see it.

    Raises a 422 Problem if it was an answer to another request, a 409 if it was too long to keep.
    """
    if first.fingerprint != print_:
        raise Problem(
            f"This {HEADER} was used with another request.",
            status=status.HTTP_422_UNPROCESSABLE_ENTITY,
            code="idempotency_key_reused",
        )
    if not first.body:
        raise Conflict(
            "This request has been carried out; its answer was too long to be kept.",
            code="answer_not_kept",
        )
    body, headers = bytes(first.body), dict(first.headers)
    shown = json.loads(body)
    visible = for_caller(Response(shown, status=first.status))
    if visible.data != shown:
        body = encode(visible.data)
        # The tag of the whole would let the rest be guessed.
        headers.pop("ETag", None)
        headers |= {"ETag": visible["ETag"]} if "ETag" in visible else {}
    return HttpResponse(
        body,
        status=first.status,
        content_type="application/json",
        headers={**headers, REPLAYED: "true"},
    )


def prune() -> int:
    """Deletes the records that are older than KEPT; how many those were."""
    old = IdempotencyRecord.objects.filter(created_at__lt=timezone.now() - KEPT)
    return delete_in_batches(old)
