"""The simulated gateways: their protocol, their record, and the command that serves them."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import pytest
from django.core.management import CommandError

from simulators.magic import MAGIC, Trouble, Verdict
from simulators.management.commands.simulate_gateways import Command
from simulators.testing import Simulator, running_simulator

REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE = 10.0
PHONE = "+254722000111"
FORM = {"username": "acme", "to": PHONE, "message": "Hello John Doe!"}

# The command by itself: it needs no database, and no settings of the project.
COMMAND = """
import sys
from django.conf import settings
from django.core.management import execute_from_command_line
settings.configure(INSTALLED_APPS=["simulators"])
execute_from_command_line(["manage.py", "simulate_gateways", *sys.argv[1:]])
"""


class Answer(NamedTuple):
    status: int
    body: bytes
    headers: dict[str, str]

    def recipients(self) -> list[dict[str, object]]:
        recipients: list[dict[str, object]] = json.loads(self.body)["SMSMessageData"]["Recipients"]
        return recipients


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with running_simulator() as simulator:
        yield simulator


@contextmanager
def connected(url: str) -> Iterator[HTTPConnection]:
    connection = HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
    try:
        yield connection
    finally:
        connection.close()


def ask(connection: HTTPConnection, method: str, target: str, **parts: object) -> Answer:
    connection.request(method, target, **parts)  # type: ignore[arg-type]
    response = connection.getresponse()
    return Answer(response.status, response.read(), dict(response.getheaders()))


def post(url: str, form: dict[str, str], api_key: str | None = "key") -> Answer:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if api_key is not None:
        headers["apiKey"] = api_key
    with connected(url) as connection:
        return ask(connection, "POST", "/version1/messaging", body=urlencode(form), headers=headers)


def speak(url: str, said: bytes) -> bytes:
    """Everything that the server answers to `said` until it closes the connection."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname or "", address.port or 0), PATIENCE) as sock:
        sock.sendall(said)
        heard = b""
        while piece := sock.recv(4096):
            heard += piece
        return heard


# --- The protocol --------------------------------------------------------------------


def test_it_accepts_a_message(simulator: Simulator) -> None:
    answer = post(simulator.url, FORM)

    assert answer.status == 201
    assert answer.headers["Content-Type"] == "application/json"
    message_id = simulator.messages()[0]["messageId"]
    assert re.fullmatch(r"ATPid_[0-9a-f]{32}", message_id)
    assert json.loads(answer.body) == {
        "SMSMessageData": {
            "Message": "Sent to 1/1 Total Cost: KES 0.8000",
            "Recipients": [
                {
                    "statusCode": 101,
                    "number": PHONE,
                    "status": "Success",
                    "cost": "KES 0.8000",
                    "messageId": message_id,
                }
            ],
        }
    }


VERDICTS = {suffix: spell for suffix, spell in MAGIC.items() if isinstance(spell, Verdict)}


@pytest.mark.parametrize(("suffix", "verdict"), VERDICTS.items(), ids=VERDICTS)
def test_it_gives_a_magic_number_its_status_code(
    simulator: Simulator, suffix: str, verdict: Verdict
) -> None:
    phone = f"+254711000{suffix}"

    answer = post(simulator.url, FORM | {"to": phone})

    assert answer.status == 201
    [recipient] = answer.recipients()
    assert recipient["number"] == phone
    assert recipient["statusCode"] == int(suffix)
    assert recipient["status"] == verdict.status
    accepted = suffix in {"100", "101", "102"}
    assert len(simulator.messages()) == accepted
    assert (recipient["messageId"] != "None") is accepted


def test_it_judges_each_of_several_recipients(simulator: Simulator) -> None:
    phones = [PHONE, "+254711000406", "0722000111", "+254722000222"]

    answer = post(simulator.url, FORM | {"to": ",".join(phones)})

    summary = json.loads(answer.body)["SMSMessageData"]["Message"]
    assert summary == "Sent to 2/4 Total Cost: KES 1.6000"
    assert [(one["number"], one["statusCode"], one["status"]) for one in answer.recipients()] == [
        (PHONE, 101, "Success"),
        ("+254711000406", 406, "UserInBlacklist"),
        ("0722000111", 403, "InvalidPhoneNumber"),
        ("+254722000222", 101, "Success"),
    ]
    assert [sms["to"] for sms in simulator.messages()] == [PHONE, "+254722000222"]


