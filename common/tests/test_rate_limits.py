"""It says how much is left of what a principal may ask for, and refuses what is too much."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings as configured
from django.core.cache import cache, caches
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from access.cache import forget_all
from access.models import ApiKey
from common.tests.problems import problem
from tests.cast import key_in_use

ITEMS = "/v1/items/"
REDIS = os.environ.get("TEST_CACHE_URL", "redis://127.0.0.1:6379/15")
# The 41st second of a minute.
NOW = 1_800_000_041.5


def redis_answers() -> bool:
    try:
        return bool(redis.Redis.from_url(REDIS, socket_connect_timeout=1).ping())
    except redis.RedisError:
        return False


LOCAL = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
IN_REDIS = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS,
        "KEY_PREFIX": f"test-{os.getpid()}",
    }
}


class Clock:
    """The time, which stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time by which requests are counted."""
    clock = Clock()
    monkeypatch.setattr("common.rate_limits.time.time", clock)
    return clock


@pytest.fixture(params=["local memory", "Redis"])
def limited(request: pytest.FixtureRequest, settings: Settings, clock: Clock) -> Iterator[None]:
    """Three reads and two writes a minute, counted in each kind of cache."""
    if request.param == "Redis" and not redis_answers():
        pytest.skip("no Redis answers; TEST_CACHE_URL names one")
    settings.CACHES = LOCAL if request.param == "local memory" else IN_REDIS
    settings.RATE_LIMITS = {"read": 3, "write": 2, "bulk": 1}
    settings.RATE_LIMIT_HIGH_FACTOR = 10
    yield
    cache.clear() if request.param == "local memory" else clear_redis()


def clear_redis() -> None:
    """Deletes what was counted, and nothing else that may be there."""
    server = redis.Redis.from_url(REDIS)
    if keys := list(server.scan_iter(f"test-{os.getpid()}:*")):
        server.delete(*keys)
    server.close()
    caches["default"].close()


def standing(response: Any) -> tuple[str, str]:
    return response["RateLimit-Policy"], response["RateLimit"]


@pytest.mark.usefixtures("limited")
def test_says_what_is_left(partner: APIClient, clock: Clock) -> None:
    reads = [standing(partner.get(ITEMS)) for _ in range(2)]
    write = standing(partner.post(ITEMS, {"name": "Pen", "price": 1}))
    clock.now += 10
    refused = standing(partner.post(ITEMS, {}))

    assert reads == [
        ('"read";q=3;w=60', '"read";r=2;t=19'),
        ('"read";q=3;w=60', '"read";r=1;t=19'),
    ]
    assert write == ('"write";q=2;w=60', '"write";r=1;t=19')
    assert refused == ('"write";q=2;w=60', '"write";r=0;t=9')


@pytest.mark.usefixtures("limited")
def test_refuses_what_is_too_much_until_the_minute_is_over(
    partner: APIClient, clock: Clock
) -> None:
    assert [partner.get(ITEMS).status_code for _ in range(5)] == [200, 200, 200, 429, 429]

    clock.now += 18
    response = partner.get(ITEMS)

    refused = problem(response, 429)
    assert refused["code"] == "throttled"
    assert response["Retry-After"] == "1"
    assert standing(response) == ('"read";q=3;w=60', '"read";r=0;t=1')
    clock.now += 1
    assert standing(partner.get(ITEMS)) == ('"read";q=3;w=60', '"read";r=2;t=60')


@pytest.mark.usefixtures("limited")
def test_writes_nothing_of_what_is_too_much(partner: APIClient) -> None:
    answers = [partner.post(ITEMS, {"name": "Pen", "price": 1}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert len(partner.get(ITEMS).json()) == 2


@pytest.mark.usefixtures("limited")
def test_counts_each_principal_and_each_class_apart(partner: APIClient) -> None:
    other = APIClient()
    other.credentials(HTTP_AUTHORIZATION=f"Api-Key {key_in_use(name='Other', scopes='read')}")
    for _ in range(4):
        partner.get(ITEMS)

    assert partner.get(ITEMS).status_code == 429
    assert partner.head(ITEMS).status_code == 429
    assert partner.post(ITEMS, {"name": "Pen", "price": 1}).status_code == 201
    assert standing(other.get(ITEMS)) == ('"read";q=3;w=60', '"read";r=2;t=19')


@pytest.mark.usefixtures("limited")
def test_gives_a_high_class_its_multiple(partner: APIClient) -> None:
    ApiKey.objects.update(rate_class="high")
    forget_all()

    answers = [partner.get(ITEMS) for _ in range(31)]

    assert standing(answers[0]) == ('"read";q=30;w=60', '"read";r=29;t=19')
    assert [answer.status_code for answer in answers] == [200] * 30 + [429]


@pytest.mark.usefixtures("limited")
def test_has_a_class_for_what_a_view_declares(
    partner: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("items.views.ItemViewSet.rate_policy", "bulk")

    assert standing(partner.get(ITEMS)) == ('"bulk";q=1;w=60', '"bulk";r=0;t=19')
    problem(partner.post(ITEMS, {}), 429)


@pytest.mark.usefixtures("limited")
def test_counts_nobody_unknown(stranger: APIClient, db: None) -> None:
    answers = [stranger.get(ITEMS) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [401] * 5
    assert all("RateLimit" not in answer for answer in answers)


@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize("method", ["add", "incr"])
def test_stops_nobody_while_the_cache_is_away(
    partner: APIClient, monkeypatch: pytest.MonkeyPatch, method: str, caplog: Any
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(type(cache._connections["default"]), method, fail)  # type: ignore[attr-defined]

    answers = [partner.get(ITEMS) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 5
    assert standing(answers[-1]) == ('"read";q=3;w=60', '"read";r=3;t=19')
    assert "The cache is away: requests are not counted" in caplog.text


def test_is_stopped_by_no_redis_that_is_away(partner: APIClient, settings: Settings) -> None:
    settings.CACHES = {"default": {**IN_REDIS["default"], "LOCATION": "redis://127.0.0.1:9/0"}}

    assert partner.get(ITEMS).status_code == 200


def test_is_generous_by_default() -> None:
    assert configured.RATE_LIMITS == {"read": 12_000, "write": 6_000, "bulk": 60}
