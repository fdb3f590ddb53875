"""The OpenID provider at `/o/`: the toolkit's addresses, and our views at some of them."""

from typing import Any

from django.contrib.admin.views.decorators import staff_member_required
from django.urls import URLPattern, path
from django.urls.resolvers import RoutePattern
from django.views.decorators.cache import never_cache
from oauth2_provider import urls as toolkit

from access import provider
from access.views import callback

app_name = "oauth2_provider"

OURS: dict[str, Any] = {
    "authorize": provider.Authorize,
    "token": provider.Token,
    "user-info": provider.UserInfo,
    "introspect": provider.Introspect,
    "device-authorization": provider.DeviceAuthorization,
    "device-confirm": provider.DeviceConfirm,
    "rp-initiated-logout": provider.Logout,
    "register": provider.Register,
    "oidc-connect-discovery-info": provider.Discovery,
    "oauth-server-metadata": provider.ServerMetadata,
    "oauth-server-metadata-issuer": provider.ServerMetadata,
}
# Clients are registered by staff; what somebody has consented to is theirs to see and revoke.
FOR_STAFF = {"list", "register", "detail", "delete", "update"}
# Pages that hold a secret, or a form that is good for one visit.
NOT_TO_BE_KEPT = FOR_STAFF | {"authorize", "device", "device-confirm"}


def ours(pattern: URLPattern) -> URLPattern:
    """The same address with our view, if we have one, and with what else it needs around it."""
    view = pattern.callback
    if replacement := OURS.get(pattern.name or ""):
        view = replacement.as_view()
    if pattern.name in FOR_STAFF:
        view = staff_member_required(view, login_url="admin:login")
    if pattern.name in NOT_TO_BE_KEPT:
        view = never_cache(view)
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