def test_it_refuses_a_whole_request_with_empty_recipients(simulator: Simulator) -> None:
    answer = post(simulator.url, FORM | {"to": "+254711000600"})

    assert answer.status == 201
    assert json.loads(answer.body) == {
        "SMSMessageData": {"Message": "InvalidSenderId", "Recipients": []}
    }
    assert simulator.messages() == []


@pytest.mark.parametrize(
    ("suffix", "status", "body"),
    [
        ("601", 401, b"The supplied authentication is invalid"),
        ("629", 429, b"Too Many Requests"),
        ("650", 500, b"Internal Server Error"),
        ("653", 503, b"Service Unavailable"),
    ],
)
def test_it_answers_a_magic_number_with_an_http_error(
    simulator: Simulator, suffix: str, status: int, body: bytes
) -> None:
    answer = post(simulator.url, FORM | {"to": f"+254711000{suffix}"})

    assert (answer.status, answer.body) == (status, body)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers.get("Retry-After") == ("30" if status == 429 else None)
    assert simulator.messages() == []


def test_it_refuses_do_not_disturb_with_409_and_an_id_that_is_none(simulator: Simulator) -> None:
    answer = post(simulator.url, FORM | {"to": "+254711000609"})

    assert answer.status == 409
    [recipient] = answer.recipients()
    assert recipient["status"] == "DoNotDisturbRejection"
    assert recipient["messageId"] == "None"
    assert simulator.messages() == []


@pytest.mark.parametrize("api_key", [None, "", "wrong"])
def test_it_refuses_a_bad_key(simulator: Simulator, api_key: str | None) -> None:
    answer = post(simulator.url, FORM, api_key)

    assert (answer.status, answer.body) == (401, b"The supplied authentication is invalid")
    assert simulator.messages() == []


@pytest.mark.parametrize("field", ["username", "to", "message"])
def test_it_asks_for_a_missing_field(simulator: Simulator, field: str) -> None:
    answer = post(simulator.url, {name: FORM[name] for name in FORM if name != field})

    assert answer.status == 400
    assert answer.body.decode() == f"Request is missing required form field '{field}'"
    assert simulator.messages() == []


def test_it_refuses_a_form_that_is_not_utf_8(simulator: Simulator) -> None:
    with connected(simulator.url) as connection:
        answer = ask(connection, "POST", "/version1/messaging", body=b"message=%ff")

    assert (answer.status, answer.body) == (400, b"The request content was malformed")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/version1/messaging", 405),
        ("PUT", "/messages", 405),
        ("POST", "/version1/airtime", 404),
    ],
)
def test_it_knows_its_paths(simulator: Simulator, method: str, path: str, status: int) -> None:
    with connected(simulator.url) as connection:
        assert ask(connection, method, path).status == status


# --- The connection ------------------------------------------------------------------


def test_it_keeps_the_connection(simulator: Simulator) -> None:
    with connected(simulator.url) as connection:
        for _ in range(3):
            assert ask(connection, "GET", "/messages").status == 200

    assert simulator.connections == 1


def test_it_closes_the_connection_when_asked_to(simulator: Simulator) -> None:
    heard = speak(simulator.url, b"GET /messages HTTP/1.1\r\nConnection: close\r\n\r\n")

    assert heard.startswith(b"HTTP/1.1 200 OK\r\n")
    assert heard.endswith(b"\r\n\r\n[]")


@pytest.mark.parametrize(
    ("said", "status_line"),
    [
        (b"nonsense\r\n\r\n", b"HTTP/1.1 400 Bad Request"),
        (b"GET / HTTP/1.1\r\nnonsense\r\n\r\n", b"HTTP/1.1 400 Bad Request"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"HTTP/1.1 400 Bad Request"),
        (
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"HTTP/1.1 411 Length Required",
        ),
        (
            b"POST / HTTP/1.1\r\nContent-Length: 262145\r\n\r\n",
            b"HTTP/1.1 413 Request Entity Too Large",
        ),
        (
            b"GET / HTTP/1.1\r\nA: " + b"a" * 17_000 + b"\r\n\r\n",
            b"HTTP/1.1 431 Request Header Fields Too Large",
        ),
    ],
)
def test_it_bounds_and_checks_what_it_reads(
    simulator: Simulator, said: bytes, status_line: bytes
) -> None:
    heard = speak(simulator.url, said)

    assert heard.split(b"\r\n")[0] == status_line


