"""Slow clients: each function opens one connection and returns it, to be kept open.

`drip` sends the next byte of those that are in DRIPPING.
"""

import random
import socket
from collections.abc import Callable
from contextlib import suppress

# Loopback has many addresses; a limit by address would otherwise meet the honest as well.
SOURCES = [f"127.0.1.{number}" for number in range(1, 101)]

SlowClient = Callable[[str, int, str], socket.socket]

JSON = "Content-Type: application/json\r\n"
MULTIPART = "Content-Type: multipart/form-data; boundary=x\r\n"


def connect(host: str, port: int, *, receive_buffer: int = 0) -> socket.socket:
    """A connection, whose kernel takes in little if `receive_buffer` is given."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.bind((random.choice(SOURCES), 0))  # noqa: S311 - no secret
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(10)
    connection.connect((host, port))
    return connection


def opened(host: str, port: int, text: str, **options: int) -> socket.socket:
    connection = connect(host, port, **options)
    connection.sendall(text.encode())
    return connection


def head(method: str, path: str, authorization: str, rest: str = "") -> str:
    return (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {authorization}\r\n{rest}"
    )


def half_open(host: str, port: int, authorization: str) -> socket.socket:
    return connect(host, port)


def dripping_head(host: str, port: int, authorization: str) -> socket.socket:
    return opened(host, port, head("GET", "/v1/orders/", authorization, "X-Drip: "))


def dripping_body(host: str, port: int, authorization: str) -> socket.socket:
    rest = f"{JSON}Content-Length: 60000\r\n\r\n{{"
    return opened(host, port, head("POST", "/v1/orders/", authorization, rest))


def dripping_large_body(host: str, port: int, authorization: str) -> socket.socket:
    rest = f"{JSON}Content-Length: 2000000\r\n\r\n{{"
    return opened(host, port, head("POST", "/v1/orders/", authorization, rest))


def dripping_chunks(host: str, port: int, authorization: str) -> socket.socket:
    rest = f"{JSON}Transfer-Encoding: chunked\r\n\r\nffff\r\n{{"
    return opened(host, port, head("POST", "/v1/orders/", authorization, rest))


def body_that_never_comes(host: str, port: int, authorization: str) -> socket.socket:
    rest = f"{JSON}Content-Length: 1000\r\n\r\n"
    return opened(host, port, head("POST", "/v1/orders/", authorization, rest))


def upload_that_never_comes(host: str, port: int, authorization: str) -> socket.socket:
    rest = (
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 900000000\r\n\r\n--x\r\n"
    )
    return opened(host, port, head("POST", "/v1/imports/", authorization, rest))


def reader_of_nothing(host: str, port: int, authorization: str) -> socket.socket:
    request = head("GET", "/v1/orders/?limit=1000", authorization, "\r\n")
    return opened(host, port, request, receive_buffer=2048)


def reader_of_nothing_who_asks_on(host: str, port: int, authorization: str) -> socket.socket:
    request = head("GET", "/swagger", authorization, "\r\n")
    return opened(host, port, request * 20, receive_buffer=2048)


SENDERS: tuple[SlowClient, ...] = (
    half_open,
    dripping_head,
    dripping_body,
    dripping_large_body,
    dripping_chunks,
    body_that_never_comes,
    upload_that_never_comes,
)
READERS: tuple[SlowClient, ...] = (reader_of_nothing, reader_of_nothing_who_asks_on)
DRIPPING = {dripping_head, dripping_body, dripping_large_body, dripping_chunks}


def answer_to(connection: socket.socket, *, seconds: float = 10) -> bytes:
    """Everything that comes until the server closes the connection."""
    with connection, connection.makefile("rb") as stream:
        connection.settimeout(seconds)
        return stream.read()


def is_over(connection: socket.socket) -> bool:
    """Whether the other side has ended the connection, as far as the kernel knows."""
    established = 1
    return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != established


def drip(connection: socket.socket) -> None:
    """One more byte; nothing if the server has had enough."""
    with suppress(OSError):
        connection.send(b" ")
