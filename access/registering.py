"""Who may register OpenID clients at `/o/applications/`, beside the admin."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, QueryDict
from django.http.response import HttpResponseBase

from access.granting import grantor_of
from access.models import Application

View = Callable[..., HttpResponseBase]


def for_registrars(view: View, permission: str | None) -> View:
    """`view` for those who have this permission (`add`, `change`, `delete`) to clients.

    Without it they may still look at the clients that they registered, and register one for
    themselves (`is_for_oneself`). A client that may do more than they may is not theirs to see
    or to change, even if they registered it: somebody else has given it its scopes.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        has_permission = not permission or request.user.has_perm(f"access.{permission}_application")
        registers = permission == "add"
        if not has_permission and not (
            registers and (request.method == "GET" or is_for_oneself(request.POST))
        ):
            raise PermissionDenied
        if "pk" in kwargs:
            client = client_of(request, kwargs["pk"])
            if not grantor_of(request).covers_credential(client):
                raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded


def is_for_oneself(form: QueryDict) -> bool:
    """Whether a client to be registered sends people and codes nowhere but to our own callback.

    That page shows the code to whoever consented, and to nobody else (CustOrder's document).
    """
    return (
        form.get("authorization_grant_type") == Application.GRANT_AUTHORIZATION_CODE
        and form.get("redirect_uris", "").split() == [f"{settings.PUBLIC_URL}/o/callback"]
        and not form.get("post_logout_redirect_uris", "").strip()
        and not form.get("allowed_origins", "").strip()
    )


def client_of(request: HttpRequest, key: int) -> Application:
    """The client with this primary key, if it is the user's. Raises Http404."""
    client: Application | None = Application.objects.filter(user=request.user.pk, pk=key).first()
    if client is None:
        raise Http404
    return client
