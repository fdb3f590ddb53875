"""The one router: every endpoint of the API, and the documents about it."""

from django.urls import include, path
from drf_yasg import openapi
from drf_yasg.views import get_schema_view
from rest_framework.permissions import AllowAny

from common.routers import Router
from customers.views import CustomerViewSet
from items.views import ItemViewSet
from notifications.views import MessageViewSet
from orders.views import OrderViewSet

router = Router()
router.register("customers", CustomerViewSet)
router.register("items", ItemViewSet)
router.register("orders", OrderViewSet)
router.register("notifications", MessageViewSet, basename="notification")

INFO = openapi.Info(
    title="Klanten",
    default_version="v1",
    description="Who your customers are, and what you have with them.",
)

documents = get_schema_view(
    INFO,
    public=True,
    permission_classes=(AllowAny,),
    authentication_classes=(),
    patterns=[path("v1/", include(router.urls))],
)
