"""A log that nobody reads or that cannot be written: no request waits for it, none fails."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import IO

import pytest

from tests.attacks.site import Site, site_with_orders
from tests.faults.server import nobody_else_is_connected, serving
from tests.processes import eventually

ONE_PROCESS = {"WEB_THREADS": "2", "WEB_WORKERS": "1", "LOG_LEVEL": "INFO"}
# Each is a line of the log with all of its address; a pipe holds 64 kB.
LONG_PATH = "/v1/nowhere/" + "x" * 4000
REQUESTS = 40

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def site() -> Iterator[Site]:
    yield site_with_orders(1)
    eventually(nobody_else_is_connected)


def unread_pipe(stack: ExitStack) -> IO[bytes]:
    reading, writing = os.pipe()
    stack.callback(os.close, reading)
    return stack.enter_context(os.fdopen(writing, "wb"))


def pipe_without_reader(stack: ExitStack) -> IO[bytes]:
    reading, writing = os.pipe()
    os.close(reading)
    return stack.enter_context(os.fdopen(writing, "wb"))


def full_disk(stack: ExitStack) -> IO[bytes]:
    return stack.enter_context(open("/dev/full", "wb"))  # noqa: PTH123 - it is no file


@pytest.mark.parametrize("log", [unread_pipe, pipe_without_reader, full_disk])
def test_requests_are_answered_whatever_becomes_of_their_lines(
    log: Callable[[ExitStack], IO[bytes]], site: Site
) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(serving(site.key, ONE_PROCESS, log=log(stack)))

        assert {server.send("GET", LONG_PATH, None).status_code for _ in range(REQUESTS)} == {404}
        assert server.send("GET", f"/v1/orders/{site.order}/", None).status_code == 200


def test_lines_are_written_where_they_can_be(site: Site) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as log:
        with os.fdopen(writing, "wb") as end, serving(site.key, ONE_PROCESS, log=end) as server:
            assert server.send("GET", "/v1/nowhere", None).status_code == 404
            server.stop()

        assert b"WARNING django.request: Not Found: /v1/...\n" in log.read()


def test_the_last_lines_of_a_process_are_written_before_it_ends() -> None:
    code = "import django; django.setup(); import logging; logging.warning('the last')"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert ended.stderr.endswith("WARNING root: the last\n")
