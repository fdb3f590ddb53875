"""A PostgreSQL cluster of the run's own: default settings, default durability, thrown away."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg2

from benchmarks.processes import NotInstalledError, free_port

# Whoever may not be root, as PostgreSQL demands.
OS_USER = "postgres"
OWNER = "klanten"
# Each connects as itself, so that the server can tell whose statement and whose CPU it was.
ROLES = ("product", "worker", "fastapi", "django", "pgbench")
DATABASE = "klanten"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running server on the loopback interface."""

    port: int
    directory: Path
    binaries: Path
    version: str

    def url(self, role: str) -> str:
        """The address of the database for one of ROLES, or OWNER."""
        return f"postgres://{role}@127.0.0.1:{self.port}/{DATABASE}"

    def connect(self) -> "psycopg2.extensions.connection":
        """A connection of the harness's own, outside any transaction."""
        connection = psycopg2.connect(self.url(OWNER))
        connection.autocommit = True
        return connection

    @property
    def postmaster(self) -> int:
        """The process id of the server."""
        return int((self.directory / "data" / "postmaster.pid").read_text().split()[0])


def binaries() -> Path:
    """Where the newest installed server has its programs. Raises NotInstalledError without one."""
    roots = Path("/usr/lib/postgresql")
    found = sorted(roots.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if found:
        return found[-1].parent
    if on_path := shutil.which("initdb"):
        return Path(on_path).resolve().parent
    raise NotInstalledError(
        "PostgreSQL's server is not here. On Debian: apt-get install postgresql"
    )


def run(*command: str | Path) -> str:
    """What a program of the server prints. As root it runs as OS_USER."""
    prefix = ["runuser", "-u", OS_USER, "--"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*prefix, *map(str, command)], check=True, capture_output=True, text=True, cwd="/"
    )
    return done.stdout


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A fresh cluster, stopped and removed at the end."""
    programs = binaries()
    directory = Path(tempfile.mkdtemp(prefix="klanten-bench-db-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(directory, OS_USER)
        yield from started(programs, directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def started(programs: Path, directory: Path) -> Iterator[Cluster]:
    """Makes the cluster in `directory` and runs it."""
    data, port = directory / "data", free_port()
    run(programs / "initdb", "-D", data, "-U", OWNER, "--auth=trust", "--encoding=UTF8")
    options = f"-p {port} -k {directory} -c listen_addresses=127.0.0.1"
    options += " -c shared_preload_libraries=pg_stat_statements"
    control = (programs / "pg_ctl", "-D", data, "-w", "-l", directory / "log")
    run(*control, "-o", options, "start")
    try:
        version = run(programs / "postgres", "--version").strip()
        running = Cluster(port, directory, programs, version)
        prepare(running)
        yield running
    finally:
        run(*control, "-m", "immediate", "stop")


def prepare(running: Cluster) -> None:
    """The database, its roles, and the count of statements."""
    admin = psycopg2.connect(f"postgres://{OWNER}@127.0.0.1:{running.port}/postgres")
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {DATABASE}")
        for role in ROLES:
            cursor.execute(f"CREATE ROLE {role} SUPERUSER LOGIN")
    admin.close()
    connection = running.connect()
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION pg_stat_statements")
    connection.close()
