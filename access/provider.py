"""The pages and endpoints of the OpenID provider, where the toolkit's own do not suffice."""

import base64
import json
import re
import time
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import unquote_plus

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core import signing
from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponseBase, JsonResponse, QueryDict
from django.utils import timezone
from oauth2_provider import views
from oauth2_provider.exceptions import (
    FatalClientError,
    InvalidOIDCClientError,
    OAuthToolkitError,
)
from oauth2_provider.models import get_access_token_model, get_device_grant_model
from oauth2_provider.oauth2_backends import _add_iss_to_redirect
from oauth2_provider.settings import oauth2_settings
from oauth2_provider.views.mixins import ProtectedResourceMetadataMixin
from oauthlib.common import Request
from oauthlib.oauth2.rfc6749.errors import (
    ConsentRequired,
    InvalidClientIdError,
    InvalidGrantError,
    InvalidRequestError,
    InvalidRequestFatalError,
    InvalidTokenError,
    LoginRequired,
    MismatchingRedirectURIError,
)

from access.cache import forget_all
from access.ending import AUTH_TIME
from access.models import Application
from access.oauth import DEFAULT_ALGORITHM, USED_BEFORE, Scopes, checksum_of, is_active
from access.scopes import RESOURCE_SCOPES, SCOPES, parse_scopes
from common.errors import Problem, page_problem
from common.text import has_nul

View = Callable[..., HttpResponseBase]


# The libraries below raise for it: a percent sign that begins no escape.
BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def refusing_malformed(view: View) -> View:
    """`view` behind a 400 for what makes the toolkit or the database raise.

    That is broken escapes in the address, and a NUL, which no row of PostgreSQL can hold.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        is_broken = BROKEN_ESCAPE.search(request.META.get("QUERY_STRING", ""))
        if is_broken or has_nul(request.GET) or has_nul(request.POST):
            return page_problem(request, Problem("The request is malformed.", code="malformed"))
        return view(request, *args, **kwargs)

    return guarded


MAX_AGE = re.compile("[0-9]{0,10}")


def repeated(given: QueryDict) -> bool:
    """Whether a parameter is given more than once (RFC 6749, 3.1); `resource` may (RFC 8707)."""
    return any(len(values) > 1 for name, values in given.lists() if name != "resource")


def basic_client_id(request: HttpRequest) -> str:
    """The client that an `Authorization: Basic` names; "" without one, or if it is garbage."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        decoded = base64.b64decode(credentials).decode()
    except ValueError:
        return ""
    return unquote_plus(decoded.partition(":")[0])


def named_client(request: HttpRequest) -> str:
    """The client that a call says it is."""
    return request.POST.get("client_id", "") or basic_client_id(request)


def fault_in_call(request: HttpRequest) -> str:
    """What is wrong with how a client calls one of our endpoints; "" if nothing is.

    It says who it is once, in one way (RFC 6749, 2.3), and nothing in the address, which ends
    in logs.
    """
    named = basic_client_id(request)
    if request.GET:
        return "Send parameters in the body."
    if repeated(request.POST):
        return "A parameter is given twice."
    if request.headers.get("Authorization") and "client_secret" in request.POST:
        return "Authenticate in one way: with a header or with client_secret."
    if named and request.POST.get("client_id", named) != named:
        return "The header and client_id name two clients."
    return ""


