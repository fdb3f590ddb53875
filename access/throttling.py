"""Every view that takes a secret stands behind `limited`, with the place that it is.

Credentials in `Authorization` are counted where they are checked (`authentication.py`), the
token for `/metrics` in `common/metrics.py`. Passwords are also counted per name *and* address, by
axes. `tests/attacks/test_guessing.py` walks all addresses and fails where one is missing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from axes.models import AccessLog
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from access.login import locked_page
from access.models import User
from common.attempts import Attempt, TooManyAttempts, count_failure, count_first
from common.client_ip import network_of
from common.errors import page_problem

View = Callable[..., HttpResponseBase]
Answer = TypeVar("Answer", bound=HttpResponseBase)


def no_name(request: HttpRequest) -> str:
    """For secrets that belong to no name."""
    return ""


def typed_name(request: HttpRequest) -> str:
    """The user name in a login form."""
    return request.POST.get("username", "")


def current_user(request: HttpRequest) -> str:
    """The name of the user whose session it is; "" of nobody's."""
    return request.user.get_username()


def is_post(request: HttpRequest) -> bool:
    return request.method == "POST"


def always(request: HttpRequest) -> bool:
    return True


def shows_the_form_again(response: HttpResponseBase) -> bool:
    """Pages answer a right secret with a redirect."""
    return response.status_code not in {301, 302, 303}


def is_refusal(response: HttpResponseBase) -> bool:
    return 400 <= response.status_code < 500  # noqa: PLR2004 - HTTP


def every_time(response: HttpResponseBase) -> bool:
    """What is limited is how often it is done, not how often it fails."""
    return True


@dataclass(frozen=True, slots=True)
class Place:
    """A kind of place where secrets are tried."""

    kind: str
    # Whether a response says that the secret was wrong.
    failed: Callable[[HttpResponseBase], bool]
    # Whether it is short, or was chosen by a person. Then a try is counted before it is checked;
    # of what nobody can guess, only failures are.
    is_guessable: bool = True
    name: Callable[[HttpRequest], str] = no_name
    # Whether a request tries one at all.
    is_try: Callable[[HttpRequest], bool] = is_post
    refuse: Callable[[HttpRequest, TooManyAttempts], HttpResponse] = page_problem
    # Whether others' failures do not count against a name that has logged in from here before.
    excuses_the_known: bool = False


def refuse_page(request: HttpRequest, problem: TooManyAttempts) -> HttpResponse:
    """The page that axes shows, too."""
    return locked_page(request, retry_after=problem.headers["Retry-After"])


LOGIN_PAGE = Place(
    "login", shows_the_form_again, name=typed_name, refuse=refuse_page, excuses_the_known=True
)
PASSWORD_CHANGE = Place("login", shows_the_form_again, name=current_user, refuse=refuse_page)
# The body of a login may be JSON: the view counts it once it knows the name.
LOGIN_REFRESH = Place("login", is_refusal, is_guessable=False)
REGISTRATION = Place("registration", every_time)


def limited(view: View, place: Place) -> View:
    """`view`, with a 429 after too many failures at `place`. No cache keeps its answers."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not place.is_try(request):
            return uncached(view(request, *args, **kwargs))
        name = place.name(request)
        try:
            attempt = begin(place, request, name) if place.is_guessable else Attempt()
            response = view(request, *args, **kwargs)
            if not place.failed(response):
                attempt.succeeded()
            elif not place.is_guessable:
                count_failure(place.kind, request, name)
        except TooManyAttempts as problem:
            response = place.refuse(request, problem)
        return uncached(response)

    guarded.place = place  # type: ignore[attr-defined]
    return guarded


def begin(place: Place, request: HttpRequest, name: str) -> Attempt:
    """Counts a try of `name`'s secret before it is checked. Raises TooManyAttempts.

    Not at a login of somebody who has logged in from the same network before: nobody else's
    failures, from there or from anywhere, lock them out. Axes still counts theirs.
    """
    return count_first(
        place.kind,
        request,
        name,
        is_excused=lambda: place.excuses_the_known and has_logged_in_from_here(request, name),
    )


def has_logged_in_from_here(request: HttpRequest, name: str) -> bool:
    """Whether the record of logins has this user at the client's network."""
    username = User.normalize_username(name).strip()
    known = AccessLog.objects.filter(username=username, ip_address=network_of(request))
    return bool(username) and "\0" not in username and known.exists()


def uncached(response: Answer) -> Answer:
    """The answer may hold a token, or a page that is somebody's (RFC 6749, 5.1)."""
    if "no-store" not in response.headers.get("Cache-Control", ""):
        response.headers["Cache-Control"] = "no-store"
    return response
