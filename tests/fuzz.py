"""`make fuzz`: schemathesis against a server of its own, with credentials of each kind.

`python -m tests.fuzz --examples N --seconds S [--seed N]`: at most N examples for each operation,
S seconds altogether. What is not in the API's document is asked for by `tests.fuzz_pages`.
FUZZ_DATABASE_URL names an empty database; without it, a SQLite file is made and thrown away. Ends
non-zero when a check of `tests/fuzz.toml` fails, or when a page is not as it should be.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path

import requests

from config.secret_files import new_rsa_key, new_secret_key
from tests.fuzz_pages import CALLBACK_SECRET, fuzz_pages
from tests.processes import free_port, web_command, web_environment

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
# Of the time, in percent: most for who can do most.
SHARES = {
    "a key for everything": 30,
    "a key that may read": 10,
    "a machine's token": 15,
    "a customer's token": 10,
    "nothing": 5,
    "pages": 30,
}
LOGIN = {"username": "jane", "password": "correct horse battery"}


def environment(directory: str) -> dict[str, str]:
    """A server's as in production: on scratch data, and not bounded in how often it is asked."""
    database = os.environ.get("FUZZ_DATABASE_URL", f"sqlite:///{directory}/fuzz.sqlite3")
    limits = {f"RATE_LIMIT_{name}": "100000000" for name in ("READ", "WRITE", "BULK")}
    return {
        **os.environ,
        **limits,
        "LOGIN_RATE": "100000000/min",
        "LOGIN_FAILURE_LIMIT": "100000000",
        "LOGIN_NAME_FAILURE_LIMIT": "100000000",
        "AFRICAS_TALKING_CALLBACK_SECRET": CALLBACK_SECRET,
        "DATABASE_URL": database,
        "STATE_DIR": directory,
        "DEBUG": "false",
        "PUBLIC_URL": "http://127.0.0.1",
        "ALLOWED_HOSTS": "127.0.0.1",
        "SECRET_KEY": new_secret_key(),
        "OIDC_RSA_PRIVATE_KEY": new_rsa_key(),
        "SMS_GATEWAY": "console",
        "LOG_LEVEL": "ERROR",
    }


def manage(env: dict[str, str], *arguments: str) -> str:
    """What a management command prints."""
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def fill() -> None:
    """The rows of the documents' examples, so that those lead somewhere."""
    from customers.examples import JOHN  # noqa: PLC0415 - in a process with Django alone
    from customers.models import Customer  # noqa: PLC0415
    from items.examples import SHIRT  # noqa: PLC0415
    from items.models import Item  # noqa: PLC0415
    from orders.examples import ORDER_ID  # noqa: PLC0415
    from orders.models import Order  # noqa: PLC0415

    members = ("id", "code", "name", "phone_number")
    john = Customer.objects.create(**{name: JOHN[name] for name in members})
    Item.objects.create(**{name: SHIRT[name] for name in ("id", "name", "size", "price")})
    order = Order.objects.create(
        pk=ORDER_ID, customer=john, description="Laptop Computer", amount=Decimal("1299.99")
    )
    line = {"description": order.description, "quantity": 1, "unit_price": order.amount}
    order.lines.create(position=0, **line)


@contextmanager
def serving(env: dict[str, str], *, log: Path) -> Iterator[str]:
    """The address of a server that runs as production's does."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = web_environment(env, PUBLIC_URL=url, PORT=str(port))
    with log.open("w") as output:
        process = subprocess.Popen(web_command(), cwd=ROOT, env=env, stdout=output, stderr=output)
    try:
        wait_for(url)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for(url: str) -> None:
    """Returns when the server answers; fails when it does not within half a minute."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            if requests.get(f"{url}/readyz", timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    sys.exit("The server did not start.")


def client_token(url: str, env: dict[str, str]) -> str:
    """A machine's token, by client credentials."""
    printed = manage(env, "setup_oauth", "--grant-type", "client-credentials")
    found = re.search(r"Client ID: (\S+)\nClient Secret: (\S+)\n", printed)
    assert found, printed
    form = {"grant_type": "client_credentials", "scope": "read write"}
    answer = requests.post(f"{url}/o/token/", form, auth=(found[1], found[2]), timeout=10)
    return str(answer.json()["access_token"])


def customer_token(url: str) -> str:
    """The token of a customer who has just registered."""
    password = LOGIN["password"]
    form = {"username": LOGIN["username"], "password1": password, "password2": password}
    answer = requests.post(f"{url}/api/rest-auth/registration/", json=form, timeout=10)
    return str(answer.json()["key"])


def credentials(url: str, env: dict[str, str]) -> dict[str, str]:
    """An `Authorization` header of each kind, "" for none."""

    def key(scopes: str) -> str:
        return manage(env, "create_api_key", "Fuzz", "--scopes", scopes).splitlines()[-1]

    return {
        "a key for everything": f"Api-Key {key('read write')}",
        "a key that may read": f"Api-Key {key('read')}",
        "a machine's token": f"Bearer {client_token(url, env)}",
        "a customer's token": f"Bearer {customer_token(url)}",
        "nothing": "",
    }


def fuzz(url: str, authorization: str, *, directory: str, examples: int, seconds: int) -> bool:
    """Whether every check holds for who has this credential."""
    command = [str(BIN / "st"), "--config-file", str(ROOT / "tests" / "fuzz.toml"), "run"]
    command += [f"{url}/openapi.json", "--max-examples", str(examples)]
    command += ["--max-time", str(seconds), "--no-color", "--warnings", "off"]
    if authorization:
        command += ["-H", f"Authorization: {authorization}"]
    # It keeps what it found beside where it runs.
    return subprocess.run(command, cwd=directory, check=False).returncode == 0


def fuzz_all(directory: str, *, examples: int, seconds: int, seed: int) -> list[str]:
    """The credentials with which a check failed, and pages. Each has its share of the time."""
    env = environment(directory)
    manage(env, "migrate", "--noinput", "--verbosity", "0")
    manage(env, "shell", "-c", "from tests.fuzz import fill; fill()")
    failed = []
    with serving(env, log=Path(directory) / "server.log") as url:
        for name, authorization in credentials(url, env).items():
            print(f"\n=== With {name} ===", flush=True)
            share = max(1, seconds * SHARES[name] // 100)
            bounds = {"examples": examples, "seconds": share}
            if not fuzz(url, authorization, directory=directory, **bounds):
                failed.append(name)
        pages = json.loads(run_in_django(env, "describe()"))
        share = max(1, seconds * SHARES["pages"] // 100)
        people = partial(run_in_django, env, "make_people()")
        wrong = fuzz_pages(url, pages, people, seconds=share, seed=seed)
        print(*wrong, sep="\n")
        failed += ["pages"] if wrong else []
    return failed


def run_in_django(env: dict[str, str], call: str) -> str:
    """What a function of `tests.addresses` prints, in a process with the server's settings."""
    return manage(env, "shell", "--no-imports", "-c", f"import tests.addresses as a; a.{call}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=1800)
    parser.add_argument("--seed", type=int, default=20_260_101, help="of what pages are asked")
    bounds = vars(parser.parse_args())
    with tempfile.TemporaryDirectory(prefix="klanten-fuzz-") as directory:
        failed = fuzz_all(directory, **bounds)
        if failed:
            log = (Path(directory) / "server.log").read_text()
            print(*(line for line in log.splitlines() if "ERROR" in line), sep="\n")
    print("\nFailed with: " + ", ".join(failed) if failed else "\nEvery check holds.")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