def called_by_clients(view: View) -> View:
    """`view` behind `invalid_request` for a malformed call, before any secret is looked at.

    Some of the toolkit's refusals repeat what came in, and come as HTML, as a page of ours would.
    They are JSON (RFC 6749, 5.2).
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "POST" and (fault := fault_in_call(request)):
            error = {"error": "invalid_request", "error_description": fault}
            return JsonResponse(error, status=400)
        response = view(request, *args, **kwargs)
        response.headers["Content-Type"] = "application/json"
        return response

    return guarded


def what_it_may(scopes: list[str], application: Application | None) -> dict[str, Any]:
    """For the consent pages: what a person's token with these scopes would do (api.md).

    Without a resource scope that is what the client was registered for; with nothing there,
    or everything, whatever the person may.
    """
    registered = parse_scopes(application.scopes if application else "")
    asked = RESOURCE_SCOPES & set(scopes)
    everything = not registered or {"read", "write"} <= registered
    return {
        "is_unlimited": not asked and everything,
        "registered_for": [] if asked or everything else [SCOPES[each] for each in registered],
    }


# How long somebody may take to log in again before they are asked once more; seconds.
LOGIN_AGAIN_WITHIN = 3600
LOGIN_AGAIN_SALT = "access.provider.login_after"


class Authorize(views.AuthorizationView):  # type: ignore[misc]  # untyped
    """The consent page."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        may = what_it_may(kwargs.get("scopes", []), kwargs.get("application"))
        return {**super().get_context_data(**kwargs), **may}

    def validate_authorization_request(self, request: HttpRequest) -> Any:
        """Raises OAuthToolkitError also for a challenge in clear, before anybody is asked.

        For `prompt=none` somebody who is not logged in, or not recently enough, lacks that
        first, and then consent.
        """
        if repeated(request.GET):
            raise FatalClientError(InvalidRequestFatalError("A parameter is given twice."))
        try:
            scopes, credentials = super().validate_authorization_request(request)
        except OAuthToolkitError as error:
            cause = error.oauthlib_error
            if isinstance(cause, ConsentRequired) and not request.user.is_authenticated:
                login = LoginRequired(state=cause.state)
                raise OAuthToolkitError(login, redirect_uri=cause.redirect_uri) from error
            raise
        state, redirect_uri = credentials.get("state"), credentials["redirect_uri"]
        # RFC 7636, 4.3: a challenge without a method is one in clear.
        method = request.GET.get("code_challenge_method", "plain")
        if "code_challenge" in request.GET and method == "plain":
            refused = InvalidRequestError("Use S256.", state=state)
            raise OAuthToolkitError(refused, redirect_uri=redirect_uri)
        if not MAX_AGE.fullmatch(request.GET.get("max_age", "")):
            refused = InvalidRequestError("max_age is a number of seconds.", state=state)
            raise OAuthToolkitError(refused, redirect_uri=redirect_uri)
        if "none" in self.prompt() and self.is_login_too_old():
            raise OAuthToolkitError(LoginRequired(state=state), redirect_uri=redirect_uri)
        return scopes, credentials

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """The question; before it the login, where the client wants a new one."""
        if "none" in self.prompt() or not self.is_login_too_old():
            return super().get(request, *args, **kwargs)
        try:
            self.validate_authorization_request(request)
        except OAuthToolkitError as error:
            return self.error_response(error, application=None)
        return self.handle_prompt_login()

    def handle_no_permission(self) -> Any:
        """As the toolkit does; but a client that wants a new login is told when there was one."""
        if "max_age" in self.request.GET and self.prompt().isdisjoint({"none", "create"}):
            return self.handle_prompt_login()
        return super().handle_no_permission()

    def handle_prompt_login(self) -> Any:
        """To the login and back here, with a note of the moment after which it has to be."""
        query = self.request.GET.copy()
        query["prompt"] = " ".join(self.prompt() - {"login"})
        query["login_after"] = signing.dumps(time.time(), salt=LOGIN_AGAIN_SALT)
        if not query["prompt"]:
            del query["prompt"]
        return redirect_to_login(f"{self.request.path}?{query.urlencode()}", self.get_login_url())

    def prompt(self) -> set[str]:
        """The values of `prompt`."""
        return set(self.request.GET.get("prompt", "").split())

    def is_login_too_old(self) -> bool:
        """Whether the client asks for a newer login than this session's (OIDC Core, 3.1.2.1)."""
        logged_in_at = self.request.session.get(AUTH_TIME, 0.0)
        if "login" in self.prompt():
            return True
        if note := self.request.GET.get("login_after"):
            try:
                asked_at = signing.loads(note, salt=LOGIN_AGAIN_SALT, max_age=LOGIN_AGAIN_WITHIN)
            except signing.BadSignature:
                return True
            return bool(logged_in_at <= asked_at)
        max_age = self.request.GET.get("max_age", "")
        # What is no number is refused afterwards, with the other faults of a request.
        is_number = bool(max_age) and MAX_AGE.fullmatch(max_age) is not None
        return is_number and bool(time.time() - logged_in_at > int(max_age))

    def create_authorization_response(
        self, request: HttpRequest, scopes: str, credentials: dict[str, Any], allow: bool
    ) -> Any:
        """Keeps the moment of the login with the code, for the id_token.

        In the place of the `claims` parameter, which we do not offer.
        """
        logged_in_at = request.session.get(AUTH_TIME)
        credentials["claims"] = {"auth_time": int(logged_in_at)} if logged_in_at else {}
        return super().create_authorization_response(request, scopes, credentials, allow)

    def form_valid(self, form: Any) -> Any:
        """The answer to the question, if what was asked is in the form unchanged."""
        application = Application.objects.filter(client_id=form.cleaned_data["client_id"]).first()
        if application is None:
            return self.render_to_response({"error": InvalidClientIdError()}, status=400)
        if not application.redirect_uri_allowed(form.cleaned_data["redirect_uri"]):
            return self.render_to_response({"error": MismatchingRedirectURIError()}, status=400)
        return super().form_valid(form)

    def redirect(self, redirect_to: str, application: Application | None) -> Any:
        """Refusals name their issuer too (RFC 9207, 2); the toolkit does so for codes alone."""
        issuer = oauth2_settings.OIDC_ISS_ENDPOINT
        return super().redirect(_add_iss_to_redirect(redirect_to, issuer), application)


