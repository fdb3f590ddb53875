"""Runs the simulated gateways inside a test: on a free port, in a thread of their own."""

import asyncio
import json
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from threading import Thread
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

from simulators.africas_talking import AfricasTalking
from simulators.http import Server
from simulators.reports import Reporter

# Seconds; only a broken test takes so long.
PATIENCE = 10.0

T = TypeVar("T")


class Simulator:
    """The simulated gateways, as a test uses them."""

    def __init__(self, server: Server) -> None:
        self._server = server

    @property
    def url(self) -> str:
        """Where they listen, without a slash at the end."""
        return self._server.url

    @property
    def connections(self) -> int:
        """How many TCP connections they accepted so far; each call of messages() is one."""
        return self._server.connections

    def messages(self, to: str = "") -> list[dict[str, str]]:
        """What they received, oldest first; for `to` (E.164) alone if it is given."""
        query = urlencode({"to": to}) if to else ""
        content: list[dict[str, str]] = json.loads(self._get(f"/messages?{query}"))
        return content

    def _get(self, target: str) -> bytes:
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE)
        try:
            connection.request("GET", target)
            return connection.getresponse().read()
        finally:
            connection.close()


@contextmanager
def running_simulator(
    *,
    latency: float = 0.0,
    fail_rate: float = 0.0,
    cut_rate: float = 0.0,
    report_url: str = "",
    report_delay: float = 0.0,
    double_rate: float = 0.0,
) -> Iterator[Simulator]:
    """Run the simulated gateways for as long as the context lasts.

    `latency` is the wait before each answer, in seconds; `fail_rate` the share (0 to 1)
    of ordinary sends that fail, `cut_rate` of those whose connection is reset once they are
    received. Delivery is reported to `report_url`, if given, after `report_delay` seconds, and
    `double_rate` of the reports come twice.
    """
    with _loop_in_a_thread() as loop:
        reporter = (
            Reporter(report_url, report_delay, double_rate=double_rate) if report_url else None
        )
        service = AfricasTalking(
            latency=latency, fail_rate=fail_rate, cut_rate=cut_rate, reporter=reporter
        )
        server = Server(service.routes())
        _run(loop, server.start("127.0.0.1", 0))
        try:
            yield Simulator(server)
        finally:
            _run(loop, server.stop())
            if reporter:
                _run(loop, reporter.stop())


@contextmanager
def _loop_in_a_thread() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, name="simulator", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


def _run(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[object, object, T]) -> T:
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result(PATIENCE)
