"""Processes of their own, on the database of the running test."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from benchmarks.servers import procfile_command

ROOT = Path(__file__).resolve().parent.parent


def web_command() -> list[str]:
    """Production's web server, as a shell starts it."""
    return ["sh", "-c", f"exec {procfile_command()}"]


def web_environment(given: Mapping[str, str], **variables: str) -> dict[str, str]:
    """`given` with what the web command needs: its programs, and where it listens."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**given, "PATH": path, "HOST": "127.0.0.1", **variables}


def database_url() -> str:
    """The address of the test's own database."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    password = f":{settings['PASSWORD']}" if settings["PASSWORD"] else ""
    host, port = settings["HOST"], settings["PORT"] or 5432
    return f"postgres://{settings['USER']}{password}@{host}:{port}/{settings['NAME']}"


@contextmanager
def manage(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """`manage.py` with these arguments in the background; stopped at the end."""
    process = subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url(), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise


def eventually(condition: Callable[[], bool], *, seconds: float = 30) -> None:
    """Waits until `condition` holds; fails when it does not within `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
