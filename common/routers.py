"""Routes with and without the trailing slash."""

from rest_framework.permissions import AllowAny
from rest_framework.routers import APIRootView, DefaultRouter


class Root(APIRootView):
    """The endpoints of this API."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class Router(DefaultRouter):
    """Answers `orders` and `orders/` alike, for any method: a redirect would lose a POST body."""

    APIRootView = Root
    include_format_suffixes = False

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"
