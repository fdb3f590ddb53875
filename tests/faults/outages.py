"""Services that go away and come back: behind a proxy that is cut, or nodes of our own."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import psycopg2

from tests.processes import ROOT, eventually, free_port

BUFFER = 64 * 1024


class Outage(Protocol):
    """A service that can be stopped and started."""

    url: str

    def stop(self) -> None:
        """Ends it, and every connection to it."""

    def start(self) -> None:
        """Brings it back, and returns when it can be connected to."""


def accepts(port: int) -> bool:
    """Whether somebody listens there."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class Proxy:
    """Passes TCP connections on to a service, until it is stopped."""

    def __init__(self, url: str, host: str, port: int) -> None:
        self.target = (host, port)
        self.port = free_port()
        self.url = url.replace(f"{host}:{port}", f"127.0.0.1:{self.port}")
        assert self.url != url
        self.open: list[socket.socket] = []

    def start(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def stop(self) -> None:
        end(self.listener)
        while self.open:
            end(self.open.pop())

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                service = socket.create_connection(self.target)
                self.open += [client, service]
                for pair in ((client, service), (service, client)):
                    threading.Thread(target=pass_on, args=pair, daemon=True).start()


def pass_on(source: socket.socket, sink: socket.socket) -> None:
    """Copies until either side ends, and ends the other."""
    with suppress(OSError):
        while piece := source.recv(BUFFER):
            sink.sendall(piece)
    end(source)
    end(sink)


def end(connection: socket.socket) -> None:
    """Closes it, also under a thread that waits at it."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


@contextmanager
def proxied(url: str, host: str, port: int) -> Iterator[Proxy]:
    """A proxy in front of a service that runs already."""
    proxy = Proxy(url, host, port)
    proxy.start()
    yield proxy
    proxy.stop()


def programs_of_postgres() -> Path | None:
    """Where initdb and pg_ctl are."""
    if found := shutil.which("pg_ctl"):
        return Path(found).parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    return installed[-1].parent if installed else None


def as_postgres() -> list[str]:
    """What runs a program as somebody else than root, as whom PostgreSQL refuses to run."""
    return ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []


class OwnPostgres:
    """A cluster of this test alone."""

    def __init__(self, directory: Path) -> None:
        self.programs = programs_of_postgres()
        assert self.programs
        self.data, self.port = directory / "data", free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/klanten"
        if os.geteuid() == 0:
            os.chown(directory, pwd.getpwnam("postgres").pw_uid, -1)
        self._run("initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust")

    def make_database(self) -> None:
        """Ours, with our tables."""
        administration = psycopg2.connect(self.url.replace("/klanten", "/postgres"))
        administration.autocommit = True
        administration.cursor().execute("CREATE DATABASE klanten")
        administration.close()
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": self.url},
            check=True,
        )

    def start(self) -> None:
        options = f"-p {self.port} -k '' -c listen_addresses=127.0.0.1"
        log = str(self.data.parent / "log")
        self._run("pg_ctl", "-D", str(self.data), "-o", options, "-l", log, "-w", "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.data), "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        assert self.programs
        command = [*as_postgres(), str(self.programs / program), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.data.parent)


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    """The cluster, with our tables; nothing of it remains."""
    with tempfile.TemporaryDirectory(prefix="klanten-postgres-") as directory:
        cluster = OwnPostgres(Path(directory))
        cluster.start()
        try:
            cluster.make_database()
            yield cluster
        finally:
            cluster.stop()


def program_of_rabbitmq() -> Path | None:
    """The server's own script: the one in PATH may insist on another user and configuration."""
    installed = sorted(Path("/usr/lib/rabbitmq/lib").glob("*/sbin/rabbitmq-server"))
    return installed[-1] if installed else None


class OwnRabbit:
    """A RabbitMQ node of this test alone."""

    def __init__(self, directory: Path) -> None:
        self.program = program_of_rabbitmq()
        assert self.program
        self.port = free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        (directory / "plugins").write_text("[].")
        (directory / "rabbitmq.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{self.port}\n")
        self.environment = {
            **os.environ,
            "HOME": str(directory),
            "RABBITMQ_NODENAME": f"klanten{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
            "RABBITMQ_LOG_BASE": str(directory / "log"),
            "RABBITMQ_LOGS": str(directory / "log.txt"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
        }

    def start(self) -> None:
        self.process = subprocess.Popen(
            [str(self.program)],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        eventually(lambda: accepts(self.port), seconds=90)

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def own_rabbit() -> Iterator[OwnRabbit]:
    """The node; nothing of it remains."""
    with tempfile.TemporaryDirectory(prefix="klanten-rabbit-") as directory:
        node = OwnRabbit(Path(directory))
        try:
            node.start()
            yield node
        finally:
            node.stop()
