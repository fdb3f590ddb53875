"""Africa's Talking, through its official SDK with its transport replaced.

The SDK (2.0.3) opens a new TLS connection for each SMS, has no limit on the length of an
answer or on the time that it may drip in, reads JSON only under one exact content type,
and raises one exception for everything that is not 2xx, without the status. So `KeptSms`
overrides its `_make_request`, and nothing else.

The facts about the service (paths, fields, status codes) are those of its documentation
of bulk SMS. It has no idempotency key.
"""

import json
import logging
import re
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from http import HTTPStatus

import requests
from africastalking.Service import AfricasTalkingException
from africastalking.SMS import SMSService
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from notifications.gateways import Gateway
from outbox.outcomes import Accepted, NotSent, Outcome, Refused, Unknown
from outbox.transport import (
    DEFAULT_TIMEOUTS,
    TRANSPORT_ERRORS,
    Attempt,
    KeptSession,
    Timeouts,
    body_of,
    current_attempt,
    explanation,
    wait_asked_for,
)

logger = logging.getLogger(__name__)

SANDBOX = "sandbox"
# What an HTTP header can carry without quoting: visible ASCII.
API_KEY = re.compile(r"[!-~]+")

# What a message cost: a currency (ISO 4217) and an amount, as many digits as the column holds.
COST = re.compile(r"([A-Z]{3}) ([0-9]{1,8}(?:\.[0-9]{1,4})?)")

MAX_REASON_LENGTH = 500
MAX_ID_LENGTH = 100
RETRY_AFTER_BAD_SETTING = timedelta(minutes=5)

# What the service says about a recipient: the statusCode, its name, and what follows.
# Everything outside this table is Unknown.
STATUS_CODES: Mapping[int, tuple[str, type[Outcome]]] = {
    100: ("Processed", Accepted),
    101: ("Sent", Accepted),
    102: ("Queued", Accepted),
    401: ("RiskHold", Refused),
    402: ("InvalidSenderId", Refused),
    403: ("InvalidPhoneNumber", Refused),
    404: ("UnsupportedNumberType", Refused),
    405: ("InsufficientBalance", NotSent),
    406: ("UserInBlacklist", Refused),
    407: ("CouldNotRoute", Refused),
    409: ("DoNotDisturbRejection", Refused),
    500: ("InternalServerError", NotSent),
    501: ("GatewayError", NotSent),
    502: ("RejectedByGateway", Refused),
}
INSUFFICIENT_BALANCE = 405
# Somebody has to pay first.
RETRY_AFTER_NO_BALANCE = timedelta(hours=1)

# The HTTP statuses that say that nothing was taken. 408 is among them because the server
# gave up waiting for the request (RFC 9110, 15.5.9). 504 is not: the server that gave up
# waiting there had passed the request on.
NOTHING_TAKEN = frozenset({408, 429, 500, 502, 503})
# Redirects apart, what a server answers that is not the service at all.
NO_SUCH_SERVICE = frozenset({404, 405})


