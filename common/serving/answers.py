"""Collects an answer as fast as it is made, and sends it as fast as its reader reads."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import orjson
from asgiref.typing import ASGISendCallable

from common.errors import PROBLEM_JSON, Problem, no_space
from common.models import new_id
from common.request_id import HEADER
from common.serving.environ import Environ
from common.serving.limits import Limits
from common.serving.shared_room import SharedRoom
from common.serving.sockets import cut

Headers = list[tuple[bytes, bytes]]
# A WSGI application (PEP 3333), which Django's is.
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


@dataclass(slots=True)
class Answer:
    """A whole answer. A body that was streamed lies in a file, of `size` bytes."""

    status: int
    headers: Headers
    body: bytes | IO[bytes]
    size: int

    def close_connection(self) -> None:
        """Has the server close the connection, on which the rest of a body may still come."""
        self.headers.append((b"connection", b"close"))


def call(wsgi: Wsgi, environ: Environ, limits: Limits, directory: str | None) -> Answer:
    """Runs the application, all of its answer's body included: what is streamed may read rows."""
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
        started[:] = status, headers

    response = wsgi(environ, start_response)
    try:
        body, size = collect(response, limits, directory)
    finally:
        if hasattr(response, "close"):
            response.close()
    status, headers = started
    encoded = [(name.lower().encode("latin-1"), text.encode("latin-1")) for name, text in headers]
    if not isinstance(body, bytes) and not any(name == b"content-length" for name, _ in encoded):
        encoded.append((b"content-length", str(size).encode()))
    return Answer(int(status[:3]), encoded, body, size)


def collect(
    parts: Iterable[bytes], limits: Limits, directory: str | None
) -> tuple[bytes | IO[bytes], int]:
    """A body and its length. One of several parts is in memory only if it is not long."""
    iterator = iter(parts)
    first = next(iterator, b"")
    second = next(iterator, None)
    if second is None:
        return first, len(first)
    with ExitStack() as on_failure:
        file: IO[bytes] = on_failure.enter_context(
            SpooledTemporaryFile(max_size=limits.spooled_in_memory, dir=directory)
        )
        for part in chain((first, second), iterator):
            try:
                file.write(part)
            except OSError as error:
                raise no_space(error) from error
        size = file.tell()
        file.seek(0)
        on_failure.pop_all()
    return file, size


def refusal(problem: Problem) -> Answer:
    """The answer to a request that the application never saw."""
    request_id = str(new_id())
    body = orjson.dumps(problem.body(request_id))
    headers = {"Content-Type": PROBLEM_JSON, HEADER: request_id, **problem.headers}
    encoded = [(name.lower().encode(), text.encode()) for name, text in headers.items()]
    return Answer(problem.status_code, encoded, body, len(body))


class Answers:
    """Answers of one worker process that are on their way."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.unsent = SharedRoom(limits.unsent_bytes)

    async def send(
        self, answer: Answer, send: ASGISendCallable, client: tuple[str, int] | None
    ) -> None:
        """Sends it; the connection of a reader that is too slow is cut."""
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": answer.headers,
                "trailers": False,
            }
        )
        if isinstance(answer.body, bytes) and answer.size <= self.limits.piece:
            # It fits into the connection's own buffers, whose readers the kernel watches.
            await send({"type": "http.response.body", "body": answer.body, "more_body": False})
            return
        body = BytesIO(answer.body) if isinstance(answer.body, bytes) else answer.body
        with body, self.unsent.holding(answer.size, lambda: cut(client)) as go_on:
            try:
                while piece := body.read(self.limits.piece):
                    async with asyncio.timeout(self.limits.piece_seconds):
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
                    go_on()
            except TimeoutError:
                cut(client)
                return
            await send({"type": "http.response.body", "body": b"", "more_body": False})
