"""The OpenID provider at `/o/`: the toolkit's addresses, and our views at some of them."""

import json
from http import HTTPStatus
from typing import Any

from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.urls.resolvers import RoutePattern
from django.views.decorators.cache import never_cache
from oauth2_provider import urls as toolkit

from access import provider
from access.registering import for_registrars
from access.throttling import (
    Place,
    current_user,
    every_time,
    limited,
    refuse_page,
    shows_the_form_again,
)
from access.views import callback

app_name = "oauth2_provider"

OURS: dict[str, Any] = {
    "authorize": provider.Authorize,
    "token": provider.Token,
    "user-info": provider.UserInfo,
    "introspect": provider.Introspect,
    "revoke-token": provider.Revoke,
    "device-authorization": provider.DeviceAuthorization,
    "device-confirm": provider.DeviceConfirm,
    "rp-initiated-logout": provider.Logout,
    "register": provider.Register,
    "oidc-connect-discovery-info": provider.Discovery,
    "oauth-server-metadata": provider.ServerMetadata,
    "oauth-server-metadata-issuer": provider.ServerMetadata,
}
# Clients are registered by staff who have these permissions to them (access/registering.py); what
# somebody has consented to is theirs to see and revoke.
FOR_REGISTRARS = {
    "list": None,
    "detail": None,
    "register": "add",
    "update": "change",
    "delete": "delete",
}
# Pages that hold a secret, or a form that is good for one visit.
NOT_TO_BE_KEPT = FOR_REGISTRARS.keys() | {
    "authorize",
    "device",
    "device-confirm",
    "device-grant-status",
}
# What clients call without a browser.
FOR_CLIENTS = {"token", "introspect", "revoke-token", "device-authorization"}


def is_guess(response: HttpResponseBase) -> bool:
    """Whether a client, a code or a token was unknown; not, say, that a device has to wait.

    A grant that was good once is refused with a description (`oauth.py`): that was no guess.
    """
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        return True
    if response.status_code != HTTPStatus.BAD_REQUEST or not isinstance(response, HttpResponse):
        return False
    refusal = json.loads(response.content or "{}")
    return refusal.get("error") == "invalid_grant" and "error_description" not in refusal


def tries_a_token(request: HttpRequest) -> bool:
    return "Authorization" in request.headers or "access_token" in request.POST


BY_CLIENT = Place("client", is_guess, is_guessable=False, name=provider.named_client)
# Where secrets are tried: those of clients, codes, tokens, and the short code of a device.
PLACES = {
    "token": BY_CLIENT,
    "introspect": BY_CLIENT,
    "revoke-token": BY_CLIENT,
    "user-info": Place("token", is_guess, is_guessable=False, is_try=tries_a_token),
    "device": Place("device", shows_the_form_again, name=current_user, refuse=refuse_page),
    # A row for everybody who asks.
    "device-authorization": Place("new-device", every_time),
}


def ours(pattern: URLPattern) -> URLPattern:
    """The same address with our view, if we have one, and with what else it needs around it."""
    view = pattern.callback
    if replacement := OURS.get(pattern.name or ""):
        view = replacement.as_view()
    if pattern.name in FOR_REGISTRARS:
        view = for_registrars(view, FOR_REGISTRARS[pattern.name])
        view = staff_member_required(view, login_url="admin:login")
    if pattern.name in NOT_TO_BE_KEPT:
        view = never_cache(view)
    if pattern.name in FOR_CLIENTS:
        view = provider.called_by_clients(view)
    if place := PLACES.get(pattern.name or ""):
        view = limited(view, place)
    view = provider.refusing_malformed(view)
    address = pattern.pattern
    if isinstance(address, RoutePattern):
        # The toolkit takes any word for a row's number, and fails when it looks for it.
        route = str(address).replace("<slug:pk>", "<int:pk>")
        address = RoutePattern(route, is_endpoint=True)
    return URLPattern(address, view, pattern.default_args, pattern.name)


# RFC 8414 and OpenID clients look for these at the root as well.
root_urlpatterns = [
    *(ours(pattern) for pattern in toolkit.metadata_urlpatterns),
    path(".well-known/openid-configuration", provider.Discovery.as_view()),
]

urlpatterns = [
    path("callback", callback, name="callback"),
    *(
        ours(pattern)
        for pattern in (
            *toolkit.base_urlpatterns,
            *toolkit.oidc_urlpatterns,
            *toolkit.metadata_urlpatterns,
            *toolkit.management_urlpatterns,
        )
    ),
]
