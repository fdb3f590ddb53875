"""What every contract needs: a running server, and a token of its own OpenID provider."""

import re
from io import StringIO

import pytest
import requests
from django.core.management import call_command
from pytest_django.live_server_helper import LiveServer


@pytest.fixture
def token(live_server: LiveServer) -> str:
    """An access token for everything, by the client credentials grant."""
    output = StringIO()
    call_command("setup_oauth", grant_type="client-credentials", stdout=output)
    found = re.search(r"Client ID: (\S+)\nClient Secret: (\S+)\n", output.getvalue())
    assert found
    answer = requests.post(
        f"{live_server.url}/o/token/",
        data={"grant_type": "client_credentials", "scope": "read write"},
        auth=(found[1], found[2]),
        timeout=10,
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])
