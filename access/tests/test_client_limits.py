"""It holds a client to what it was registered for."""

import pytest
from oauth2_provider.models import AccessToken
from rest_framework.test import APIClient

from access.models import Application, User
from access.tokens import issue


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("registered", "customers", "orders"),
    [("orders:read", 403, 200), ("read write", 200, 200), ("", 200, 200)],
)
def test_limits_a_token_that_asks_for_less(registered: str, customers: int, orders: int) -> None:
    pair = issue(User.objects.create_superuser("root"))
    application = Application.objects.create(
        name="Shop",
        client_type="public",
        authorization_grant_type="authorization-code",
        scopes=registered,
    )
    AccessToken.objects.update(application=application, scope="openid")
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {pair.access}")

    assert client.get("/v1/customers/").status_code == customers
    assert client.get("/v1/orders/").status_code == orders
