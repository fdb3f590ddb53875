"""Savannah's document, call by call: customers, orders, its errors, and the way to a token."""

import re
from io import StringIO
from typing import Any
from uuid import uuid4

import jwt
import pytest
import requests
from django.contrib.auth.models import Permission
from django.core.management import call_command
from pytest_django.live_server_helper import LiveServer

from access.models import User
from tests.web_client import Browser

CUSTOMER = {"code": "CUST001", "name": "John Doe", "phone_number": "+254712345678"}
ORDER = {"customer_code": "CUST001", "item": "Laptop Computer", "amount": 1299.99}
CUSTOMER_MEMBERS = {"id", "code", "name", "phone_number", "created_at", "updated_at"}
ORDER_MEMBERS = {
    "id",
    "item",
    "amount",
    "order_time",
    "created_at",
    "customer_id",
    "customer_code",
    "customer_name",
    "customer_phone",
}


class Savannah:
    """A client written against the document: base `/api`, Bearer, trailing slashes, JSON."""

    def __init__(self, base: str, token: str) -> None:
        self.base = base
        self.headers = {"Authorization": f"Bearer {token}"}

    def call(self, method: str, path: str, json: dict[str, Any] | None = None) -> Any:
        url = f"{self.base}/api{path}"
        # A client that follows no redirect: the document's addresses are the real ones.
        return requests.request(
            method, url, json=json, headers=self.headers, timeout=10, allow_redirects=False
        )


@pytest.fixture
def savannah(live_server: LiveServer, token: str) -> Savannah:
    return Savannah(live_server.url, token)


@pytest.fixture
def customer(savannah: Savannah) -> dict[str, Any]:
    created: dict[str, Any] = savannah.call("POST", "/customers/", CUSTOMER).json()
    return created


@pytest.fixture
def order(savannah: Savannah, customer: dict[str, Any]) -> dict[str, Any]:
    created: dict[str, Any] = savannah.call("POST", "/orders/", ORDER).json()
    return created


def test_customers_are_created(savannah: Savannah) -> None:
    answer = savannah.call("POST", "/customers/", CUSTOMER)

    assert answer.status_code == 201
    assert answer.json().items() >= CUSTOMER.items()
    assert answer.json().keys() >= CUSTOMER_MEMBERS


def test_customers_are_listed(savannah: Savannah, customer: dict[str, Any]) -> None:
    answer = savannah.call("GET", "/customers/")

    assert answer.status_code == 200
    assert answer.json() == [customer]


def test_a_customer_is_shown(savannah: Savannah, customer: dict[str, Any]) -> None:
    answer = savannah.call("GET", f"/customers/{customer['id']}/")

    assert answer.status_code == 200
    assert answer.json() == customer


def test_a_customer_is_updated(savannah: Savannah, customer: dict[str, Any]) -> None:
    changes = {
        "code": "CUST001_UPDATED",
        "name": "John Doe Updated",
        "phone_number": "+254712345679",
    }

    answer = savannah.call("PUT", f"/customers/{customer['id']}/", changes)

    assert answer.status_code == 200
    assert answer.json().items() >= changes.items()


def test_put_with_one_member_changes_that_one(savannah: Savannah, customer: dict[str, Any]) -> None:
    answer = savannah.call("PUT", f"/customers/{customer['id']}/", {"name": "Jane"})

    assert answer.status_code == 200
    assert answer.json() == {**customer, "name": "Jane", "updated_at": answer.json()["updated_at"]}


def test_a_customer_is_deleted(savannah: Savannah, customer: dict[str, Any]) -> None:
    answer = savannah.call("DELETE", f"/customers/{customer['id']}/")

    assert (answer.status_code, answer.content) == (204, b"")
    assert savannah.call("GET", "/customers/").json() == []


def test_orders_are_created(savannah: Savannah, customer: dict[str, Any]) -> None:
    answer = savannah.call("POST", "/orders/", ORDER)

    assert answer.status_code == 201
    assert answer.json().keys() >= ORDER_MEMBERS | {"sms_sent"}
    assert (
        answer.json().items()
        >= {
            "item": "Laptop Computer",
            "amount": "1299.99",
            "customer_id": customer["id"],
            "customer_code": "CUST001",
            "customer_name": "John Doe",
            "customer_phone": "+254712345678",
            "sms_sent": True,
        }.items()
    )


