"""Who answers: Klanten as production runs it, and the peers."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import requests

from benchmarks.cluster import OWNER, Cluster
from benchmarks.processes import ROOT, background, free_port, wait_until_answered

WORKERS = 2
# As far away as a gateway usually is, in seconds.
GATEWAY_LATENCY = 0.2
PEERS_BIN = ROOT / "benchmarks" / "ve" / "bin"
PRODUCT_BIN = Path(sys.executable).parent
UNBOUNDED = {f"RATE_LIMIT_{name}": "1000000000" for name in ("READ", "WRITE", "BULK")}


@dataclass(frozen=True, slots=True)
class Server:
    """How to start one: the role it is for the database, and its command for a port."""

    name: str
    role: str
    command: str
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers."""

    url: str
    pid: int
    role: str


def procfile_command() -> str:
    """Klanten's web command: the very line of the Procfile."""
    found = re.search(r"^web: (.*)$", (ROOT / "Procfile").read_text(), re.MULTILINE)
    if found is None:
        raise RuntimeError("The Procfile has no web command.")
    return found[1]


PRODUCT = Server("klanten", "product", procfile_command())
FASTAPI = Server(
    "fastapi",
    "fastapi",
    "uvicorn --host $HOST --port $PORT --workers $WEB_WORKERS --loop uvloop --http httptools"
    " --no-access-log --log-level warning benchmarks.peers.async_api.main:app",
)
GUNICORN = (
    "gunicorn --bind $HOST:$PORT --workers $WEB_WORKERS --log-level warning"
    " benchmarks.peers.django_api.wsgi:application"
)
DJANGO = Server("django", "django", GUNICORN)
DJANGO_KEPT = Server("django-kept", "django", GUNICORN, {"CONN_MAX_AGE": "600"})
SERVERS = {server.name: server for server in (PRODUCT, FASTAPI, DJANGO, DJANGO_KEPT)}


@dataclass(frozen=True, slots=True)
class Site:
    """What the servers share: the cluster, a scratch directory, and production's secrets."""

    cluster: Cluster
    directory: Path
    secrets: Mapping[str, str]


def secrets_in(directory: Path) -> dict[str, str]:
    """Production's secrets, made for this run."""
    made = directory / "secrets"
    command = [sys.executable, "-m", "config.secret_files", str(made)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return {
        "SECRET_KEY": (made / "secret_key").read_text().strip(),
        "OIDC_RSA_PRIVATE_KEY_FILE": str(made / "oidc.pem"),
    }


def environment(site: Site, role: str) -> dict[str, str]:
    """A process's environment: production's settings, on the run's own data."""
    return {
        "PATH": f"{PRODUCT_BIN}:{PEERS_BIN}:{os.environ['PATH']}",
        "DATABASE_URL": site.cluster.url(role),
        "STATE_DIR": str(site.directory / "state"),
        "DEBUG": "false",
        "ALLOWED_HOSTS": "127.0.0.1",
        "SMS_GATEWAY": "console",
        "LOG_LEVEL": "WARNING",
        "PYTHONPATH": str(ROOT),
        **site.secrets,
        **UNBOUNDED,
    }


def manage(site: Site, *arguments: str) -> str:
    """What a management command prints."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment(site, OWNER),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


@contextmanager
def running(server: Server, site: Site, *, workers: int = WORKERS) -> Iterator[Running]:
    """The server, once it answers."""
    port, log = free_port(), site.directory / f"{server.name}.log"
    url = f"http://127.0.0.1:{port}"
    env = {
        **environment(site, server.role),
        **server.env,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_WORKERS": str(workers),
        "PUBLIC_URL": url,
    }
    with background(["sh", "-c", f"exec {server.command}"], env=env, log=log) as process:
        wait_until_answered(f"{url}/v1/orders/", process, log)
        yield Running(url, process.pid, server.role)


@contextmanager
def delivering(site: Site) -> Iterator[None]:
    """Klanten's delivery worker, and a gateway GATEWAY_LATENCY away that it delivers to."""
    env, port = environment(site, "worker"), free_port()
    gateway = f"http://127.0.0.1:{port}"
    env |= {
        "SMS_GATEWAY": "africastalking",
        "AFRICAS_TALKING_API_KEY": "any",
        "AFRICAS_TALKING_URL": gateway,
    }
    simulate = ["simulate_gateways", "--port", str(port), "--latency", str(GATEWAY_LATENCY)]
    with ExitStack() as stack:
        for arguments in (simulate, ["deliver"]):
            log = site.directory / f"{arguments[0]}.log"
            command = [sys.executable, "manage.py", *arguments]
            process = stack.enter_context(background(command, env=env, log=log))
            if arguments is simulate:
                wait_until_answered(f"{gateway}/messages", process, log)
        yield


def client_token(site: Site, url: str) -> str:
    """A machine's access token, by client credentials."""
    printed = manage(site, "setup_oauth", "--new", "--grant-type", "client-credentials")
    found = re.search(r"Client ID: (\S+)\nClient Secret: (\S+)\n", printed)
    if found is None:
        raise RuntimeError(f"setup_oauth printed no client:\n{printed}")
    form = {"grant_type": "client_credentials", "scope": "read write"}
    answer = requests.post(f"{url}/o/token/", form, auth=(found[1], found[2]), timeout=10)
    answer.raise_for_status()
    return str(answer.json()["access_token"])
