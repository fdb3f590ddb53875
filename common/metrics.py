"""`/metrics`: what Prometheus asks for.

Requests are counted by the web processes (`metric_files`); everything else is read from the
database when it is asked for, so that it is the same whichever process of which machine is asked.
A middleware and not a view: a scraper calls an instance by its address, which no ALLOWED_HOSTS
can know, and its calls are none of those that are counted.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from secrets import compare_digest

from django.conf import settings
from django.contrib.admindocs.views import simplify_regex
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry, Histogram, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from common.attempts import TooManyAttempts, count_failure
from common.errors import NotFound, page_problem
from common.metric_files import DIRECTORY, metric_file
from common.networks import contains

logger = logging.getLogger(__name__)

PATH = "/metrics"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

REQUESTS = Histogram(
    "klanten_http_request_seconds",
    "How long requests took, by the address's pattern and the class of the answer.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
    registry=None,
)
Key = tuple[str, str, int]
_observers: dict[Key, Callable[[float], None]] = {}

Source = Callable[[], Iterable[Metric]]
_sources: list[Source] = []


def register(source: Source) -> None:
    """Has `/metrics` show what `source` reads from the database whenever it is asked."""
    if source not in _sources:
        _sources.append(source)


class MetricsMiddleware:
    """Answers `/metrics`, and times everything else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info == PATH:
            return metrics(request)
        start = time.perf_counter()
        response = self.get_response(request)
        observe(request, response.status_code, time.perf_counter() - start)
        return response


def observe(request: HttpRequest, status: int, seconds: float) -> None:
    """Counts a request, if it can be. There are as many rows as patterns: no caller makes more."""
    match = request.resolver_match
    method = request.method if request.method in METHODS else "other"
    key = (str(method), match.route if match else "", status // 100)
    if (count := _observers.get(key)) is None:
        count = _observers[key] = observer(key)
    count(seconds)


def observer(key: Key) -> Callable[[float], None]:
    """What counts requests of one kind. The pattern is written as people write it."""
    method, route, status = key
    shown = simplify_regex(route) if route else "none"
    if metric_file.has_room():
        try:
            return REQUESTS.labels(method, shown, f"{status}xx").observe
        except OSError as error:
            metric_file.note(error)
    return leave_uncounted


def leave_uncounted(seconds: float) -> None:
    """For requests of a kind for which there is no room: no request fails for its number."""


# --- The answer ----------------------------------------------------------------------


def metrics(request: HttpRequest) -> HttpResponse:
    """All metrics, in the format that is asked for; 404 for whoever may not see them."""
    if not may_see(request):
        return refused(request)
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(
        encode(registry()), content_type=content_type, headers={"Cache-Control": "no-store"}
    )


def refused(request: HttpRequest) -> HttpResponse:
    """404, as for any address that is none; 429 for whoever goes on trying tokens."""
    try:
        if "Authorization" in request.headers:
            count_failure("metrics", request)
    except TooManyAttempts as problem:
        return page_problem(request, problem)
    return page_problem(request, NotFound("There is nothing at this address."))


def may_see(request: HttpRequest) -> bool:
    """Whether it has METRICS_TOKEN, or comes straight from one of METRICS_ALLOWED_NETWORKS.

    What a proxy passes on has no place among those, whatever network the proxy is in.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    expected = settings.METRICS_TOKEN
    if expected and scheme.lower() == "bearer":
        return compare_digest(token.strip().encode(), expected.encode())
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    return contains(settings.METRICS_ALLOWED_NETWORKS, request.META.get("REMOTE_ADDR", ""))


def registry() -> CollectorRegistry:
    """Everything there is to show, of this moment."""
    everything = CollectorRegistry()
    everything.register(Requests())
    everything.register(Sources())
    return everything


class Requests(Collector):
    """Those of all processes of this server; of this one alone where the others cannot be seen."""

    def collect(self) -> Iterator[Metric]:
        directory = os.environ.get(DIRECTORY)
        if directory and metric_file.is_shared():
            try:
                shared = MultiProcessCollector(None, path=directory)  # type: ignore[no-untyped-call]
                yield from list(shared.collect())  # type: ignore[no-untyped-call]
                return
            except (OSError, ValueError) as error:
                metric_file.note(error)
        yield from REQUESTS.collect()


class Sources(Collector):
    """What the apps have registered; one that fails keeps nothing else from being shown."""

    def collect(self) -> Iterator[Metric]:
        failed = 0
        for source in _sources:
            try:
                yield from list(source())
            except Exception:
                failed += 1
                logger.exception("A source of metrics failed")
        yield GaugeMetricFamily(
            "klanten_metrics_failed_sources",
            "How many sources of metrics could not be read.",
            value=failed,
        )
