"""A small HTTP/1.1 server on asyncio streams, with a hand on the connection itself.

A gateway shows what it is worth when the other side misbehaves: when it resets the
connection, cuts an answer in half, or says nothing. A web framework hides the
connection from its handlers and cannot be made to do any of that, so none is used.

It serves keep-alive connections and bodies with a Content-Length, both bounded, which
is all that its clients need. It is meant for the loopback interface only.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qsl, urlsplit

MAX_HEAD_BYTES = 16 * 1024
MAX_BODY_BYTES = 256 * 1024
PIECE_BYTES = 4096
BACKLOG = 1024

# SO_LINGER on, with a wait of zero seconds: close() then sends RST instead of FIN.
LINGER_ZERO = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Response:
    """An ordinary answer."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    def head(self, *, keep_alive: bool) -> bytes:
        """The status line and the headers, with the empty line that ends them."""
        lines = [
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            f"Connection: {'keep-alive' if keep_alive else 'close'}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


@dataclass(frozen=True, slots=True)
class Reset:
    """No answer: the connection is reset (RST)."""


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer: the connection stays open until the client gives up."""


@dataclass(frozen=True, slots=True)
class HalfAnswer:
    """The head and half of the body of `response`, and then the end of the connection."""

    response: Response


Reply = Response | Reset | Silence | HalfAnswer


def text(status: int, body: str, headers: Mapping[str, str] | None = None) -> Response:
    """A plain text answer."""
    return Response(status, body.encode(), headers=headers or {})


def json_answer(status: int, content: object) -> Response:
    """A JSON answer."""
    return Response(status, json.dumps(content).encode(), "application/json")


@dataclass(slots=True)
class Request:
    """A request whose head has been read, and of its body as much as was asked for."""

    method: str
    path: str
    query: Mapping[str, str]
    # Names in lower case.
    headers: Mapping[str, str]
    keep_alive: bool
    unread: int
    _reader: asyncio.StreamReader
    _body: bytearray = field(default_factory=bytearray)

    async def read_piece(self) -> bytes:
        """Read what has arrived of the body, and return all that was read until now.

        Raises IncompleteReadError when the client leaves in the middle of it.
        """
        if self.unread:
            piece = await self._reader.read(min(self.unread, PIECE_BYTES))
            if not piece:
                raise asyncio.IncompleteReadError(bytes(self._body), self.unread)
            self._body += piece
            self.unread -= len(piece)
        return bytes(self._body)

    async def read(self) -> bytes:
        """The whole body."""
        while self.unread:
            await self.read_piece()
        return bytes(self._body)


Handler = Callable[[Request], Awaitable[Reply]]


class BadRequestError(Exception):
    """The head of a request that this server does not take; `status` is the answer."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


async def read_request(reader: asyncio.StreamReader) -> Request:
    """Read the head of the next request.

    Raises IncompleteReadError when the client closes the connection instead, and
    BadRequestError for a head that is too large or cannot be understood.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise BadRequestError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE) from None
    request_line, *header_lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    try:
        method, target, version = request_line.split(" ")
        address = urlsplit(target)
        headers = dict(_header(line) for line in header_lines)
    except ValueError:
        raise BadRequestError(HTTPStatus.BAD_REQUEST) from None
    return Request(
        method=method,
        path=address.path,
        query=dict(parse_qsl(address.query)),
        headers=headers,
        keep_alive=_keeps_alive(version, headers),
        unread=_body_length(headers),
        _reader=reader,
    )


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise ValueError(line)
    return name.lower(), value.strip()


def _keeps_alive(version: str, headers: Mapping[str, str]) -> bool:
    return version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"


def _body_length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise BadRequestError(HTTPStatus.LENGTH_REQUIRED)
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdecimal()):
        raise BadRequestError(HTTPStatus.BAD_REQUEST)
    # The digits are counted first: Python refuses to read a number of 4,300 of them.
    if len(length) > len(str(MAX_BODY_BYTES)) or int(length) > MAX_BODY_BYTES:
        raise BadRequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return int(length)


class Server:
    """Serves `routes`, a handler for each path."""

    def __init__(self, routes: Mapping[str, Handler]) -> None:
        self.routes = routes
        # How many connections were accepted so far.
        self.connections = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server

    async def start(self, host: str, port: int) -> None:
        """Listen on `host` and `port`; port 0 takes a free one.

        Raises OSError when that address cannot be had.
        """
        self._server = await asyncio.start_server(
            self._serve, host, port, limit=MAX_HEAD_BYTES, backlog=BACKLOG
        )

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def stop(self) -> None:
        """Stop listening and drop every connection."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first request to its last."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._tasks.add(task)
        self.connections += 1
        try:
            # A client may leave whenever it likes. stop() cancels, and asyncio's streams
            # would log a cancelled connection as an error.
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its answer; False when the connection ends with it."""
        try:
            request = await read_request(reader)
        except BadRequestError as error:
            await _write(writer, text(error.status, str(error)), keep_alive=False)
            return False
        handler = self.routes.get(request.path, _not_found)
        match await handler(request):
            case Response() as response:
                # What the handler left unread would be taken for the next request.
                await request.read()
                await _write(writer, response, keep_alive=request.keep_alive)
                return request.keep_alive
            case HalfAnswer(response):
                await _write_half(writer, response)
            case Silence():
                await _wait_for_the_end(reader)
            case Reset():
                _reset(writer)
        return False


async def _not_found(_request: Request) -> Response:
    return text(HTTPStatus.NOT_FOUND, "Not Found")


async def _write(writer: asyncio.StreamWriter, response: Response, *, keep_alive: bool) -> None:
    writer.write(response.head(keep_alive=keep_alive) + response.body)
    await writer.drain()


async def _write_half(writer: asyncio.StreamWriter, response: Response) -> None:
    half = response.body[: len(response.body) // 2]
    writer.write(response.head(keep_alive=True) + half)
    await writer.drain()


async def _wait_for_the_end(reader: asyncio.StreamReader) -> None:
    while await reader.read(PIECE_BYTES):
        pass


def _reset(writer: asyncio.StreamWriter) -> None:
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
    writer.transport.abort()
