"""Logging in with a user name and a password, outside the browser."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework import status

from access.models import User
from common.errors import Problem

LONGEST_NAME = 150
LOCKED = "Too many failed logins. Try again later."
WRONG = "Unable to log in with the credentials given."


def log_in(request: HttpRequest, *, username: str, password: str, refused: int) -> User:
    """The user with this name and password.

    For an unknown user and for a wrong password the answer is the same, with the status
    `refused`, and takes the same time (Django hashes in both cases). After repeated failures
    the name is locked for this address: 429.
    """
    # As Django's own login page has it; some characters grow, and what is on record is bounded.
    name = User.normalize_username(username)[:LONGEST_NAME]
    user = authenticate(request, username=name, password=password)
    if isinstance(user, User):
        user_logged_in.send(sender=User, request=request, user=user)
        return user
    if getattr(request, "axes_locked_out", False):
        # Else axes' middleware would put a page of its own in the place of our answer.
        request.axes_locked_out = False  # type: ignore[attr-defined]
        raise Problem(
            LOCKED,
            status=status.HTTP_429_TOO_MANY_REQUESTS,
            code="locked",
            headers={"Retry-After": locked_for()},
        )
    # A 401 must say how to get in (RFC 9110, 15.5.2): with the token that is given here.
    unauthorized = refused == status.HTTP_401_UNAUTHORIZED
    challenge = {"WWW-Authenticate": 'Bearer realm="klanten"'} if unauthorized else {}
    raise Problem(WRONG, status=refused, code="login", headers=challenge)


def locked_for() -> str:
    """How long a name stays locked, in seconds."""
    return str(int(settings.AXES_COOLOFF_TIME.total_seconds()))


def locked_page(
    request: HttpRequest, *args: Any, retry_after: str = "", **kwargs: Any
) -> HttpResponse:
    """What a browser is shown once a name is locked, by axes unless `retry_after` is given."""
    page = render(
        request, "access/locked.html", {"sentence": LOCKED}, status=HTTPStatus.TOO_MANY_REQUESTS
    )
    page["Retry-After"] = retry_after or locked_for()
    return page