def test_it_resets_before_the_request_was_read(simulator: Simulator) -> None:
    """The rest of the body never comes: the reset answers the number alone."""
    said = (
        b"POST /version1/messaging HTTP/1.1\r\napiKey: key\r\nContent-Length: 1000\r\n\r\n"
        b"username=acme&to=%2B254711000700&message=He"
    )

    with pytest.raises(ConnectionResetError):
        speak(simulator.url, said)
    assert simulator.messages() == []


def test_it_resets_after_the_request_was_received(simulator: Simulator) -> None:
    with pytest.raises(ConnectionResetError):
        post(simulator.url, FORM | {"to": "+254711000701"})
    assert len(simulator.messages()) == 1


def test_it_stays_silent(simulator: Simulator) -> None:
    body = urlencode(FORM | {"to": "+254711000702"})
    with connected(simulator.url) as connection:
        connection.timeout = 0.2
        connection.request("POST", "/version1/messaging", body=body, headers={"apiKey": "key"})
        with pytest.raises(TimeoutError):
            connection.getresponse()
    assert len(simulator.messages()) == 1


def test_it_answers_with_what_is_not_json(simulator: Simulator) -> None:
    answer = post(simulator.url, FORM | {"to": "+254711000703"})

    assert (answer.status, answer.body) == (201, b"<html>Created</html>")
    assert len(simulator.messages()) == 1