class UserInfo(views.UserInfoView):  # type: ignore[misc]  # untyped
    """Who somebody is."""

    def create_userinfo_response(self, request: HttpRequest) -> Any:
        """As JSON, also when refused; a token in the address is none (RFC 9700, 4.3.2)."""
        if "access_token" in request.GET:
            refused = InvalidTokenError()
            url, headers, body, status = None, refused.headers, refused.json, refused.status_code
        else:
            url, headers, body, status = super().create_userinfo_response(request)
        return url, {"Content-Type": "application/json", **headers}, body, status


class Token(views.TokenView):  # type: ignore[misc]  # untyped
    """The token endpoint."""

    def device_flow_token_response(
        self, request: HttpRequest, device_code: str, *args: Any, **kwargs: Any
    ) -> Any:
        """Also says when a device code is unknown or too old (RFC 8628, 3.5)."""
        grant = get_device_grant_model().objects.filter(device_code=device_code).first()
        if grant is None:
            return JsonResponse({"error": "invalid_grant"}, status=400)
        if grant.expires <= timezone.now():
            return JsonResponse({"error": "expired_token"}, status=400)
        return super().device_flow_token_response(request, device_code, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Tokens. What was ended by another request in the meantime is an invalid grant."""
        asks_for_device = request.POST.get("grant_type") == Application.GRANT_DEVICE_CODE
        if asks_for_device and "device_code" not in request.POST:
            return JsonResponse({"error": "invalid_request"}, status=400)
        try:
            response = super().post(request, *args, **kwargs)
        except (ObjectDoesNotExist, IntegrityError):
            refused = InvalidGrantError(USED_BEFORE)
            return JsonResponse(dict(refused.twotuples), status=refused.status_code)
        # What is refused while tokens are saved comes without the library's headers.
        response["Content-Type"] = "application/json"
        return response


class Revoke(views.RevokeTokenView):  # type: ignore[misc]  # untyped
    """RFC 7009."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """At once in this process; in others within AUTH_CACHE_SECONDS."""
        response = super().post(request, *args, **kwargs)
        if response.status_code == 200:  # noqa: PLR2004 - HTTP
            forget_all()
        return response


class DeviceAuthorization(views.DeviceAuthorizationView):  # type: ignore[misc]  # untyped
    """Where a device begins. Checks here what it would otherwise be refused at the end."""

    def create_device_authorization_response(self, request: HttpRequest) -> Any:
        if "client_id" not in request.POST:
            return {}, json.dumps({"error": "invalid_request"}), 400
        headers, body, status = super().create_device_authorization_response(request)
        if status == 200 and (error := self.refusal(request)):  # noqa: PLR2004 - HTTP
            return {}, json.dumps({"error": error}), 400
        return headers, body, status

    def refusal(self, request: HttpRequest) -> str:
        """The OAuth error for what this client may not ask for, or ""."""
        client = Application.objects.get(client_id=request.POST["client_id"])
        if client.authorization_grant_type != Application.GRANT_DEVICE_CODE:
            return "unauthorized_client"
        asked = set(request.POST.get("scope", "").split())
        return "" if asked <= set(Scopes().get_available_scopes(client)) else "invalid_scope"


class DeviceConfirm(views.DeviceConfirmView):  # type: ignore[misc]  # untyped
    """The consent page of a device."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        return {
            **context,
            **what_it_may(context["scopes"], context.get("application")),
        }


