"""Files through nginx: who may hand one in is asked before its body is taken in.

Once that question failed, so that no file at all came through nginx, nor one of more than 10 MB.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from access.api_keys import create_api_key
from imports.models import Import
from tests.attacks.nginx import proxy
from tests.faults.server import Server, nobody_else_is_connected, serving
from tests.processes import eventually

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed"),
]
FILE = b"code,name\nCUST001,John Doe\n"


@pytest.fixture
def server() -> Iterator[Server]:
    _, key = create_api_key(name="imports", scopes="imports:write customers:write")
    with serving(key, {"WEB_THREADS": "2"}) as server:
        yield server
    eventually(nobody_else_is_connected)


@pytest.fixture
def nginx(server: Server, tmp_path: Path) -> Iterator[str]:
    """The address of an nginx in front of the server."""
    with proxy(tmp_path / "nginx", application=server.port) as port:
        yield f"http://127.0.0.1:{port}"


def hand_in(nginx: str, headers: dict[str, str], content: bytes = FILE) -> requests.Response:
    return requests.post(
        f"{nginx}/v1/imports/",
        headers=headers,
        data={"resource": "customers"},
        files={"file": ("customers.csv", content)},
        timeout=30,
    )


def test_takes_the_file_of_who_may(nginx: str, server: Server) -> None:
    small = hand_in(nginx, server.headers)
    large = hand_in(nginx, server.headers, FILE + b"C,Jane\n" * 1_700_000)

    assert [small.status_code, large.status_code] == [202, 202], (small.text, large.text)


def test_refuses_who_may_not(nginx: str) -> None:
    _, reader = create_api_key(name="reader", scopes="imports:read customers:write")
    reading = {"Authorization": f"Api-Key {reader}"}

    refused = [hand_in(nginx, {}).json(), hand_in(nginx, reading).json()]

    assert [(each["status"], each["code"]) for each in refused] == [
        (401, "not_authenticated"),
        (403, "permission_denied"),
    ]
    assert not Import.objects.exists()
    # Whoever asks how far an import is needs no right to begin one, and nobody asks for the check.
    assert requests.get(f"{nginx}/v1/imports/", headers=reading, timeout=30).json() == []
    assert requests.get(f"{nginx}/uploads/check", headers=reading, timeout=30).status_code == 404


def test_says_502_when_the_application_is_away(nginx: str, server: Server) -> None:
    server.stop()

    for path in ("/v1/imports/", "/v1/orders/"):
        answer = requests.post(f"{nginx}{path}", headers=server.headers, data=b"{}", timeout=30)

        assert (answer.status_code, answer.json()["status"]) == (502, 502)
        assert answer.headers["Content-Type"] == "application/problem+json"
