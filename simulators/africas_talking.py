"""The SMS service of Africa's Talking, as a client on this machine sees it.

`POST /version1/messaging` takes the form and gives the answers of the real service;
`simulators.magic` lists the numbers that choose one, and `simulators.reports` those that choose
how delivery is reported, if it was told where to. What it received and will deliver
is kept in memory, the last 100,000 messages, for whoever wants to know what would have
reached a phone: `GET /messages` (all, oldest first, or `?to=<E.164>`), `DELETE /messages`.
A message that the service refuses is not received.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from random import random
from urllib.parse import parse_qsl
from uuid import uuid4

from simulators.http import (
    HalfAnswer,
    Handler,
    Reply,
    Request,
    Reset,
    Response,
    Silence,
    json_answer,
    text,
)
from simulators.magic import DO_NOT_DISTURB, INVALID_PHONE, SENT, Trouble, Verdict, magic
from simulators.reports import Reporter

RECORD_LENGTH = 100_000
KES_PER_SMS = 0.8
WRONG_KEY = "wrong"
REQUIRED_FIELDS = ("username", "to", "message")
RETRY_AFTER_SECONDS = 30
E164 = re.compile(r"\+[1-9][0-9]{6,14}")

BAD_KEY = text(HTTPStatus.UNAUTHORIZED, "The supplied authentication is invalid")
SERVER_ERROR = text(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error")

# The troubles that come before anything is received and need nothing of the request.
REFUSALS: dict[Trouble, Response] = {
    Trouble.INVALID_SENDER: json_answer(
        HTTPStatus.CREATED,
        {"SMSMessageData": {"Message": "InvalidSenderId", "Recipients": []}},
    ),
    Trouble.BAD_KEY: BAD_KEY,
    Trouble.TOO_MANY_REQUESTS: text(
        HTTPStatus.TOO_MANY_REQUESTS,
        "Too Many Requests",
        {"Retry-After": str(RETRY_AFTER_SECONDS)},
    ),
    Trouble.SERVER_ERROR: SERVER_ERROR,
    Trouble.UNAVAILABLE: text(HTTPStatus.SERVICE_UNAVAILABLE, "Service Unavailable"),
}


@dataclass(frozen=True, slots=True)
class Received:
    """An SMS that the service took, for one phone; `received_at` is ISO 8601 in UTC."""

    to: str
    message: str
    sender: str
    username: str
    message_id: str
    received_at: str

    def as_json(self) -> dict[str, str]:
        """As `GET /messages` shows it, named as in the service's own form."""
        content: dict[str, str] = asdict(self)
        content["from"] = content.pop("sender")
        content["messageId"] = content.pop("message_id")
        return content


