"""Takes in a request's body before anything else is done for it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, suppress
from io import BytesIO
from tempfile import TemporaryFile
from typing import IO

from asgiref.typing import ASGIReceiveCallable
from django.core.exceptions import RequestDataTooBig

from common.errors import Problem, no_space
from common.serving.environ import Environ
from common.serving.limits import Limits
from common.serving.shared_room import SharedRoom


class DisconnectedError(Exception):
    """The client went away before all of its body had come."""


class UnreadBody:
    """`wsgi.input` of a body that is larger than its sender may send: reading it is a 413.

    A view that checks the credential first never reads it, and answers 401 as usual.
    """

    def read(self, *_: int) -> bytes:
        raise RequestDataTooBig("The body is larger than this caller may send.")

    readline = read

    def __iter__(self) -> Iterator[bytes]:
        return iter([self.read()])

    def close(self) -> None:
        """There is nothing to close."""


class Bodies:
    """Bodies of one worker process.

    `most_bytes` says how long a request's body may be at most; it is asked, in a processing
    thread, for what is longer than a small body, and looks at the credential.
    """

    def __init__(
        self,
        limits: Limits,
        most_bytes: Callable[[Environ], Awaitable[int]],
        directory: str | None,
    ) -> None:
        self.limits = limits
        self.most_bytes = most_bytes
        self.directory = directory
        self.small = SharedRoom(limits.small_bodies)
        self.large = SharedRoom(limits.large_bodies)

    async def take_in(self, environ: Environ, receive: ASGIReceiveCallable) -> bool:
        """Puts the body into `environ`, with its true length; whether all of it was read.

        Raises DisconnectedError, or a Problem: 408, 503 (no thread to check the credential), 507.
        """
        announced = int(environ.get("CONTENT_LENGTH") or 0)
        parts: list[bytes] = []
        if announced <= self.limits.small_body and await self.read_small(parts, receive):
            body: IO[bytes] = BytesIO(b"".join(parts))
        else:
            most = await self.most_bytes(environ)
            if announced > most or sum(map(len, parts)) > most:
                refuse_to_read(environ, parts)
                return False
            file = await self.read_large(parts, receive, most)
            if file is None:
                refuse_to_read(environ, parts)
                return False
            body = file
        environ["CONTENT_LENGTH"] = str(body.seek(0, 2))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        body.seek(0)
        environ["wsgi.input"] = body
        return True

    async def read_small(self, parts: list[bytes], receive: ASGIReceiveCallable) -> bool:
        """Collects a body; False as soon as it turns out to be a large one."""
        try:
            async with asyncio.timeout(self.limits.grace) as deadline:
                loop = asyncio.get_running_loop()
                size = 0
                with self.small.holding(1, lambda: deadline.reschedule(loop.time())):
                    while size <= self.limits.small_body:
                        part, more = await next_part(receive)
                        parts.append(part)
                        size += len(part)
                        if not more:
                            return size <= self.limits.small_body
        except TimeoutError:
            raise too_slow() from None
        return False

    async def read_large(
        self, parts: list[bytes], receive: ASGIReceiveCallable, most: int
    ) -> IO[bytes] | None:
        """The rest of a body behind `parts`, in a temporary file; None if it exceeds `most`."""
        try:
            # Within the context it is closed unless it is handed on.
            with ExitStack() as unless_complete:
                file = TemporaryFile(dir=self.directory)  # noqa: SIM115 - the line below
                unless_complete.callback(close_quietly, file)
                if await self.write_all(file, parts, receive, most):
                    unless_complete.pop_all()
                    return file
        except TimeoutError:
            raise too_slow() from None
        except OSError as error:
            raise no_space(error) from error
        return None

    async def write_all(
        self, file: IO[bytes], parts: list[bytes], receive: ASGIReceiveCallable, most: int
    ) -> bool:
        """Whether the body was no longer than `most`. A disk may be slow: it has threads."""
        loop = asyncio.get_running_loop()
        start = loop.time() + self.limits.grace
        size = known = 0
        more = True
        async with asyncio.timeout(self.limits.grace) as deadline:
            with self.large.holding(1, lambda: deadline.reschedule(loop.time())) as go_on:
                while more:
                    part, more = (parts.pop(0), True) if parts else await next_part(receive)
                    size += len(part)
                    if size > most:
                        return False
                    await loop.run_in_executor(None, file.write, part)
                    if size - known >= self.limits.small_body:
                        known = size
                        go_on()
                        deadline.reschedule(start + size / self.limits.bytes_per_second)
                await loop.run_in_executor(None, file.flush)
        return True


async def next_part(receive: ASGIReceiveCallable) -> tuple[bytes, bool]:
    """The next bytes of a body, and whether there are more."""
    message = await receive()
    if message["type"] != "http.request":
        raise DisconnectedError
    return message["body"], message["more_body"]


def refuse_to_read(environ: Environ, parts: list[bytes]) -> None:
    """Leaves the rest of a body where it is. Its length says that there is one."""
    environ.setdefault("CONTENT_LENGTH", str(sum(map(len, parts)) or 1))
    environ["wsgi.input"] = UnreadBody()


def close_quietly(file: IO[bytes]) -> None:
    """Closes a file that nobody needs; on a full disk that may be an error of its own."""
    with suppress(OSError):
        file.close()


def too_slow() -> Problem:
    """408 for a body that did not come in time."""
    return Problem("The body did not arrive in time.", status=408, code="too_slow")
