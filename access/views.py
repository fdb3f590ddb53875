"""Getting in without a browser, and the pages around the OpenID provider."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.login import log_in
from access.models import User
from access.serializers import LoginSerializer, RefreshSerializer
from access.throttling import begin, uncached
from access.tokens import issue, refresh
from common.errors import Problem, page_problem


class LoginView(APIView):
    """What every login endpoint is: open to all, and slow for those who guess."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()

    def user(self, request: Request, *, refused: int) -> User:
        """The user whose name and password the body holds."""
        given = LoginSerializer(data=request.data)
        name = given.validated_data["username"] if given.is_valid() else ""
        attempt = begin("login", request._request, name)  # noqa: SLF001 - the only way to it
        given.is_valid(raise_exception=True)
        user = log_in(request._request, refused=refused, **given.validated_data)  # noqa: SLF001
        attempt.succeeded()
        return user

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """No cache keeps a token (RFC 6749, 5.1)."""
        return super().finalize_response(request, uncached(response), *args, **kwargs)


class AuthTokenView(LoginView):
    """`POST /api-token-auth/`: lori's login."""

    def post(self, request: Request) -> Response:
        """Answers `{token}` for a user name and a password."""
        user = self.user(request, refused=status.HTTP_400_BAD_REQUEST)
        return Response({"token": issue(user).access})


class TokenPairView(LoginView):
    """`POST /api/token/`: Mais Todos's login."""

    def post(self, request: Request) -> Response:
        """Answers `{access, refresh}` for a user name and a password."""
        pair = issue(self.user(request, refused=status.HTTP_401_UNAUTHORIZED))
        return Response({"access": pair.access, "refresh": pair.refresh})


class TokenRefreshView(APIView):
    """`POST /api/token/refresh/`."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()

    def post(self, request: Request) -> Response:
        """Answers the next `{access, refresh}` for a refresh token, which works once."""
        given = RefreshSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        if (pair := refresh(given.validated_data["refresh"])) is None:
            raise Problem(
                "The refresh token is not valid.",
                status=status.HTTP_401_UNAUTHORIZED,
                code="token_not_valid",
                headers={"WWW-Authenticate": 'Bearer realm="klanten"'},
            )
        return Response({"access": pair.access, "refresh": pair.refresh})


@require_GET
@never_cache
def callback(request: HttpRequest) -> JsonResponse:
    """`/o/callback`: shows the code that the provider sent, to those who walk by hand."""
    shown: dict[str, Any] = {
        name: request.GET[name] for name in ("code", "state", "iss") if request.GET.get(name)
    }
    if "code" not in shown:
        reason = request.GET.get("error_description") or request.GET.get("error")
        detail = reason or "Missing required parameter: code"
        return page_problem(request, Problem(detail, code="no_code"))
    return JsonResponse(shown)