class SendError(AfricasTalkingException):  # type: ignore[misc]  # the SDK is untyped
    """A request that got no 2xx answer that can be read; `outcome` is what that means."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


class KeptSms(SMSService):  # type: ignore[misc]  # the SDK is untyped
    """The SDK's SMS service over one kept connection for each thread.

    `url` replaces `https://api.africastalking.com`, "" keeps it (or the sandbox's);
    `seconds` bounds one attempt.
    """

    def __init__(self, username: str, api_key: str, *, url: str, seconds: float) -> None:
        super().__init__(username, api_key)
        if url:
            self._baseUrl = f"{url.rstrip('/')}/version1"
        self._seconds = seconds
        self._threads = threading.local()

    def _make_request(  # noqa: PLR0917 - the SDK's signature
        self,
        url: str,
        method: str,
        headers: Mapping[str, str],
        data: Mapping[str, str | int] | None,
        params: Mapping[str, str] | None,
        callback: None = None,
        timeout: tuple[float, float] = (DEFAULT_TIMEOUTS.connect, DEFAULT_TIMEOUTS.read),
    ) -> object:
        """Make the request and return the JSON of its 2xx answer.

        `timeout` is the seconds to connect and the seconds between two pieces of the
        answer. Raises SendError for everything else that may happen.
        """
        if callback is not None:
            raise NotImplementedError("Every gateway answers the thread that called it.")
        attempt = Attempt(self._seconds)
        token = current_attempt.set(attempt)
        try:
            with self._session().request(
                method, url, headers=headers, data=data, params=params, timeout=timeout, stream=True
            ) as response:
                return content_of(response)
        except TRANSPORT_ERRORS as error:
            raise SendError(outcome_of_break(error, written=attempt.written)) from error
        finally:
            current_attempt.reset(token)

    def _session(self) -> KeptSession:
        if not hasattr(self._threads, "session"):
            self._threads.session = KeptSession()
        session: KeptSession = self._threads.session
        return session


# --- What an answer means ------------------------------------------------------------


def content_of(response: requests.Response) -> object:
    """The JSON of a 2xx answer, whatever it calls its content type.

    Raises SendError for any other answer, and TRANSPORT_ERRORS while a 2xx is read.
    """
    status = response.status_code
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        raise SendError(outcome_of_status(status, response.headers, explanation(response)))
    body = body_of(response)
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise SendError(
            Unknown(f"Africa's Talking answered HTTP {status} with a body that is not JSON.")
        ) from None


def outcome_of_status(status: int, headers: Mapping[str, str], said: str) -> Outcome:
    """The outcome of an answer that is not 2xx."""
    if status == HTTPStatus.UNAUTHORIZED:
        logger.error("No SMS goes out: Africa's Talking rejected the API key (HTTP 401).")
        reason = "Africa's Talking rejected the API key (HTTP 401)."
        return NotSent(reason, RETRY_AFTER_BAD_SETTING, away=True)
    if status == HTTPStatus.CONFLICT:
        return Refused("DoNotDisturbRejection (HTTP 409)")
    said = f"Africa's Talking answered HTTP {status}" + (f": {said}" if said else ".")
    if status in NOTHING_TAKEN:
        return NotSent(said, wait_asked_for(headers), away=True)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST or status in NO_SUCH_SERVICE:
        # A wrong address is ours to mend: no message may be lost to it.
        reason = f"Nothing takes SMS at this address (HTTP {status}). Check AFRICAS_TALKING_URL."
        logger.error("No SMS goes out: %s", reason)
        return NotSent(reason, RETRY_AFTER_BAD_SETTING, away=True)
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return Refused(said)
    return Unknown(said)


def outcome_of_break(error: Exception, *, written: bool) -> Outcome:
    """The outcome of a request that got no answer, or not all of one."""
    cause: BaseException = error
    while inner := cause.__cause__ or cause.__context__:
        cause = inner
    why = str(cause).strip() or type(cause).__name__
    if written:
        return Unknown(f"The connection to Africa's Talking broke after the request ({why}).")
    return NotSent(f"Africa's Talking could not be reached ({why}).", away=True)


def outcome_of_answer(answer: object) -> Outcome:
    """The outcome that the JSON of a 2xx answer to one recipient spells."""
    match answer:
        case {"SMSMessageData": {"Recipients": [], "Message": str(message)}}:
            return Refused(message or "Africa's Talking refused the SMS and gave no reason.")
        case {"SMSMessageData": {"Recipients": [{"statusCode": int(code), **recipient}]}}:
            return outcome_of_recipient(code, recipient.get("messageId"), recipient.get("cost"))
    return Unknown("Africa's Talking answered with JSON of an unexpected shape.")


def outcome_of_recipient(code: int, message_id: object, cost: object = "") -> Outcome:
    """The outcome for one recipient."""
    name, kind = STATUS_CODES.get(code, ("", Unknown))
    reason = f"{name} ({code})"
    if kind is Accepted:
        return Accepted(provider_id(message_id), columns=cost_columns(cost))
    if kind is Refused:
        return Refused(reason)
    if kind is NotSent:
        return not_sent_yet(code, reason)
    return Unknown(f"Africa's Talking answered with the unknown statusCode {code}.")


def not_sent_yet(code: int, reason: str) -> NotSent:
    """The outcome of a statusCode that may be tried again."""
    if code == INSUFFICIENT_BALANCE:
        logger.error("No SMS goes out: the balance at Africa's Talking is used up (405).")
        return NotSent(reason, RETRY_AFTER_NO_BALANCE, away=True)
    return NotSent(reason)


def provider_id(message_id: object) -> str:
    """The id to keep, or "" when it is none: the service also writes "None"."""
    if not isinstance(message_id, str) or message_id == "None":
        return ""
    return message_id if len(message_id) <= MAX_ID_LENGTH and message_id.isprintable() else ""


def cost_columns(cost: object) -> dict[str, object]:
    """The message's columns that `KES 0.8000` spells; none for what spells nothing."""
    found = COST.fullmatch(cost) if isinstance(cost, str) else None
    return {"cost": Decimal(found[2]), "cost_currency": found[1]} if found else {}


# --- The gateway ---------------------------------------------------------------------


class AfricasTalkingGateway:
    """The gateway to Africa's Talking.

    `url` replaces `https://api.africastalking.com` ("" keeps it); the username `sandbox`
    means the sandbox. `sender_id` is the alphanumeric or short code to send from, "" for
    the service's own.
    """

    def __init__(
        self,
        *,
        api_key: str,
        username: str,
        url: str = "",
        sender_id: str = "",
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        if not API_KEY.fullmatch(api_key):
            raise ImproperlyConfigured(
                "AFRICAS_TALKING_API_KEY is empty, or holds a character that a key cannot have "
                "(a space or a line break, say)."
            )
        self._api_key = api_key
        self._sender_id = sender_id or None
        self._timeout = (timeouts.connect, timeouts.read)
        self._sms = KeptSms(username, api_key, url=url, seconds=timeouts.total)

    def send(self, *, to: str, text: str) -> Outcome:
        """Send `text` to the phone `to` (E.164)."""
        try:
            outcome = outcome_of_answer(
                self._sms.send(text, [to], sender_id=self._sender_id, timeout=self._timeout)
            )
        except SendError as error:
            outcome = error.outcome
        except ValueError:
            outcome = Refused("The phone number is not a valid one.")
        return self._presentable(outcome)

    def _presentable(self, outcome: Outcome) -> Outcome:
        """The same, with a reason that may be stored and shown.

        A peer can put anything into an answer: the key that it was sent, line breaks,
        or a NUL, with which PostgreSQL would refuse to record the outcome at all.
        """
        if isinstance(outcome, Accepted):
            return outcome
        reason = outcome.reason.replace(self._api_key, "[API key]")
        printable = "".join(char if char.isprintable() else " " for char in reason)
        return replace(outcome, reason=printable[:MAX_REASON_LENGTH])


def build() -> Gateway:
    """The gateway that the settings AFRICAS_TALKING_* describe."""
    return AfricasTalkingGateway(
        api_key=settings.AFRICAS_TALKING_API_KEY,
        username=SANDBOX if settings.AFRICAS_TALKING_SANDBOX else settings.AFRICAS_TALKING_USERNAME,
        url=settings.AFRICAS_TALKING_URL,
        sender_id=settings.AFRICAS_TALKING_SENDER_ID,
    )
