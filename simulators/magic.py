"""Phone numbers that choose what the simulated SMS gateway does with them.

A number of the form `+254711000NNN` whose NNN stands in `MAGIC` gets that treatment;
every other number is an ordinary one. NNN below 600 is the `statusCode` that the
service gives a recipient; from 600 on something happens to the request as a whole.

The status codes and their names are those of Africa's Talking's documentation of bulk SMS.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

PREFIX = "+254711000"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the service says about one recipient."""

    code: int
    status: str
    accepted: bool = False


class Trouble(Enum):
    """What befalls a whole request."""

    # Answered, and nothing received.
    INVALID_SENDER = auto()
    BAD_KEY = auto()
    DO_NOT_DISTURB = auto()
    TOO_MANY_REQUESTS = auto()
    SERVER_ERROR = auto()
    UNAVAILABLE = auto()
    # Reset before the whole request was read; nothing received.
    RESET_BEFORE = auto()
    # Received, and then no answer, or none that can be read.
    RESET_AFTER = auto()
    SILENCE = auto()
    NOT_JSON = auto()
    HALF_ANSWER = auto()


SENT = Verdict(101, "Success", accepted=True)
INVALID_PHONE = Verdict(403, "InvalidPhoneNumber")
DO_NOT_DISTURB = Verdict(409, "DoNotDisturbRejection")

MAGIC: Mapping[str, Verdict | Trouble] = {
    "100": Verdict(100, "Success", accepted=True),
    "101": SENT,
    "102": Verdict(102, "Success", accepted=True),
    "401": Verdict(401, "RiskHold"),
    "402": Verdict(402, "InvalidSenderId"),
    "403": INVALID_PHONE,
    "404": Verdict(404, "UnsupportedNumberType"),
    "405": Verdict(405, "InsufficientBalance"),
    "406": Verdict(406, "UserInBlacklist"),
    "407": Verdict(407, "CouldNotRoute"),
    "409": DO_NOT_DISTURB,
    "500": Verdict(500, "InternalServerError"),
    "501": Verdict(501, "GatewayError"),
    "502": Verdict(502, "RejectedByGateway"),
    "600": Trouble.INVALID_SENDER,
    "601": Trouble.BAD_KEY,
    "609": Trouble.DO_NOT_DISTURB,
    "629": Trouble.TOO_MANY_REQUESTS,
    "650": Trouble.SERVER_ERROR,
    "653": Trouble.UNAVAILABLE,
    "700": Trouble.RESET_BEFORE,
    "701": Trouble.RESET_AFTER,
    "702": Trouble.SILENCE,
    "703": Trouble.NOT_JSON,
    "704": Trouble.HALF_ANSWER,
}


def magic(phone: str) -> Verdict | Trouble | None:
    """What `phone` (E.164) asks for, or None for an ordinary number."""
    if not phone.startswith(PREFIX):
        return None
    return MAGIC.get(phone.removeprefix(PREFIX))
