"""A web server in a process of its own, as in production."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, Any

import requests
from django.db import connection

from tests.processes import ROOT, database_url, eventually, free_port, web_command, web_environment

# Connections that a server of the tests holds at most.
THREADS = 16


class Server:
    """A web server as in production, but for its threads, on the database of the test."""

    def __init__(
        self,
        key: str,
        environment: Mapping[str, str] | None = None,
        *,
        log: int | IO[bytes] = subprocess.DEVNULL,
    ) -> None:
        self.log = log
        self.port = free_port()
        self.environment = environment or {}
        self.headers = {"Authorization": f"Api-Key {key}"}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and waits until it answers."""
        variables = {
            "PORT": str(self.port),
            "WEB_WORKERS": "1",
            "WEB_THREADS": str(THREADS),
            "DATABASE_URL": database_url(),
            "LOG_LEVEL": "ERROR",
            **self.environment,
        }
        self.process = subprocess.Popen(
            web_command(),
            cwd=ROOT,
            env=web_environment(os.environ, **variables),
            stdout=subprocess.DEVNULL,
            stderr=self.log,
            # Its worker is a process of its own, and is killed with it.
            start_new_session=True,
        )
        eventually(self.answers)

    def answers(self) -> bool:
        try:
            return requests.get(self.url("/healthz"), timeout=1).status_code == 200
        except requests.RequestException:
            return False

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def stop(self) -> int:
        """SIGTERM, and the status with which the server ends."""
        assert self.process
        self.process.terminate()
        return self.process.wait(timeout=30)

    def kill(self) -> None:
        """SIGKILL, for the server and its worker alike."""
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def send(self, method: str, path: str, body: Any, **headers: str) -> requests.Response:
        return requests.request(
            method, self.url(path), json=body, headers={**self.headers, **headers}, timeout=30
        )


@contextmanager
def serving(
    key: str, environment: Mapping[str, str], *, log: int | IO[bytes] = subprocess.DEVNULL
) -> Iterator[Server]:
    """A server that answers; killed at the end."""
    server = Server(key, environment, log=log)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def nobody_else_is_connected() -> bool:
    """Whether the database can be emptied: no backend of a killed server is at work."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return bool(cursor.fetchone()[0] == 0)
