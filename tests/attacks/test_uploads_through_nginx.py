"""Large bodies of strangers at nginx: refused by their header, before any of them is taken in."""

import http.client
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from tests.attacks.nginx import is_installed, proxy

pytestmark = pytest.mark.skipif(not is_installed(), reason="nginx is not installed")

UPLOADS = ["/v1/imports/", "/api/imports", "/api/v1/imports/", "/admin/imports/import/add/"]
GIGABYTE = 1_000_000_000


class Application(BaseHTTPRequestHandler):
    """Stands in for ours, and notes what reaches it."""

    seen: ClassVar[list[tuple[str, str, int]]] = []
    checks: ClassVar[dict[str, int]] = {"Api-Key good": 204, "Api-Key reads": 403}

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self.seen.append((self.command, self.path, len(self.rfile.read(length))))
        status = 200
        if self.path == "/uploads/check":
            status = self.checks.get(self.headers.get("Authorization", ""), 401)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """nginx's, in front of the stand-in."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Application)
    threading.Thread(target=server.serve_forever).start()
    try:
        directory = tmp_path_factory.mktemp("nginx") / "proxy"
        with proxy(directory, application=server.server_port) as port:
            yield port
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def seen() -> list[tuple[str, str, int]]:
    """What reached the application since the test began."""
    Application.seen.clear()
    return Application.seen


def announce(port: int, path: str, rest: str) -> int:
    """The status for a request of which only the header is sent."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\n{rest}\r\n".encode())
        return int(connection.recv(1000).split()[1])


@pytest.mark.parametrize("path", [*UPLOADS, "/v1/orders/", "/o/token/", "/login/", "/nowhere"])
@pytest.mark.parametrize(
    "length",
    ["Content-Length: 100000", f"Content-Length: {GIGABYTE}", "Transfer-Encoding: chunked"],
)
def test_takes_no_large_body_without_a_credential(
    port: int, seen: list[tuple[str, str, int]], path: str, length: str
) -> None:
    assert announce(port, path, f"{length}\r\n") == 413
    assert seen == []


@pytest.mark.parametrize("path", UPLOADS)
@pytest.mark.parametrize(
    ("credential", "status"),
    [
        ("Authorization: Api-Key bad", 401),
        ("Cookie: sessionid=bad", 401),
        ("Authorization: Api-Key reads", 403),
    ],
)
def test_takes_no_file_of_who_may_not_send_one(
    port: int, seen: list[tuple[str, str, int]], path: str, credential: str, status: int
) -> None:
    assert announce(port, path, f"{credential}\r\nContent-Length: {GIGABYTE}\r\n") == status
    assert seen == [("GET", "/uploads/check", 0)]


@pytest.mark.parametrize("path", UPLOADS)
def test_takes_the_file_of_who_may(port: int, seen: list[tuple[str, str, int]], path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", path, b"x" * 200_000, {"Authorization": "Api-Key good"})

    assert connection.getresponse().status == 200
    assert seen == [("GET", "/uploads/check", 0), ("POST", path, 200_000)]
    connection.close()


def test_asks_nothing_before_a_list_of_imports(port: int, seen: list[tuple[str, str, int]]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/v1/imports/", headers={"Authorization": "Api-Key reads"})

    assert connection.getresponse().status == 200
    assert seen == [("GET", "/v1/imports/", 0)]
    connection.close()


def test_shows_nobody_the_question(port: int, seen: list[tuple[str, str, int]]) -> None:
    assert announce(port, "/uploads/check", "Content-Length: 0\r\n") == 404
    assert seen == []


def test_takes_a_small_body_of_a_stranger(port: int, seen: list[tuple[str, str, int]]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("POST", "/o/token/", b"x" * 60_000)

    assert connection.getresponse().status == 200
    assert seen == [("POST", "/o/token/", 60_000)]
    connection.close()


def test_the_configuration_is_bounded_in_connections() -> None:
    conf = (Path(__file__).parents[2] / "deploy" / "nginx" / "klanten.conf").read_text()

    assert "limit_conn clients 100;" in conf
    assert "limit_conn_zone $binary_remote_addr zone=clients:10m;" in conf