def test_orders_are_listed_newest_first(savannah: Savannah, order: dict[str, Any]) -> None:
    newer = savannah.call("POST", "/orders/", {**ORDER, "item": "Mouse", "amount": 10}).json()

    answer = savannah.call("GET", "/orders/")

    assert answer.status_code == 200
    assert [each["id"] for each in answer.json()] == [newer["id"], order["id"]]
    assert answer.json()[0].keys() >= ORDER_MEMBERS


def test_an_order_is_shown(savannah: Savannah, order: dict[str, Any]) -> None:
    answer = savannah.call("GET", f"/orders/{order['id']}/")

    assert answer.status_code == 200
    assert answer.json() == order


def test_an_order_is_updated(savannah: Savannah, order: dict[str, Any]) -> None:
    answer = savannah.call(
        "PUT", f"/orders/{order['id']}/", {"item": "Updated Item Name", "amount": 1499.99}
    )

    assert answer.status_code == 200
    assert (answer.json()["item"], answer.json()["amount"]) == ("Updated Item Name", "1499.99")


def test_an_order_is_deleted(savannah: Savannah, order: dict[str, Any]) -> None:
    answer = savannah.call("DELETE", f"/orders/{order['id']}/")

    assert (answer.status_code, answer.content) == (204, b"")
    assert savannah.call("GET", f"/orders/{order['id']}/").status_code == 404


def test_a_customers_orders_by_code(savannah: Savannah, order: dict[str, Any]) -> None:
    answer = savannah.call("GET", "/orders/by-customer/?customer_code=CUST001")

    assert answer.status_code == 200
    assert answer.json() == [order]


def test_a_customers_orders_by_id(savannah: Savannah, order: dict[str, Any]) -> None:
    answer = savannah.call("GET", f"/orders/customer/{order['customer_id']}/")

    assert answer.status_code == 200
    assert answer.json() == [order]


def test_a_missing_field_is_named(savannah: Savannah, customer: dict[str, Any]) -> None:
    answer = savannah.call("POST", "/orders/", {"item": "Laptop Computer", "amount": 1299.99})

    assert answer.status_code == 400
    assert answer.json()["error"] == "Missing required field: customer_code"


def test_without_credentials(live_server: LiveServer) -> None:
    answer = requests.get(f"{live_server.url}/api/customers/", timeout=10)

    assert answer.status_code == 401
    assert answer.json()["detail"] == "Authentication credentials were not provided."


@pytest.mark.parametrize(
    "path",
    ["/customers/{}/", "/orders/customer/{}/", "/orders/by-customer/?customer_code={}"],
)
def test_a_customer_that_is_not_there(savannah: Savannah, path: str) -> None:
    answer = savannah.call("GET", path.format(uuid4()))

    assert answer.status_code == 404
    assert answer.json()["error"] == "Customer not found"


# --- Authentication Endpoints ---------------------------------------------------------------

REDIRECT_URI = "http://127.0.0.1:8000/o/callback"
PRINTED = re.compile(
    r"OAuth2 Application created successfully!\n"
    r"Client ID: (\S+)\n"
    r"Client Secret: (\S+)\n"
    r"Authorization Grant Type: authorization-code\n"
    r"Client Type: confidential\n"
)