class AfricasTalking:
    """The service and its record.

    `latency` is the wait before each answer, in seconds; `fail_rate`, from 0 to 1, is
    the share of sends to ordinary numbers that fail with HTTP 500, nothing received, and
    `cut_rate` the share of those that are received and whose connection is reset then.
    `on_received` hears of each SMS that is received, and `reporter` reports on it.
    """

    def __init__(
        self,
        *,
        latency: float = 0.0,
        fail_rate: float = 0.0,
        cut_rate: float = 0.0,
        on_received: Callable[[Received], None] | None = None,
        reporter: Reporter | None = None,
    ) -> None:
        self.latency = latency
        self.fail_rate = fail_rate
        self.cut_rate = cut_rate
        self.on_received = on_received
        self.reporter = reporter
        self.received: deque[Received] = deque(maxlen=RECORD_LENGTH)

    def routes(self) -> dict[str, Handler]:
        """Its paths and their handlers, for a `simulators.http.Server`."""
        return {"/version1/messaging": self.messaging, "/messages": self.messages}

    async def messages(self, request: Request) -> Response:
        """The record of what was received."""
        match request.method:
            case "GET":
                to = request.query.get("to")
                return json_answer(
                    HTTPStatus.OK,
                    [sms.as_json() for sms in self.received if to in (None, sms.to)],
                )
            case "DELETE":
                self.received.clear()
                return Response(HTTPStatus.NO_CONTENT)
        return text(HTTPStatus.METHOD_NOT_ALLOWED, "Method Not Allowed", {"Allow": "GET, DELETE"})

    async def messaging(self, request: Request) -> Reply:
        """Send an SMS to each of the phones in `to`."""
        if request.method != "POST":
            return text(HTTPStatus.METHOD_NOT_ALLOWED, "Method Not Allowed", {"Allow": "POST"})
        try:
            fields = await read_form(request)
        except UnicodeDecodeError:
            return text(HTTPStatus.BAD_REQUEST, "The request content was malformed")
        if Trouble.RESET_BEFORE in map(magic, phones_in(fields)):
            return Reset()
        reply = self._answer(request.headers.get("apikey", ""), fields)
        if self.reporter:
            await self.reporter.before_the_answer()
        await asyncio.sleep(self.latency)
        return reply

    def _answer(self, api_key: str, fields: dict[str, str]) -> Reply:
        if api_key in ("", WRONG_KEY):
            return BAD_KEY
        for name in REQUIRED_FIELDS:
            if not fields.get(name):
                return text(
                    HTTPStatus.BAD_REQUEST, f"Request is missing required form field '{name}'"
                )
        phones = phones_in(fields)
        spells = [magic(phone) for phone in phones]
        trouble = next((spell for spell in spells if isinstance(spell, Trouble)), None)
        if trouble in REFUSALS:
            return REFUSALS[trouble]
        if trouble is Trouble.DO_NOT_DISTURB:
            return do_not_disturb(phones)
        if None in spells and random() < self.fail_rate:  # noqa: S311 - chance, not a secret
            return SERVER_ERROR
        if None in spells and random() < self.cut_rate:  # noqa: S311
            trouble = Trouble.RESET_AFTER
        return troubled(trouble, self._receive(phones, fields))

    def _receive(self, phones: Sequence[str], fields: dict[str, str]) -> Response:
        recipients = [self._take(phone, fields) for phone in phones]
        accepted = sum(recipient["messageId"] != "None" for recipient in recipients)
        summary = f"Sent to {accepted}/{len(phones)} Total Cost: KES {accepted * KES_PER_SMS:.4f}"
        return sms_message_data(HTTPStatus.CREATED, summary, recipients)

    def _take(self, phone: str, fields: dict[str, str]) -> dict[str, object]:
        """Judge one recipient, and keep the message if it is accepted."""
        verdict = verdict_on(phone)
        if not verdict.accepted:
            return recipient(phone, verdict)
        sms = Received(
            to=phone,
            message=fields["message"],
            sender=fields.get("from", ""),
            username=fields["username"],
            message_id=f"ATPid_{uuid4().hex}",
            received_at=datetime.now(UTC).isoformat(),
        )
        self.received.append(sms)
        if self.on_received:
            self.on_received(sms)
        if self.reporter:
            self.reporter.schedule(phone, sms.message_id)
        return recipient(phone, verdict, sms.message_id)


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form-encoded body.

    It stops reading as soon as the fields name the phone whose connection is reset
    before the request was read: the phone stands in the body, and must be read for that.
    """
    while True:
        body = await request.read_piece()
        # The last field may go on in the next piece.
        known = body[: body.rfind(b"&") + 1] if request.unread else body
        fields = dict(parse_qsl(known.decode(), errors="strict"))
        if not request.unread or Trouble.RESET_BEFORE in map(magic, phones_in(fields)):
            return fields


def phones_in(fields: dict[str, str]) -> list[str]:
    """The phones in the field `to`."""
    return fields.get("to", "").split(",")


def verdict_on(phone: str) -> Verdict:
    """What the service says about a recipient that no trouble keeps it from judging."""
    spell = magic(phone)
    if isinstance(spell, Verdict):
        return spell
    return SENT if E164.fullmatch(phone) else INVALID_PHONE


def recipient(phone: str, verdict: Verdict, message_id: str = "None") -> dict[str, object]:
    """A recipient as the answer shows it; one that was refused has the id "None"."""
    return {
        "statusCode": verdict.code,
        "number": phone,
        "status": verdict.status,
        "cost": f"KES {KES_PER_SMS:.4f}" if verdict.accepted else "0",
        "messageId": message_id,
    }


def sms_message_data(
    status: HTTPStatus, summary: str, recipients: list[dict[str, object]]
) -> Response:
    """The body of every answer that is JSON."""
    return json_answer(status, {"SMSMessageData": {"Message": summary, "Recipients": recipients}})


def do_not_disturb(phones: Sequence[str]) -> Response:
    """The refusal that the service may give to the whole request, as HTTP 409."""
    return sms_message_data(
        HTTPStatus.CONFLICT,
        f"Sent to 0/{len(phones)} Total Cost: KES 0.0000",
        [recipient(phone, DO_NOT_DISTURB) for phone in phones],
    )


def troubled(trouble: Trouble | None, answer: Response) -> Reply:
    """What becomes of the answer to a request that was received."""
    match trouble:
        case Trouble.RESET_AFTER:
            return Reset()
        case Trouble.SILENCE:
            return Silence()
        case Trouble.NOT_JSON:
            return Response(answer.status, b"<html>Created</html>", answer.content_type)
        case Trouble.HALF_ANSWER:
            return HalfAnswer(answer)
        case _:
            return answer