class NamesEveryEndpoint:
    """For both well-known documents: the endpoints that the toolkit leaves out of one."""

    ENDPOINTS = {
        "device_authorization_endpoint": "device-authorization",
        "introspection_endpoint": "introspect",
        "revocation_endpoint": "revoke-token",
        "end_session_endpoint": "rp-initiated-logout",
    }

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        response = super().get(request, *args, **kwargs)  # type: ignore[misc]  # a mixin
        document = json.loads(response.content)
        for member, name in self.ENDPOINTS.items():
            document[member] = self._get_endpoint_url(request, name)  # type: ignore[attr-defined]
        response.content = json.dumps(document)
        return response


class Discovery(NamesEveryEndpoint, views.ConnectDiscoveryInfoView):  # type: ignore[misc]  # untyped
    """OpenID Connect Discovery 1.0."""


class ServerMetadata(NamesEveryEndpoint, views.OAuthServerMetadataView):  # type: ignore[misc]  # untyped
    """RFC 8414."""


class Introspect(ProtectedResourceMetadataMixin, views.IntrospectTokenView):  # type: ignore[misc]  # untyped
    """RFC 7662, for those who have the scope `introspection`, and by POST alone.

    The toolkit lets every client ask. A token in an address would end in a log.
    """

    http_method_names = ["post", "options"]

    def get_resource_metadata_url(self, request: HttpRequest) -> str:
        """Of our own address, whatever the Host header says."""
        return f"{settings.PUBLIC_URL}/.well-known/oauth-protected-resource"

    def authenticate_client(self, request: HttpRequest) -> bool:
        core = self.get_oauthlib_core()
        asking = Request(*core._extract_params(request))  # noqa: SLF001 - as the toolkit's own
        known = core.server.request_validator.authenticate_client(asking)
        return bool(
            known
            and asking.client.client_type == Application.CLIENT_CONFIDENTIAL
            and "introspection" in asking.client.scopes.split()
        )

    @staticmethod
    def get_token_response(token_value: str | None = None) -> Any:
        """Not active either: a token whose user or client is not."""
        tokens = get_access_token_model().objects.select_related("user", "application")
        token = tokens.filter(token_checksum=checksum_of(token_value or "")).first()
        if token and not (is_active(token) and (not token.application or token.application.active)):
            return JsonResponse({"active": False})
        return views.IntrospectTokenView.get_token_response(token_value)


class Logout(views.RPInitiatedLogoutView):  # type: ignore[misc]  # untyped
    """Logout at the wish of a client, after a question."""

    def get_request_application(self, id_token: Any, client_id: str | None) -> Any:
        try:
            return super().get_request_application(id_token, client_id)
        except Application.DoesNotExist:
            raise InvalidOIDCClientError from None


class Register(views.ApplicationRegistration):  # type: ignore[misc]  # untyped
    """The form that makes a client; its id_tokens are signed with our key unless it asks."""

    initial = {"algorithm": DEFAULT_ALGORITHM}