def test_it_cuts_an_answer_in_half(simulator: Simulator) -> None:
    body = urlencode(FORM | {"to": "+254711000704"})
    said = (
        "POST /version1/messaging HTTP/1.1\r\napiKey: key\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )

    head, _, half = speak(simulator.url, said.encode()).partition(b"\r\n\r\n")

    announced = re.search(rb"Content-Length: (\d+)", head)
    assert announced is not None
    assert len(half) == int(announced[1]) // 2
    assert len(simulator.messages()) == 1


def test_it_has_a_test_for_every_trouble() -> None:
    assert {suffix for suffix, spell in MAGIC.items() if isinstance(spell, Trouble)} == {
        *("600", "601", "609", "629", "650", "653"),
        *("700", "701", "702", "703", "704"),
    }


def test_it_drops_a_client_that_leaves_in_the_middle(simulator: Simulator) -> None:
    address = urlsplit(simulator.url)
    with socket.create_connection((address.hostname or "", address.port or 0)) as sock:
        sock.sendall(b"POST /version1/messaging HTTP/1.1\r\nContent-Length: 1000\r\n\r\nto=1")

    assert post(simulator.url, FORM).status == 201


# --- Latency and failures ------------------------------------------------------------


def test_it_waits_before_it_answers() -> None:
    with running_simulator(latency=0.2) as simulator:
        begin = time.monotonic()
        post(simulator.url, FORM)
        assert 0.2 <= time.monotonic() - begin < 2


def test_it_fails_the_given_share_of_ordinary_sends() -> None:
    with running_simulator(fail_rate=1) as simulator:
        answer = post(simulator.url, FORM)
        assert (answer.status, answer.body) == (500, b"Internal Server Error")
        assert simulator.messages() == []

        assert post(simulator.url, FORM | {"to": "+254711000101"}).status == 201
        assert len(simulator.messages()) == 1


# --- The record ----------------------------------------------------------------------


def test_it_records_what_it_received_in_order(simulator: Simulator) -> None:
    post(simulator.url, FORM | {"message": "Jambo, José\n🎉", "from": "KLANTEN"})
    post(simulator.url, FORM | {"to": "+254711000403"})
    post(simulator.url, FORM | {"to": "+254722000222"})

    first, second = simulator.messages()

    received_at = datetime.fromisoformat(first.pop("received_at"))
    assert timedelta(0) <= datetime.now(UTC) - received_at < timedelta(minutes=1)
    assert first.pop("messageId") != second["messageId"]
    assert first == {
        "to": PHONE,
        "message": "Jambo, José\n🎉",
        "from": "KLANTEN",
        "username": "acme",
    }
    assert (second["to"], second["from"]) == ("+254722000222", "")


def test_it_finds_the_messages_of_one_phone(simulator: Simulator) -> None:
    post(simulator.url, FORM)
    post(simulator.url, FORM | {"to": "+254722000222"})

    with connected(simulator.url) as connection:
        answer = ask(connection, "GET", f"/messages?to={quote(PHONE)}")

    assert [sms["to"] for sms in json.loads(answer.body)] == [PHONE]
    assert [sms["to"] for sms in simulator.messages("+254722000222")] == ["+254722000222"]
    assert simulator.messages("+254722000333") == []


def test_it_forgets_on_request(simulator: Simulator) -> None:
    post(simulator.url, FORM)

    with connected(simulator.url) as connection:
        answer = ask(connection, "DELETE", "/messages")

    assert (answer.status, answer.body) == (204, b"")
    assert simulator.messages() == []


# --- The command ---------------------------------------------------------------------


@contextmanager
def running_command(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and the address that its first line names."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-c", COMMAND, *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            announced = re.fullmatch(
                r"Simulated gateways listen on (http://127\.0\.0\.1:[1-9]\d*)\n", line
            )
            assert announced is not None, line
            yield process, announced[1]
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_serves_until_a_signal_ends_it(number: signal.Signals) -> None:
    with running_command("--port", "0", "--verbose") as (process, url):
        assert post(url, FORM | {"message": 'Two\nlines, "José"'}).status == 201

        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)

    assert process.returncode == 0
    assert out == f'SMS to {PHONE}: "Two\\nlines, \\"José\\""\n'
    assert err == ""


def test_the_command_ends_while_a_client_waits_in_silence() -> None:
    with running_command("--port", "0") as (process, url), connected(url) as connection:
        body = urlencode(FORM | {"to": "+254711000702"})
        connection.request("POST", "/version1/messaging", body=body, headers={"apiKey": "key"})
        with connected(url) as other:
            while not json.loads(ask(other, "GET", "/messages").body):
                time.sleep(0.01)

        process.terminate()
        out, err = process.communicate(timeout=PATIENCE)

        with pytest.raises((RemoteDisconnected, ConnectionResetError)):
            connection.getresponse()
    assert (process.returncode, out, err) == (0, "", "")


def test_the_command_says_when_the_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-c", COMMAND, "--port", str(port)],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    assert run.returncode == 1
    assert run.stderr == (
        f"CommandError: Cannot listen on 127.0.0.1, port {port}: Address already in use.\n"
    )


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("--host", "0.0.0.0", "'0.0.0.0' is not a loopback address."),  # noqa: S104 - refused
        ("--host", "::", "'::' is not a loopback address."),
        ("--host", "example.com", "'example.com' is not a loopback address."),
        ("--port", "65536", "'65536' is not a port."),
        ("--port", "-1", "'-1' is not a port."),
        ("--port", "http", "'http' is not a port."),
        ("--latency", "-0.1", "'-0.1' is not a number from 0 to 3600."),
        ("--latency", "inf", "'inf' is not a number from 0 to 3600."),
        ("--latency", "soon", "'soon' is not a number from 0 to 3600."),
        ("--fail-rate", "1.01", "'1.01' is not a number from 0 to 1."),
        ("--fail-rate", "nan", "'nan' is not a number from 0 to 1."),
        ("--report-delay", "-1", "'-1' is not a number from 0 to 3600."),
        ("--report-url", "", "'' is no address that begins with http://."),
        ("--report-url", "https://127.0.0.1/", "'https://127.0.0.1/' is no address that begins"),
        ("--report-url", "http://example.com/x", "'example.com' is not a loopback address."),
    ],
)
def test_the_command_refuses_a_bad_option(option: str, value: str, complaint: str) -> None:
    parser = Command().create_parser("manage.py", "simulate_gateways")

    with pytest.raises(CommandError, match=re.escape(f"argument {option}: {complaint}")):
        parser.parse_args([f"{option}={value}"])


@pytest.mark.parametrize(
    ("value", "host"), [("localhost", "127.0.0.1"), ("127.0.0.9", "127.0.0.9"), ("::1", "::1")]
)
def test_the_command_takes_a_loopback_host(value: str, host: str) -> None:
    parser = Command().create_parser("manage.py", "simulate_gateways")

    assert parser.parse_args(["--host", value]).host == host
