"""A hundred slow clients of each kind, at production's web server without a proxy in front."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from common.serving.limits import LIMITS
from tests.attacks import slow
from tests.attacks.site import Site, site_with_orders
from tests.faults.server import Server, nobody_else_is_connected, serving
from tests.processes import eventually

CLIENTS = 100
# As many threads as in production, and one process for all clients.
AS_IN_PRODUCTION = {"WEB_THREADS": "2", "WEB_WORKERS": "1"}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site() -> Site:
    return site_with_orders(1000)


@pytest.fixture
def server(site: Site) -> Iterator[Server]:
    with serving(site.key, AS_IN_PRODUCTION) as server:
        yield server
    eventually(nobody_else_is_connected)


def answers(server: Server, site: Site) -> None:
    """A read, a write, and a page are answered."""
    assert server.send("GET", f"/v1/orders/{site.order}/", None).status_code == 200
    order = {"customer_code": site.customer_code, "item": "Laptop", "amount": "10.00"}
    assert server.send("POST", "/v1/orders/", order).status_code == 201
    assert server.send("GET", "/admin/login/", None).status_code == 200


@pytest.mark.parametrize("client", [*slow.SENDERS, *slow.READERS], ids=lambda each: each.__name__)
def test_a_hundred_slow_clients_keep_nobody_waiting(
    client: slow.SlowClient, server: Server, site: Site
) -> None:
    authorization = server.headers["Authorization"]
    with ExitStack() as connections:
        for _ in range(CLIENTS):
            connection = client("127.0.0.1", server.port, authorization)
            connections.enter_context(connection)
            slow.drip(connection) if client in slow.DRIPPING else None

        start = time.monotonic()
        answers(server, site)

        # Before any sender has been given up: none of the threads waits for one. What readers
        # have asked for is work, which takes as long as the machine needs.
        assert client in slow.READERS or time.monotonic() - start < LIMITS.grace


def test_a_body_that_drips_is_given_up_with_408(server: Server) -> None:
    connection = slow.dripping_body("127.0.0.1", server.port, server.headers["Authorization"])

    answer = slow.answer_to(connection, seconds=5 * LIMITS.grace)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"\r\nconnection: close\r\n" in answer
    assert b'"code":"too_slow"' in answer


def test_a_reader_of_nothing_is_cut(server: Server) -> None:
    authorization = server.headers["Authorization"]
    with slow.reader_of_nothing("127.0.0.1", server.port, authorization) as connection:
        eventually(lambda: slow.is_over(connection), seconds=5 * LIMITS.piece_seconds)


def test_an_upload_without_a_credential_is_refused_before_it_comes(server: Server) -> None:
    connection = slow.upload_that_never_comes("127.0.0.1", server.port, "Api-Key wrong")

    answer = slow.answer_to(connection)

    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"\r\nconnection: close\r\n" in answer


def test_what_strangers_send_is_never_on_disk(site: Site, tmp_path: Path) -> None:
    with serving(site.key, {**AS_IN_PRODUCTION, "UPLOAD_DIR": str(tmp_path)}) as server:
        tmp_path.chmod(0o500)
        body = b"x" * 200_000

        json = {"Content-Type": "application/json"}
        refused = requests.post(server.url("/v1/imports/"), body, headers=json, timeout=10)
        too_large = requests.post(server.url("/api-token-auth/"), body, headers=json, timeout=10)

    assert (refused.status_code, too_large.status_code) == (401, 413)


def test_a_chunked_body_is_a_body_like_any_other(server: Server, site: Site) -> None:
    order = f'{{"customer_code": "{site.customer_code}", "item": "Lamp", "amount": "7.00"}}'
    chunks = iter([order[:10].encode(), order[10:].encode()])
    headers = {**server.headers, "Content-Type": "application/json"}

    answer = requests.post(server.url("/v1/orders/"), chunks, headers=headers, timeout=10)

    assert answer.status_code == 201
    assert answer.json()["amount"] == "7.00"


def test_a_stop_finishes_what_is_under_way(server: Server, site: Site) -> None:
    body = f'{{"customer_code": "{site.customer_code}", "item": "Lamp", "amount": "7.00"}}'
    rest = f"{slow.JSON}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    request = slow.head("POST", "/v1/orders/", server.headers["Authorization"], rest) + body
    connection = slow.opened("127.0.0.1", server.port, request[:-10])
    assert server.answers()
    with ThreadPoolExecutor() as pool:
        stopped = pool.submit(server.stop)
        eventually(lambda: not server.answers())
        connection.sendall(request[-10:].encode())
        answer = slow.answer_to(connection)

        assert answer.startswith(b"HTTP/1.1 201 ")
        assert stopped.result() == 0