@pytest.fixture
def johndoe(transactional_db: None) -> User:
    """The document's user, who may add customers and see them, and nothing else."""
    user = User.objects.create_user(
        "johndoe", "user@example.com", "correct horse", first_name="John", last_name="Doe"
    )
    names = ["add_customer", "view_customer"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return user


def setup_oauth(**options: str) -> tuple[str, str]:
    """The client id and the secret that the document's command prints."""
    output = StringIO()
    call_command("setup_oauth", stdout=output, **options)
    printed = PRINTED.fullmatch(output.getvalue())
    assert printed, output.getvalue()
    return printed[1], printed[2]


def walk(live_server: LiveServer, client_id: str, client_secret: str) -> dict[str, Any]:
    """The document's authorization and token exchange: no PKCE, and a secret in the form."""
    browser = Browser(live_server.url)
    login = browser.get(
        "/o/authorize/",
        client_id=client_id,
        response_type="code",
        scope="openid profile email",
        redirect_uri=REDIRECT_URI,
        state="xyz",
    )
    called = browser.consent(browser.log_in(login, "johndoe", "correct horse"))
    assert called["state"] == "xyz"
    answer = requests.post(
        f"{live_server.url}/o/token/",
        data={
            "grant_type": "authorization_code",
            "code": called["code"],
            "client_id": client_id,
            "client_secret": client_secret,
            "redirect_uri": REDIRECT_URI,
        },
        timeout=10,
    )
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    assert tokens.keys() >= {"access_token", "refresh_token", "id_token"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 3600)
    assert tokens["scope"] == "openid profile email"
    return tokens


def test_discovery(live_server: LiveServer) -> None:
    answer = requests.get(f"{live_server.url}/o/.well-known/openid-configuration", timeout=10)

    assert answer.status_code == 200
    base = "http://127.0.0.1:8000/o"
    assert (
        answer.json().items()
        >= {
            "issuer": base,
            "authorization_endpoint": f"{base}/authorize/",
            "token_endpoint": f"{base}/token/",
            "userinfo_endpoint": f"{base}/userinfo/",
            "jwks_uri": f"{base}/.well-known/jwks.json",
            "subject_types_supported": ["public"],
        }.items()
    )
    assert set(answer.json()["scopes_supported"]) >= {"openid", "profile", "email"}
    # Of the document's three only this one is safe (RFC 9700, 2.1.2).
    assert answer.json()["response_types_supported"] == ["code"]
    assert answer.json()["id_token_signing_alg_values_supported"] == ["RS256", "HS256"]


def test_the_keys(live_server: LiveServer) -> None:
    answer = requests.get(f"{live_server.url}/o/.well-known/jwks.json", timeout=10)

    assert answer.status_code == 200
    (key,) = answer.json()["keys"]
    assert key.items() >= {"kty": "RSA", "use": "sig", "e": "AQAB"}.items()
    assert key.keys() >= {"kid", "n"}


def test_the_way_to_a_token_and_what_it_is_good_for(live_server: LiveServer, johndoe: User) -> None:
    client_id, client_secret = setup_oauth()

    tokens = walk(live_server, client_id, client_secret)

    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    userinfo = requests.get(f"{live_server.url}/o/userinfo/", headers=headers, timeout=10)
    assert userinfo.status_code == 200
    assert (
        userinfo.json().items()
        >= {
            "sub": str(johndoe.pk),
            "email": "user@example.com",
            "given_name": "John",
            "family_name": "Doe",
            "preferred_username": "johndoe",
        }.items()
    )
    jwks = jwt.PyJWKClient(f"{live_server.url}/o/.well-known/jwks.json")
    key = jwks.get_signing_key_from_jwt(tokens["id_token"])
    claims = jwt.decode(tokens["id_token"], key, ["RS256"], audience=client_id)
    assert (claims["iss"], claims["sub"]) == ("http://127.0.0.1:8000/o", str(johndoe.pk))

    # Scope `openid profile email` is enough; the rest is for the user's permissions to say.
    savannah = Savannah(live_server.url, tokens["access_token"])
    created = savannah.call("POST", "/customers/", CUSTOMER)
    assert created.status_code == 201
    assert savannah.call("GET", "/customers/").json() == [created.json()]
    assert savannah.call("POST", "/orders/", ORDER).status_code == 403
    assert savannah.call("DELETE", f"/customers/{created.json()['id']}/").status_code == 403


def test_an_application_that_asks_for_it_gets_hs256(live_server: LiveServer, johndoe: User) -> None:
    client_id, client_secret = setup_oauth(algorithm="HS256")

    id_token = walk(live_server, client_id, client_secret)["id_token"]

    claims = jwt.decode(id_token, client_secret, ["HS256"], audience=client_id)
    assert (claims["preferred_username"], claims["email"]) == ("johndoe", "user@example.com")
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(id_token, f"{client_secret}x", ["HS256"], audience=client_id)


def test_setting_up_again_makes_no_second_client(transactional_db: None) -> None:
    client_id, client_secret = setup_oauth()
    output = StringIO()

    call_command("setup_oauth", stdout=output)

    assert client_id in output.getvalue()
    assert client_secret not in output.getvalue()
