"""Redis away, silent or late: rate limits are not counted, and nobody waits, fails or is told."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from redis.exceptions import ConnectionError as RedisConnectionError

from common import cache as module
from common.cache import ForgivingRedisCache, Outage, attempt
from tests.attacks.site import Site, site_with_orders
from tests.faults.server import nobody_else_is_connected, serving
from tests.processes import eventually, free_port

ONE_PROCESS = {"WEB_THREADS": "2", "WEB_WORKERS": "1", "LOG_LEVEL": "WARNING"}
REQUESTS = 30


@pytest.fixture
def site() -> Iterator[Site]:
    yield site_with_orders(1)
    eventually(nobody_else_is_connected)


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of something that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listening:
        yield int(listening.getsockname()[1])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["away", "silent"])
def test_requests_are_answered_without_redis(
    kind: str, site: Site, silent: int, tmp_path: Path
) -> None:
    port = silent if kind == "silent" else free_port()
    log = tmp_path / "log"
    with log.open("wb") as stream:
        environment = {**ONE_PROCESS, "CACHE_URL": f"redis://127.0.0.1:{port}/0"}
        with serving(site.key, environment, log=stream) as server:
            path = f"/v1/orders/{site.order}/"
            answers = [server.send("GET", path, None) for _ in range(REQUESTS)]
            login = {"username": "nobody", "password": "wrong"}
            refused = requests.post(server.url("/api-token-auth/"), login, timeout=30)
            warnings = server.send("GET", "/readyz", None).json()["warnings"]

    assert {answer.status_code for answer in answers} == {200}
    assert 400 <= refused.status_code < 500
    assert warnings == ["The cache is away: rates of requests are not limited."]
    assert log.read_text().count("The cache is away") == 1


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Outage:
    outage = Outage()
    monkeypatch.setattr(module, "outage", outage)
    return outage


def away(*_: object) -> str:
    raise RedisConnectionError("Connection refused")


def test_redis_is_let_alone_for_a_while_after_it_did_not_answer(outage: Outage) -> None:
    asked = []

    assert attempt(away, otherwise="nothing") == "nothing"
    assert attempt(lambda: asked.append(1), otherwise=None) is None
    assert asked == []


def test_its_return_is_noticed_and_said_once(
    outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        attempt(away, otherwise="nothing")
        outage.until = 0.0
    assert outage.warning() is not None

    assert [attempt(lambda: "found", otherwise="nothing") for _ in range(3)] == ["found"] * 3

    assert outage.warning() is None
    assert [record.getMessage() for record in caplog.records] == [
        "The cache is away: requests are not counted (Connection refused)",
        "The cache is back",
    ]


@pytest.mark.usefixtures("outage")
def test_every_way_to_use_the_cache_passes_over_an_outage() -> None:
    cache = ForgivingRedisCache(f"redis://127.0.0.1:{free_port()}/0", {})

    assert cache.get("key", "default") == "default"
    assert cache.add("key", 1) is True
    assert cache.incr("key") == 0
    assert cache.touch("key") is False
    assert cache.delete("key") is False
    assert cache.has_key("key") is False
    assert cache.get_many(["key"]) == {}
    assert cache.set_many({"key": 1}) == []
    assert cache.get_or_set("key", "made") == "made"
    cache.set("key", 1)
    cache.delete_many(["key"])
    cache.clear()
