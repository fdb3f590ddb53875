"""What is refused before Django sees it, at production's web server: over real sockets."""

import http.client
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cast import key_in_use
from tests.faults.server import Server, nobody_else_is_connected, serving
from tests.processes import eventually

pytestmark = pytest.mark.django_db(transaction=True)
LARGE = b"x" * 100_000
CODECS = ["punycode", "zlib", "hex", "utf-16", "nosuch"]
KINDS = [
    "application/json; charset={}",
    "application/json; charset*={}''x",
    "multipart/form-data; boundary*={}''b",
    "application/x-www-form-urlencoded; charset={}",
]
PATHS = ["/v1/orders/", "/api/token/", "/o/token/", "/login/", "/admin/", "/nowhere"]


@pytest.fixture
def server(db: None) -> Iterator[Server]:
    with serving(key_in_use(name="Partner", scopes="read write"), {}) as server:
        yield server
    eventually(nobody_else_is_connected)


def status(server: Server, path: str, body: Any, headers: dict[str, str]) -> int:
    """The status of a POST on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request("POST", path, body, headers)
        return connection.getresponse().status
    except ConnectionError:
        # Cut off while it was still sending: the answer may be lost on the way.
        return 0
    finally:
        connection.close()


def test_refuses_by_the_header(server: Server) -> None:
    for kind in KINDS:
        for codec in CODECS:
            headers = {**server.headers, "Content-Type": kind.format(codec)}
            for path in PATHS:
                asked = f"{path}?q={'a-b9999' * 900}"
                assert status(server, asked, b"{}", headers) == 415, (path, kind, codec)
    for large in (LARGE, iter([LARGE])):
        headers = {**server.headers, "Content-Type": KINDS[0].format("zlib")}
        assert status(server, "/v1/orders/", large, headers) in {0, 415}
    for path in PATHS:
        json = {"Content-Type": "application/json"}
        cookie = {**json, "Cookie": 'sessionid="aaaaaaaa\\000"'}
        assert status(server, path, b"{}", cookie) == 400
        assert status(server, path, LARGE, cookie) in {0, 400}
        expected = {"/v1/orders/": 401, "/nowhere": 404}.get(path, 413)
        for large in (LARGE, iter([LARGE])):
            assert status(server, path, large, json) in {0, expected, 413}, path
    order = b'{"customer_code": "x", "customer_code": "y", "item": "Pen", "amount": 1}'
    assert status(server, "/v1/orders/", order, {**server.headers, **json}) == 400
    assert server.answers()
