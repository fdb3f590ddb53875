"""What Africa's Talking tells us: delivery reports, incoming messages, opt-outs.

Forms, posted to addresses that hold a secret: the service signs nothing. With another secret,
or without one in the settings, there is nothing at these addresses.
"""

import re
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, re_path
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt

from access.throttling import Place, always, limited
from common.errors import NotFound, Problem, as_problem, page_problem
from notifications.consent import opt_out, take_in
from notifications.models import IncomingMessage, Report
from notifications.reports import receive

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
LONGEST_TEXT = 2000

Callback = Callable[[HttpRequest], None]


class Malformed(Problem):
    """A call that is none of the service's."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="malformed")


def callback(view: Callback) -> Callable[..., HttpResponse]:
    """`view` behind the secret, with its refusals as problem+json."""

    @csrf_exempt
    @wraps(view)
    def guarded(request: HttpRequest, secret: str) -> HttpResponse:
        try:
            require_secret(secret)
            require_form(request)
            view(request)
        except Exception as error:
            if (problem := as_problem(error)) is None:
                raise
            return page_problem(request, problem)
        return HttpResponse(content_type="text/plain")

    return guarded


def require_secret(given: str) -> None:
    """Raises NotFound, as for any address that is none, unless it is our secret."""
    ours = settings.AFRICAS_TALKING_CALLBACK_SECRET
    if not ours or not constant_time_compare(given, ours):
        raise NotFound("There is nothing at this address.")


def require_form(request: HttpRequest) -> None:
    """Raises a Problem for what is not a form that is posted."""
    if request.method != "POST":
        raise Problem(
            "Only POST is possible here.",
            status=405,
            code="method_not_allowed",
            headers={"Allow": "POST"},
        )
    if request.content_type not in FORM_TYPES:
        raise Problem("Send a form.", status=415, code="unsupported_media_type")


def field(request: HttpRequest, name: str, *, most: int, required: bool = True) -> str:
    """A field of the form, without spaces around it. Raises Malformed if it is missing or too long.

    NUL is nothing that a phone or a network sends, and nothing that PostgreSQL stores.
    """
    value = str(request.POST.get(name, "")).strip()
    if required and not value:
        raise Malformed(f"Missing required field: {name}")
    if len(value) > most or "\0" in value:
        raise Malformed(f"The field {name} is too long, or no text.")
    return value


def phone_in(request: HttpRequest, name: str) -> str:
    """A phone in E.164. In a form that was not encoded its plus arrives as a space."""
    phone = f"+{field(request, name, most=20).lstrip('+ ')}"
    if not E164.fullmatch(phone):
        raise Malformed(f"The field {name} is no phone number.")
    return phone


@callback
def reports(request: HttpRequest) -> None:
    """A delivery report."""
    receive(
        Report(
            provider_id=field(request, "id", most=200),
            phone=phone_in(request, "phoneNumber"),
            status=field(request, "status", most=50),
            failure_reason=field(request, "failureReason", most=200, required=False),
            network_code=field(request, "networkCode", most=20, required=False),
        )
    )


@callback
def incoming(request: HttpRequest) -> None:
    """A message from a customer."""
    take_in(
        IncomingMessage(
            provider_id=field(request, "id", most=200),
            phone=phone_in(request, "from"),
            to=field(request, "to", most=50, required=False),
            text=field(request, "text", most=LONGEST_TEXT, required=False),
        )
    )


@callback
def optout(request: HttpRequest) -> None:
    """A customer's opt-out at the network, which tells them itself."""
    opt_out(phone_in(request, "phoneNumber"), source="network")


# The secret is in the address: every method tries it, and a wrong one is a 404.
SECRET_ADDRESS = Place(
    "callback",
    lambda answer: answer.status_code == HTTPStatus.NOT_FOUND,
    is_guessable=False,
    is_try=always,
)

urlpatterns: list[URLPattern] = [
    re_path(rf"^(?P<secret>[^/]+)/{name}/?$", limited(view, SECRET_ADDRESS))
    for name, view in (("reports", reports), ("incoming", incoming), ("optout", optout))
]
