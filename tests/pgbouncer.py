"""PgBouncer in transaction mode, in front of the database of the running test."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection

from tests.faults.outages import accepts, as_postgres
from tests.processes import eventually, free_port

# Server connections for all clients together: so few that each is everybody's.
POOL_SIZE = 3


def program() -> str | None:
    """Where PgBouncer is; it is often on root's path alone."""
    return shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")


@contextmanager
def pgbouncer() -> Iterator[str]:
    """The address of the test's database through PgBouncer."""
    command, port, database = program(), free_port(), connection.settings_dict
    assert command
    with tempfile.TemporaryDirectory(prefix="klanten-pgbouncer-") as name:
        directory = Path(name)
        password = f" password={database['PASSWORD']}" if database["PASSWORD"] else ""
        (directory / "users.txt").write_text(f'"{database["USER"]}" "{database["PASSWORD"]}"\n')
        (directory / "pgbouncer.ini").write_text(
            f"""
            [databases]
            {database["NAME"]} = host={database["HOST"]} port={database["PORT"] or 5432}{password}
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {port}
            unix_socket_dir =
            auth_type = trust
            auth_file = {directory}/users.txt
            pool_mode = transaction
            default_pool_size = {POOL_SIZE}
            max_client_conn = 500
            """.replace("            ", "")
        )
        if os.geteuid() == 0:
            # It refuses to run as root.
            for path in (directory, *directory.iterdir()):
                os.chown(path, pwd.getpwnam("postgres").pw_uid, -1)
        process = subprocess.Popen(
            [*as_postgres(), command, "--quiet", str(directory / "pgbouncer.ini")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            eventually(lambda: accepts(port))
            yield f"postgres://{database['USER']}@127.0.0.1:{port}/{database['NAME']}"
        finally:
            process.terminate()
            process.wait()
