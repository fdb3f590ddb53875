"""Routes with and without the trailing slash."""

from typing import Any

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

    def get_lookup_regex(self, viewset: Any, lookup_prefix: str = "") -> str:
        """What a row's address ends with: its id, unless the viewset has a `lookup_regex`."""
        own = getattr(viewset, "lookup_regex", None)
        return own or super().get_lookup_regex(viewset, lookup_prefix)
