"""The gateway to Africa's Talking, against the simulator and against peers that misbehave.

Nothing here is faked above the socket, and nothing needs the database.
"""

import gzip
import json
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from notifications.gateways import console, gateway
from notifications.gateways.africastalking import AfricasTalkingGateway, KeptSms
from outbox import transport
from outbox.outcomes import Accepted, NotSent, Outcome, Refused, Unknown
from outbox.transport import Timeouts
from simulators.magic import MAGIC
from simulators.testing import Simulator, running_simulator

API_KEY = "a-key-that-nobody-may-see"
PHONE = "+254722000111"
TEXT = "Hello John Doe!"
# What the simulator takes for an SMS.
PAID = {"cost": Decimal("0.8000"), "cost_currency": "KES"}
PATIENT = Timeouts(connect=5, read=5, total=10)
IMPATIENT = Timeouts(connect=5, read=0.3, total=10)
DRIP = Timeouts(connect=1, read=0.3, total=0.5)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with running_simulator() as simulator:
        yield simulator


def gateway_to(url: str, timeouts: Timeouts = PATIENT, **options: str) -> AfricasTalkingGateway:
    account = {"api_key": API_KEY, "username": "acme"} | options
    return AfricasTalkingGateway(url=url, timeouts=timeouts, **account)


def send(url: str, to: str = PHONE, timeouts: Timeouts = PATIENT) -> Outcome:
    return gateway_to(url, timeouts).send(to=to, text=TEXT)


def read_request(connection: socket.socket) -> bytes:
    """A request, or nothing of what is none (a TLS handshake)."""
    if connection.recv(1, socket.MSG_PEEK) != b"P":
        return b""
    with connection.makefile("rb") as stream:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += stream.readline()
        [length] = re.findall(rb"Content-Length: (\d+)", head)
        return head + stream.read(int(length))


class RawServer:
    """Reads a request, answers with `pieces` a `pause` (seconds) apart, and hangs up."""

    def __init__(self, pieces: tuple[bytes, ...], pause: float) -> None:
        self.pieces = pieces
        self.pause = pause
        self.requests: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        # close() ends the wait for the next client, and a client may leave early.
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, suppress(OSError):
                    self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        self.requests.append(read_request(connection))
        for piece in self.pieces:
            connection.sendall(piece)
            time.sleep(self.pause)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


@contextmanager
def raw_server(*pieces: bytes, pause: float = 0.0) -> Iterator[RawServer]:
    server = RawServer(pieces, pause)
    try:
        yield server
    finally:
        server.close()


