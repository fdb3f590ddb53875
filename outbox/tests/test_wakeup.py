"""What wakes a waiting worker, and what it costs whoever queues: nothing worth mentioning."""

import select
import socket
import threading
import time
from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from kombu.connection import Connection
from pytest_django.fixtures import Settings

from config.celery import app
from outbox import publishing
from outbox.publishing import Publisher
from outbox.wakeup import Bell, Teller, teller, wake

POSTGRES = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite tells nobody")
# Seconds; longer than any test.
NEVER = 1000.0

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bell() -> Iterator[Bell]:
    with Bell() as open_bell:
        yield open_bell
    connection.close()


def notify_from_elsewhere() -> None:
    """NOTIFY from a connection of its own."""
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("NOTIFY klanten_outbox")
    other.close()


def end_this_connection() -> None:
    """As PostgreSQL does when it is stopped."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [backend])
    other.close()


# --- Telling ---------------------------------------------------------------------------


@POSTGRES
def test_it_tells_when_the_transaction_commits_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(teller, "not_before", 0.0)
    with CaptureQueriesContext(connection) as queries:
        with transaction.atomic():
            wake()
            assert queries.captured_queries[-1]["sql"] == "BEGIN"
        assert queries.captured_queries[-1]["sql"] == "NOTIFY klanten_outbox"


def test_nobody_is_told_of_what_was_rolled_back() -> None:
    with CaptureQueriesContext(connection) as queries:
        with transaction.atomic():
            wake()
            transaction.set_rollback(True)
        assert not [query for query in queries.captured_queries if "NOTIFY" in query["sql"]]


@POSTGRES
def test_under_load_a_process_tells_once() -> None:
    busy = Teller()

    with CaptureQueriesContext(connection) as queries:
        busy.tell()
        busy.not_before = time.monotonic() + NEVER
        for _ in range(100):
            busy.tell()

    assert len(queries) == 1


# --- Hearing ---------------------------------------------------------------------------


def test_a_ring_ends_the_wait(bell: Bell) -> None:
    ringing = threading.Timer(0.05, bell.ring)
    ringing.start()

    bell.wait(NEVER)

    ringing.join()


def test_a_ring_before_the_wait_is_not_lost(bell: Bell) -> None:
    for _ in range(100_000):
        bell.ring()

    bell.wait(NEVER)


def test_a_bell_that_is_not_in_use_can_be_rung() -> None:
    Bell().ring()


@POSTGRES
def test_a_notification_ends_the_wait(bell: Bell) -> None:
    bell.listen()
    telling = threading.Timer(0.05, notify_from_elsewhere)
    telling.start()

    bell.wait(NEVER)

    telling.join()


@POSTGRES
def test_a_notification_that_came_with_an_answer_is_not_lost(bell: Bell) -> None:
    bell.listen()
    notify_from_elsewhere()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")

    bell.wait(NEVER)


@POSTGRES
def test_it_listens_again_on_a_new_connection(bell: Bell) -> None:
    bell.listen()
    connection.close()
    bell.listen()
    notify_from_elsewhere()

    bell.wait(NEVER)


@POSTGRES
def test_the_end_of_the_connection_ends_the_wait(bell: Bell) -> None:
    bell.listen()
    end_this_connection()

    # The farewell may come before the end itself.
    while connection.connection is not None:
        bell.wait(NEVER)

    bell.listen()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@POSTGRES
def test_an_end_that_came_before_the_wait_ends_it(bell: Bell) -> None:
    bell.listen()
    listening = connection.connection
    end_this_connection()
    # The farewell is heard; the end itself is what the wait comes upon.
    select.select([listening], [], [])
    listening.poll()
    select.select([listening], [], [])

    bell.wait(NEVER)

    assert connection.connection is None


# --- The broker ------------------------------------------------------------------------


@pytest.fixture
def silent_broker(settings: Settings) -> Iterator[socket.socket]:
    """Takes connections, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings.CELERY_BROKER_URL = f"amqp://127.0.0.1:{listener.getsockname()[1]}//"
        yield listener


def test_a_broker_that_does_not_answer_keeps_nobody_waiting(
    silent_broker: socket.socket, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It returns while the broker has not even accepted."""
    connecting = threading.Event()

    def publish() -> None:
        connecting.set()
        with Connection(settings.CELERY_BROKER_URL, connect_timeout=1) as broker:
            broker.ensure_connection(max_retries=1)

    monkeypatch.setattr(publishing, "publish_sweep", publish)
    monkeypatch.setattr("outbox.wakeup.publisher", Publisher())

    for _ in range(100):
        Teller().tell()

    assert connecting.wait(10)


def test_a_broker_that_is_away_is_left_alone_for_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"amqp://127.0.0.1:{nobody.getsockname()[1]}//"
        monkeypatch.setattr(app.conf, "broker_url", url)
        with app.connection_for_write(url) as away:
            monkeypatch.setattr(
                app,
                "send_task",
                lambda *args, **kwargs: away.connect(),  # noqa: ARG005
            )
            wait = Publisher().publish()

    assert wait == publishing.AFTER_FAILURE_SECONDS
    assert "The broker cannot be reached: ConnectionRefusedError" in caplog.text
