"""CustOrder's document, call by call: customers, items, orders, and the way to a token."""

import base64
import hashlib
import random
import string
from typing import Any

import pytest
import requests
from django.contrib.auth.models import Permission
from pytest_django.live_server_helper import LiveServer

from access.models import User
from tests.web_client import Browser, form_fields, query_of

CUSTOMER = {"first_name": "Jane", "last_name": "Wanjiru", "phone_number": "+254712345678"}
ITEM = {"name": "T-Shirt", "size": "XL", "price": "25.50"}


class CustOrder:
    """A client written against the document: Bearer, JSON, no slash at the end."""

    def __init__(self, base: str, token: str) -> None:
        self.base = base
        self.headers = {"Authorization": f"Bearer {token}"}

    def call(self, method: str, path: str, json: dict[str, Any] | None = None) -> Any:
        return requests.request(
            method,
            f"{self.base}/{path}",
            json=json,
            headers=self.headers,
            timeout=10,
            allow_redirects=False,
        )

    def create(self, resource: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.call("POST", resource, body)
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json()
        return created


@pytest.fixture(params=["v1", "api/v1"])
def custorder(live_server: LiveServer, token: str, request: pytest.FixtureRequest) -> CustOrder:
    """The same client under both of the document's bases."""
    return CustOrder(f"{live_server.url}/{request.param}", token)


@pytest.fixture
def order(custorder: CustOrder) -> dict[str, Any]:
    customer = custorder.create("customers", CUSTOMER)
    item = custorder.create("items", ITEM)
    body = {"customer": customer["id"], "item": item["id"], "quantity": 3}
    return custorder.create("orders", body)


def test_the_endpoints_are_listed_without_credentials(live_server: LiveServer) -> None:
    answer = requests.get(f"{live_server.url}/api", timeout=10, allow_redirects=False)

    assert answer.status_code == 200
    assert answer.json().keys() >= {"customers", "items", "orders"}


def test_customers(custorder: CustOrder) -> None:
    created = custorder.create("customers", CUSTOMER)
    path = f"customers/{created['id']}"

    assert created.items() >= CUSTOMER.items()
    assert custorder.call("GET", "customers").json() == [created]
    assert custorder.call("GET", path).json() == created
    changed = custorder.call("PATCH", path, {"last_name": "Njeri"})
    assert (changed.status_code, changed.json()["last_name"]) == (200, "Njeri")
    assert custorder.call("DELETE", path).status_code == 204
    assert custorder.call("GET", path).status_code == 404


@pytest.mark.parametrize("size", ["S", "M", "L", "XL", "XXL"])
def test_items(custorder: CustOrder, size: str) -> None:
    created = custorder.create("items", {**ITEM, "size": size})
    path = f"items/{created['id']}"

    assert created.items() >= {**ITEM, "size": size}.items()
    assert custorder.call("GET", "items").json() == [created]
    assert custorder.call("GET", path).json() == created
    changed = custorder.call("PATCH", path, {"price": "30.00"})
    assert (changed.status_code, changed.json()["price"]) == (200, "30.00")
    assert custorder.call("DELETE", path).status_code == 204
    assert custorder.call("GET", path).status_code == 404


def test_an_order_is_created(order: dict[str, Any]) -> None:
    assert (
        order.items()
        >= {
            "quantity": 3,
            "total": "76.50",
            "customer_first_name": "Jane",
            "customer_last_name": "Wanjiru",
            "item_name": "T-Shirt",
        }.items()
    )


def test_orders(custorder: CustOrder, order: dict[str, Any]) -> None:
    path = f"orders/{order['id']}"

    assert custorder.call("GET", "orders").json() == [order]
    assert custorder.call("GET", path).json() == order
    changed = custorder.call("PATCH", path, {"quantity": 4})
    assert (changed.status_code, changed.json()["total"]) == (200, "102.00")
    assert custorder.call("DELETE", path).status_code == 204
    assert custorder.call("GET", path).status_code == 404


@pytest.mark.parametrize("resource", ["customer", "item"])
def test_what_an_order_holds_is_not_deleted(
    custorder: CustOrder, order: dict[str, Any], resource: str
) -> None:
    path = f"{resource}s/{order[resource]}"

    answer = custorder.call("DELETE", path)

    assert answer.status_code == 409
    assert custorder.call("GET", path).status_code == 200


# --- OpenID Connect Authentication & Authorization ---------------------------------------

# The document's own; nothing listens there during the test.
REDIRECT_URI = "http://127.0.0.1:8000/o/callback"


def code_verifier_and_challenge() -> tuple[str, str]:
    """The document's own snippet."""
    code_verifier: Any = "".join(
        random.choice(string.ascii_uppercase + string.digits)  # noqa: S311 - the document's
        for _ in range(random.randint(43, 128))  # noqa: S311
    )
    code_verifier = base64.urlsafe_b64encode(code_verifier.encode("utf-8"))

    code_challenge: Any = hashlib.sha256(code_verifier).digest()
    code_challenge = base64.urlsafe_b64encode(code_challenge).decode("utf-8").replace("=", "")
    return code_verifier.decode(), code_challenge


@pytest.fixture
def wiliam(transactional_db: None) -> User:
    """The document's member of staff, with no more than the permissions to do the rest of it."""
    user = User.objects.create_user("wiliam", "me@wiliam.dev", "correct horse", is_staff=True)
    names = ["add_customer", "add_item", "add_order"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return user


def test_the_walk_to_a_token(live_server: LiveServer, wiliam: User) -> None:
    browser = Browser(live_server.url)

    # "If you are logged in, it will take directly to create an app, otherwise login first."
    page = browser.log_in(browser.get("/o/applications/register/"), "wiliam", "correct horse")
    assert page.url == f"{live_server.url}/o/applications/register/"
    shown = form_fields(page.text, "redirect_uris")
    client_id, client_secret = shown["client_id"], shown["client_secret"]
    details = browser.submit(
        page,
        "redirect_uris",
        name="CustOrder",
        client_type="confidential",
        authorization_grant_type="authorization-code",
        redirect_uris=REDIRECT_URI,
    )
    assert (details.status_code, client_id in details.text) == (200, True)

    code_verifier, code_challenge = code_verifier_and_challenge()
    consent = browser.get(
        f"/o/authorize/?response_type=code&code_challenge={code_challenge}"
        f"&code_challenge_method=S256&client_id={client_id}&redirect_uri={REDIRECT_URI}"
    )
    assert "Authorize CustOrder?" in consent.text
    redirect = browser.submit(consent, "client_id", allow="Authorize")
    assert redirect.status_code == 302
    assert redirect.headers["Location"].startswith(f"{REDIRECT_URI}?")

    query = query_of(redirect.headers["Location"])
    code = requests.get(f"{live_server.url}/o/callback", params=query, timeout=10).json()["code"]
    answer = requests.post(
        f"{live_server.url}/o/token/",
        headers={
            "Cache-Control": "no-cache",
            "Content-Type": "application/x-www-form-urlencoded",
        },
        data={
            "client_id": client_id,
            "client_secret": client_secret,
            "code": code,
            "code_verifier": code_verifier,
            "redirect_uri": REDIRECT_URI,
            "grant_type": "authorization_code",
        },
        timeout=10,
    )
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() >= {"access_token", "expires_in", "token_type", "refresh_token"}

    custorder = CustOrder(f"{live_server.url}/v1", answer.json()["access_token"])
    customer = custorder.create("customers", CUSTOMER)
    item = custorder.create("items", ITEM)
    order = custorder.create(
        "orders", {"customer": customer["id"], "item": item["id"], "quantity": 2}
    )
    assert order["total"] == "51.00"
    # The token does what its user may, and no more.
    assert custorder.call("DELETE", f"orders/{order['id']}").status_code == 403


def test_somebody_who_is_not_staff_registers_nothing(live_server: LiveServer, wiliam: User) -> None:
    User.objects.filter(pk=wiliam.pk).update(is_staff=False)
    browser = Browser(live_server.url)

    page = browser.log_in(browser.get("/o/applications/register/"), "wiliam", "correct horse")

    assert page.url == f"{live_server.url}/admin/login/?next=/o/applications/register/"
    assert "redirect_uris" not in page.text