def answer(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def created(content: object, *headers: str) -> bytes:
    return answer("201 Created", json.dumps(content).encode(), *headers)


def one_recipient(**changes: object) -> dict[str, Any]:
    recipient = {"statusCode": 101, "number": PHONE, "status": "Success", "messageId": "ATPid_1"}
    return {"SMSMessageData": {"Message": "Sent to 1/1", "Recipients": [recipient | changes]}}


def said_by(raw: bytes, timeouts: Timeouts = PATIENT) -> Outcome:
    """The outcome of a send that is answered with `raw`."""
    with raw_server(raw) as server:
        return send(server.url, timeouts=timeouts)


def broke(why: str) -> Unknown:
    return Unknown(f"The connection to Africa's Talking broke after the request ({why}).")


def unreachable(why: str) -> NotSent:
    return NotSent(f"Africa's Talking could not be reached ({why}).", away=True)


# --- Every magic number --------------------------------------------------------------

HOUR = timedelta(hours=1)
OUTCOMES: dict[str, Outcome] = {
    "401": Refused("RiskHold (401)"),
    "402": Refused("InvalidSenderId (402)"),
    "403": Refused("InvalidPhoneNumber (403)"),
    "404": Refused("UnsupportedNumberType (404)"),
    "405": NotSent("InsufficientBalance (405)", HOUR, away=True),
    "406": Refused("UserInBlacklist (406)"),
    "407": Refused("CouldNotRoute (407)"),
    "409": Refused("DoNotDisturbRejection (409)"),
    "500": NotSent("InternalServerError (500)"),
    "501": NotSent("GatewayError (501)"),
    "502": Refused("RejectedByGateway (502)"),
    "600": Refused("InvalidSenderId"),
    "601": NotSent(
        "Africa's Talking rejected the API key (HTTP 401).", timedelta(minutes=5), away=True
    ),
    "609": Refused("DoNotDisturbRejection (HTTP 409)"),
    "629": NotSent(
        "Africa's Talking answered HTTP 429: Too Many Requests", timedelta(seconds=30), away=True
    ),
    "650": NotSent("Africa's Talking answered HTTP 500: Internal Server Error", away=True),
    "653": NotSent("Africa's Talking answered HTTP 503: Service Unavailable", away=True),
    "700": broke("[Errno 104] Connection reset by peer"),
    "701": broke("[Errno 104] Connection reset by peer"),
    "702": broke("timed out"),
    "703": Unknown("Africa's Talking answered HTTP 201 with a body that is not JSON."),
    "704": broke("IncompleteRead(115 bytes read, 116 more expected)"),
}
ACCEPTED = ("100", "101", "102")
SILENT = "702"
# Received all the same, which is why they are Unknown.
RECEIVED = ("701", "702", "703", "704")


@pytest.mark.parametrize(("suffix", "outcome"), OUTCOMES.items(), ids=OUTCOMES)
def test_it_turns_each_magic_number_into_its_outcome(
    simulator: Simulator, suffix: str, outcome: Outcome
) -> None:
    timeouts = IMPATIENT if suffix == SILENT else PATIENT

    assert send(simulator.url, f"+254711000{suffix}", timeouts) == outcome
    # Never twice, whatever went wrong.
    assert len(simulator.messages()) == (suffix in RECEIVED)


@pytest.mark.parametrize("phone", [*(f"+254711000{suffix}" for suffix in ACCEPTED), PHONE])
def test_it_keeps_the_id_of_an_accepted_message(simulator: Simulator, phone: str) -> None:
    outcome = send(simulator.url, phone)

    [message] = simulator.messages()
    assert outcome == Accepted(message["messageId"], PAID)
    assert (message["to"], message["message"]) == (phone, TEXT)


def test_it_has_an_outcome_for_every_magic_number() -> None:
    assert {*OUTCOMES, *ACCEPTED} == set(MAGIC)


# --- What it sends -------------------------------------------------------------------


def test_it_sends_the_form_of_the_official_sdk() -> None:
    with raw_server(created(one_recipient())) as server:
        gateway_to(server.url, sender_id="KLANTEN").send(to=PHONE, text="Jambo, José 🎉")

    [request] = server.requests
    head, _, body = request.decode().partition("\r\n\r\n")
    assert head.startswith("POST /version1/messaging HTTP/1.1\r\n")
    assert f"\r\napiKey: {API_KEY}\r\n" in head
    assert "\r\nAccept: application/json\r\n" in head
    assert "\r\nAccept-Encoding: identity\r\n" in head
    assert parse_qs(body) == {
        "username": ["acme"],
        "to": [PHONE],
        "message": ["Jambo, José 🎉"],
        "from": ["KLANTEN"],
        "bulkSMSMode": ["1"],
    }


def test_it_names_no_sender_without_a_sender_id() -> None:
    with raw_server(created(one_recipient())) as server:
        send(server.url)

    assert b"&from=" not in server.requests[0]


def test_it_refuses_a_phone_that_is_none_without_a_request(simulator: Simulator) -> None:
    assert send(simulator.url, "0722000111") == Refused("The phone number is not a valid one.")
    assert simulator.connections == 0


@pytest.mark.parametrize(
    ("username", "url"),
    [
        ("acme", "https://api.africastalking.com/version1/messaging"),
        ("sandbox", "https://api.sandbox.africastalking.com/version1/messaging"),
    ],
)
def test_it_uses_the_addresses_of_the_sdk_without_one_of_its_own(username: str, url: str) -> None:
    sms = KeptSms(username, API_KEY, url="", seconds=1)

    assert sms._make_url("/messaging") == url


def test_it_takes_nothing_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login staff password hush\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    with raw_server(created(one_recipient())) as server:
        assert send(server.url) == Accepted("ATPid_1")

    assert b"authorization" not in server.requests[0].lower()


def test_it_keeps_no_cookies() -> None:
    with raw_server(
        created(one_recipient(), "Set-Cookie: id=1; Path=/", "Connection: close")
    ) as server:
        gateway = gateway_to(server.url)
        gateway.send(to=PHONE, text=TEXT)
        gateway.send(to=PHONE, text=TEXT)

    assert len(server.requests) == 2
    assert b"cookie" not in server.requests[1].lower()


# --- Its connections -----------------------------------------------------------------


def test_it_keeps_one_connection_for_the_sends_of_a_thread(simulator: Simulator) -> None:
    gateway = gateway_to(simulator.url)
    for phone in (PHONE, "+254711000403", "+254711000629", "+254711000703", PHONE):
        gateway.send(to=phone, text=TEXT)

    assert simulator.connections == 1


def test_it_shares_no_connection_between_threads(simulator: Simulator) -> None:
    gateway = gateway_to(simulator.url)
    together = threading.Barrier(4, timeout=10)

    def send_twice(_: int) -> list[Outcome]:
        together.wait()
        return [gateway.send(to=PHONE, text=TEXT) for _ in range(2)]

    with ThreadPoolExecutor(4) as pool:
        outcomes = [outcome for pair in pool.map(send_twice, range(4)) for outcome in pair]

    assert len({outcome.provider_id for outcome in outcomes if isinstance(outcome, Accepted)}) == 8
    assert simulator.connections == 4


def test_it_uses_no_connection_that_was_idle_for_long(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_IDLE_SECONDS", 0.0)
    gateway = gateway_to(simulator.url)
    gateway.send(to=PHONE, text=TEXT)
    gateway.send(to=PHONE, text=TEXT)

    assert simulator.connections == 2


def test_it_connects_again_after_the_server_hung_up() -> None:
    with raw_server(created(one_recipient())) as server:
        gateway = gateway_to(server.url)
        outcomes = []
        for _ in range(3):
            outcomes.append(gateway.send(to=PHONE, text=TEXT))
            time.sleep(0.05)

    assert outcomes == [Accepted("ATPid_1")] * 3


# --- Not sent ------------------------------------------------------------------------


def test_it_is_not_sent_when_the_connection_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert send(f"http://127.0.0.1:{port}") == unreachable("[Errno 111] Connection refused")


def test_it_is_not_sent_when_the_name_cannot_be_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_name(*_arguments: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)

    assert send("http://sms.example") == unreachable("[Errno -2] Name or service not known")


def test_it_is_not_sent_when_tls_fails_before_the_request() -> None:
    with raw_server(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10) as server:
        outcome = send(server.url.replace("http://", "https://"))

    assert isinstance(outcome, NotSent)
    assert outcome.reason.startswith("Africa's Talking could not be reached ([SSL")


def test_it_is_not_sent_when_the_time_is_over_before_the_request(simulator: Simulator) -> None:
    outcome = send(simulator.url, timeouts=Timeouts(total=0))

    assert outcome == unreachable("the time for one attempt is over")
    assert simulator.connections == 0


def test_it_is_not_sent_when_connecting_took_all_the_time(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No timeout of ours bounds the name server; by then another worker may be sending."""
    resolve = socket.getaddrinfo

    def resolve_late(*arguments: Any) -> object:
        time.sleep(0.2)
        return resolve(*arguments)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_late)
    outcome = send(simulator.url, timeouts=Timeouts(total=0.1))
    monkeypatch.undo()

    assert outcome == unreachable("the time for one attempt is over")
    assert simulator.messages() == []


def test_it_is_not_sent_when_the_address_is_none() -> None:
    assert isinstance(send("ftp://127.0.0.1"), NotSent)
    assert isinstance(send("http://[:1"), NotSent)


@pytest.mark.parametrize(
    ("asked", "wait"),
    [
        ("7", timedelta(seconds=7)),
        ("0", timedelta(0)),
        ("86400", HOUR),
        ("9" * 30, None),
        ("-5", None),
        ("²", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("", None),
    ],
)
def test_it_waits_as_long_as_the_service_asks(asked: str, wait: timedelta | None) -> None:
    outcome = said_by(answer("429 Too Many Requests", b"", f"Retry-After: {asked}"))

    assert outcome == NotSent("Africa's Talking answered HTTP 429.", wait, away=True)


# --- Other answers -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        ("400 Bad Request", b"No 'to'", Refused("Africa's Talking answered HTTP 400: No 'to'")),
        (
            "404 Not Found",
            b"",
            NotSent(
                "Nothing takes SMS at this address (HTTP 404). Check AFRICAS_TALKING_URL.",
                timedelta(minutes=5),
                away=True,
            ),
        ),
        ("408 Request Timeout", b"", NotSent("Africa's Talking answered HTTP 408.", away=True)),
        ("502 Bad Gateway", b" \n", NotSent("Africa's Talking answered HTTP 502.", away=True)),
        ("504 Gateway Timeout", b"", Unknown("Africa's Talking answered HTTP 504.")),
        ("599 Whatever", b"", Unknown("Africa's Talking answered HTTP 599.")),
        (
            "204 No Content",
            b"",
            Unknown("Africa's Talking answered HTTP 204 with a body that is not JSON."),
        ),
    ],
)
def test_it_knows_what_an_http_status_means(status: str, body: bytes, outcome: Outcome) -> None:
    assert said_by(answer(status, body)) == outcome


def test_it_holds_to_the_status_of_a_refusal_whose_body_is_cut() -> None:
    cut = answer("503 Service Unavailable", b"Service Unavailable")[:-5]

    assert said_by(cut) == NotSent("Africa's Talking answered HTTP 503.", away=True)


@pytest.mark.parametrize("location", ["", "http://[", "ftp://example.com/"])
@pytest.mark.parametrize("status", ["302 Found", "307 Temporary Redirect", "304 Not Modified"])
def test_it_follows_no_redirect(simulator: Simulator, status: str, location: str) -> None:
    target = location or f"{simulator.url}/version1/messaging"

    outcome = said_by(answer(status, b"", f"Location: {target}"))

    assert outcome == NotSent(
        f"Nothing takes SMS at this address (HTTP {status[:3]}). Check AFRICAS_TALKING_URL.",
        timedelta(minutes=5),
        away=True,
    )
    assert simulator.connections == 0


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "text/plain", 'application/json;"'],
)
def test_it_reads_json_under_any_content_type(content_type: str) -> None:
    raw = created(one_recipient(), f"Content-Type: {content_type}")

    assert said_by(raw) == Accepted("ATPid_1")


def test_it_reads_an_answer_in_chunks() -> None:
    body = json.dumps(one_recipient()).encode()
    chunks = b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (9, body[:9], len(body[9:]), body[9:])
    head = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"

    assert said_by(head + chunks) == Accepted("ATPid_1")
    assert isinstance(said_by(head + chunks[:-20]), Unknown)


@pytest.mark.parametrize("message_id", ["None", "", None, 7, "x" * 101, "AT\0", "AT\ud800"])
def test_it_keeps_no_id_that_is_none(message_id: object) -> None:
    assert said_by(created(one_recipient(messageId=message_id))) == Accepted("")


@pytest.mark.parametrize(
    ("cost", "columns"),
    [
        ("KES 0.8000", PAID),
        ("USD 12", {"cost": Decimal(12), "cost_currency": "USD"}),
        *((cost, {}) for cost in ("0", "KES", "KES -1", "KES 0.80000", "KES 1e9", "", None, 0.8)),
    ],
)
def test_it_reads_what_a_message_cost(cost: object, columns: dict[str, object]) -> None:
    assert said_by(created(one_recipient(cost=cost))) == Accepted("ATPid_1", columns)


def test_it_accepts_a_recipient_without_an_id() -> None:
    content = one_recipient()
    del content["SMSMessageData"]["Recipients"][0]["messageId"]

    assert said_by(created(content)) == Accepted("")


SHAPE = Unknown("Africa's Talking answered with JSON of an unexpected shape.")
NOT_JSON = Unknown("Africa's Talking answered HTTP 201 with a body that is not JSON.")


@pytest.mark.parametrize(
    "content",
    [
        None,
        "Success",
        [],
        {},
        {"SMSMessageData": None},
        {"SMSMessageData": {"Message": "Sent to 1/1"}},
        {"SMSMessageData": {"Recipients": []}},
        {"SMSMessageData": {"Message": "Sent to 1/1", "Recipients": [None]}},
        {"SMSMessageData": {"Recipients": one_recipient()["SMSMessageData"]["Recipients"] * 2}},
        one_recipient(statusCode="101"),
        one_recipient(statusCode=101.0),
        one_recipient(statusCode=None),
    ],
    ids=repr,
)
def test_it_does_not_know_what_an_unexpected_shape_means(content: object) -> None:
    assert said_by(created(content)) == SHAPE


@pytest.mark.parametrize("code", [0, 103, 408, 999, -1])
def test_it_does_not_know_what_an_unknown_status_code_means(code: int) -> None:
    assert said_by(created(one_recipient(statusCode=code))) == Unknown(
        f"Africa's Talking answered with the unknown statusCode {code}."
    )


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"{", b"[" * 60_000, b"1" * 5_000], ids=["", "ff", "{", "[[[", "111"]
)
def test_it_does_not_know_what_an_unreadable_body_means(body: bytes) -> None:
    assert said_by(answer("201 Created", body)) == NOT_JSON


def test_it_does_not_know_what_an_answer_that_is_not_http_means() -> None:
    assert said_by(b"SSH-2.0-OpenSSH_9.6\r\n") == broke("SSH-2.0-OpenSSH_9.6")


def test_it_refuses_with_the_reason_of_an_empty_answer() -> None:
    def refused(message: str) -> Outcome:
        return said_by(created({"SMSMessageData": {"Message": message, "Recipients": []}}))

    assert refused("InvalidSenderId") == Refused("InvalidSenderId")
    assert refused("") == Refused("Africa's Talking refused the SMS and gave no reason.")


# --- Bounds --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "start", [b"", b"HTTP/1.1 201 Created\r\nX: ", answer("201 Created", b"x" * 999)[:-999]]
)
def test_it_ends_an_answer_that_drips(start: bytes) -> None:
    """The read timeout alone never ends it: a byte comes every tenth of a second."""
    with raw_server(start, *[b"x"] * 100, pause=0.1) as server:
        begin = time.monotonic()
        outcome = send(server.url, timeouts=DRIP)
        took = time.monotonic() - begin

    assert isinstance(outcome, Unknown)
    assert DRIP.total <= took < DRIP.total + 0.5


def test_it_ends_a_silence_when_the_time_is_over(simulator: Simulator) -> None:
    begin = time.monotonic()
    outcome = send(simulator.url, f"+254711000{SILENT}", Timeouts(read=9, total=0.3))

    assert outcome == broke("timed out")
    assert time.monotonic() - begin < 2


def test_it_ends_an_answer_of_endless_interim_answers() -> None:
    with raw_server(*[b"HTTP/1.1 100 Continue\r\n\r\n"] * 100, pause=0.1) as server:
        begin = time.monotonic()
        outcome = send(server.url, timeouts=DRIP)
        took = time.monotonic() - begin

    assert isinstance(outcome, Unknown)
    assert DRIP.total <= took < DRIP.total + 0.5


TOO_LONG = broke("the answer is longer than 65536 bytes")


@pytest.mark.parametrize(
    "raw",
    [
        answer("201 Created", b" " * 70_000),
        b"HTTP/1.1 201 Created\r\n\r\n" + b" " * 70_000,
        b"HTTP/1.1 201 Created\r\n" + (b"X: " + b"x" * 30_000 + b"\r\n") * 3,
        answer("201 Created", gzip.compress(b" " * 10_000_000), "Content-Encoding: gzip"),
    ],
    ids=["body", "body without an end", "headers", "packed"],
)
def test_it_ends_an_answer_that_is_too_long(raw: bytes) -> None:
    assert said_by(raw) == TOO_LONG


# --- What staff see ------------------------------------------------------------------


def test_it_gives_a_reason_that_can_be_stored_and_shown() -> None:
    message = "No\0 \r\nSMS \ud800" + "x" * 1000

    outcome = said_by(created({"SMSMessageData": {"Message": message, "Recipients": []}}))

    assert outcome == Refused("No    SMS  " + "x" * 489)
    assert isinstance(outcome, Refused)
    assert len(outcome.reason) == 500


@pytest.mark.parametrize("suffix", [suffix for suffix in OUTCOMES if suffix != SILENT])
def test_it_shows_the_key_to_nobody(
    simulator: Simulator, caplog: pytest.LogCaptureFixture, suffix: str
) -> None:
    caplog.set_level(logging.DEBUG)

    outcome = send(simulator.url, f"+254711000{suffix}")

    assert API_KEY not in repr(outcome)
    assert API_KEY not in caplog.text


def test_it_shows_no_key_that_the_service_repeats(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    outcome = said_by(answer("400 Bad Request", f"apiKey={API_KEY} is bad".encode()))

    assert outcome == Refused("Africa's Talking answered HTTP 400: apiKey=[API key] is bad")
    assert API_KEY not in caplog.text


@pytest.mark.parametrize(
    ("suffix", "line"),
    [
        ("601", "No SMS goes out: Africa's Talking rejected the API key (HTTP 401)."),
        ("405", "No SMS goes out: the balance at Africa's Talking is used up (405)."),
        ("403", None),
        ("650", None),
    ],
)
def test_it_tells_staff_what_only_they_can_mend(
    simulator: Simulator, caplog: pytest.LogCaptureFixture, suffix: str, line: str | None
) -> None:
    send(simulator.url, f"+254711000{suffix}")

    errors = [entry.getMessage() for entry in caplog.records if entry.levelno >= logging.ERROR]
    assert errors == ([line] if line else [])


@pytest.mark.parametrize("api_key", ["", "key\n", "a key", "clé"])
def test_it_takes_no_key_that_cannot_be_sent(api_key: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^AFRICAS_TALKING_API_KEY is empty, or holds"):
        gateway_to("", api_key=api_key)


# --- The choice of a gateway ---------------------------------------------------------


@pytest.fixture
def africas_talking_settings(settings: Settings) -> Iterator[Settings]:
    settings.SMS_GATEWAY = "africastalking"
    settings.AFRICAS_TALKING_API_KEY = API_KEY
    settings.AFRICAS_TALKING_USERNAME = "acme"
    settings.AFRICAS_TALKING_SANDBOX = False
    settings.AFRICAS_TALKING_URL = ""
    settings.AFRICAS_TALKING_SENDER_ID = ""
    gateway.cache_clear()
    yield settings
    gateway.cache_clear()


@pytest.mark.parametrize(
    ("setting", "value", "username", "sender"),
    [
        ("AFRICAS_TALKING_SANDBOX", True, "sandbox", ""),
        ("AFRICAS_TALKING_SENDER_ID", "KLANTEN", "acme", "KLANTEN"),
    ],
)
def test_the_settings_describe_it(  # noqa: PLR0917 - one value for each of the things it reads
    africas_talking_settings: Settings,
    simulator: Simulator,
    setting: str,
    value: object,
    username: str,
    sender: str,
) -> None:
    africas_talking_settings.AFRICAS_TALKING_URL = simulator.url + "/"
    setattr(africas_talking_settings, setting, value)

    outcome = gateway().send(to=PHONE, text=TEXT)

    [message] = simulator.messages()
    assert outcome == Accepted(message["messageId"], PAID)
    assert (message["username"], message["from"]) == (username, sender)
    assert gateway() is gateway()


@pytest.mark.parametrize("name", ["twilio", "", "__init__", "console.build"])
def test_an_unknown_gateway_is_refused_with_the_names_of_the_known(
    africas_talking_settings: Settings, name: str
) -> None:
    africas_talking_settings.SMS_GATEWAY = name

    complaint = f"SMS_GATEWAY is {name!r}. It must be one of: africastalking, console."
    with pytest.raises(ImproperlyConfigured, match=re.escape(complaint)):
        gateway()


def test_the_console_prints_an_sms(
    africas_talking_settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    africas_talking_settings.SMS_GATEWAY = "console"

    outcome = gateway().send(to=PHONE, text=TEXT)

    assert isinstance(outcome, Accepted)
    assert re.fullmatch(r"console-[0-9a-f-]{36}", outcome.provider_id)
    assert capsys.readouterr().out == f"SMS to {PHONE}: {TEXT}\n"


def test_the_console_does_not_raise_when_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr("sys.stdout", full)
        outcome = console.build().send(to=PHONE, text=TEXT)
        monkeypatch.undo()
        with suppress(OSError):
            full.close()

    assert outcome == NotSent("The console cannot be written to (OSError).")
