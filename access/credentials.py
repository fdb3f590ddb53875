"""Whether a request has a valid credential, whatever that gives access to."""

from django.contrib.auth import get_user
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from access.authentication import ApiKeyAuthentication, BearerAuthentication

SCHEMES = (ApiKeyAuthentication(), BearerAuthentication())


def has_valid_credential(request: HttpRequest) -> bool:
    """Whether an API key, a bearer token or a session of `request` is valid.

    Looks at nothing but its header fields: the body has not come yet.
    """
    try:
        if any(scheme.authenticate(Request(request)) for scheme in SCHEMES):
            return True
    except AuthenticationFailed:
        return False
    SessionMiddleware(lambda _: HttpResponse()).process_request(request)
    return get_user(request).is_authenticated
