"""nginx as `deploy/nginx/klanten.conf` has it, on loopback addresses."""

import getpass
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import background, free_port, wait_until_answered
from tests.processes import ROOT


def is_installed() -> bool:
    return shutil.which("nginx") is not None


def configuration(directory: Path, *, port: int, application: int) -> Path:
    """A whole configuration around ours, which listens on `port`; what it writes is below here."""
    conf = (ROOT / "deploy" / "nginx" / "klanten.conf").read_text()
    # `resolve` is for nginx 1.27.3 and newer, and for addresses that only compose knows.
    conf, replaced = re.subn(r"web\d:8000 resolve", f"127.0.0.1:{application}", conf)
    assert replaced == 2
    conf = conf.replace("listen 80 ", f"listen 127.0.0.1:{port} ")
    conf = conf.replace("/var/log/nginx/", f"{directory}/")
    (directory / "klanten.conf").write_text(conf)
    temporary = "".join(
        f"{name}_temp_path {directory}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = directory / "nginx.conf"
    # As whoever runs the tests, so that it can write here.
    user = f"user {getpass.getuser()};" if os.geteuid() == 0 else ""
    whole.write_text(
        f"{user} daemon off; pid {directory}/pid; error_log stderr;"
        "worker_processes 1; worker_rlimit_nofile 8192; events { worker_connections 4096; }"
        f"http {{ {temporary} include {directory}/klanten.conf; }}"
    )
    return whole


@contextmanager
def proxy(directory: Path, *, application: int) -> Iterator[int]:
    """The port of an nginx in front of what listens on the port `application`."""
    directory.mkdir()
    port = free_port()
    whole = configuration(directory, port=port, application=application)
    log = directory / "error.log"
    command = ["nginx", "-p", str(directory), "-c", str(whole)]
    with background(command, env={"PATH": "/usr/sbin:/usr/bin:/bin"}, log=log) as process:
        wait_until_answered(f"http://127.0.0.1:{port}/healthz", process, log)
        yield port
