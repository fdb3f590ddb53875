"""The two engines of delivery as processes, as they run in production."""

import os
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from kombu.connection import Connection

from tests.processes import ROOT, database_url

BROKER_URL = os.environ.get("TEST_BROKER_URL", "amqp://guest:guest@127.0.0.1:5672//")
# Longer than any attempt against a simulator.
PATIENCE_SECONDS = 30

Environment = Mapping[str, str]


class Background:
    """A process of its own session, on the database of the running test."""

    def __init__(self, *arguments: str, environment: Environment) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": database_url(), "LOG_LEVEL": "ERROR", **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill(self) -> None:
        """SIGKILL, for it and for all that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE_SECONDS)


class Loop:
    """`manage.py deliver`."""

    name = "loop"
    environment: Environment = {}

    @contextmanager
    def installed(self) -> Iterator[None]:
        """It needs nothing but the database."""
        yield

    def start(self, environment: Environment, *, threads: int = 8) -> Background:
        """A worker."""
        command = ("manage.py", "deliver", "--threads", str(threads))
        return Background(*command, environment=environment)


@dataclass
class Celery:
    """Celery workers, with a queue and a beat of their own."""

    broker_url: str = BROKER_URL
    name: str = "celery"
    queue: str = field(default_factory=lambda: f"klanten-test-{uuid.uuid4()}")

    @property
    def environment(self) -> Environment:
        """What every process needs that is to know of the broker."""
        return {"CELERY_BROKER_URL": self.broker_url, "CELERY_QUEUE": self.queue}

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Nothing of it remains at the broker."""
        yield
        with suppress(OSError), Connection(self.broker_url, connect_timeout=3) as connection:
            connection.channel().queue_delete(self.queue)

    def start(self, environment: Environment, *, threads: int = 8) -> Background:
        """A worker."""
        pool = ("--pool", "threads", "--concurrency", str(threads))
        options = ("--without-gossip", "--without-mingle", "--loglevel", "ERROR")
        return Background(
            *("-m", "celery", "-A", "config", "worker", *pool, *options),
            environment={**environment, **self.environment},
        )

    def start_beat(self, environment: Environment) -> Background:
        """What asks for a sweep now and then."""
        return Background(
            *("-m", "celery", "-A", "config", "beat", "--loglevel", "ERROR", "--pidfile="),
            environment={**environment, **self.environment},
        )


Engine = Loop | Celery


@contextmanager
def running(
    engine: Engine, environment: Environment, *, threads: int = 8, workers: int = 1
) -> Iterator[list[Background]]:
    """The engine, with so many workers; killed at the end, whatever state they are in."""
    with ExitStack() as stack:
        if isinstance(engine, Celery):
            stack.callback(engine.start_beat(environment).kill)
        started = [engine.start(environment, threads=threads) for _ in range(workers)]
        for worker in started:
            stack.callback(worker.kill)
        yield started


def broker_answers() -> bool:
    """Whether there is a broker to test with."""
    address = urlsplit(BROKER_URL)
    try:
        socket.create_connection((address.hostname or "", address.port or 5672), 1).close()
    except OSError:
        return False
    return True
