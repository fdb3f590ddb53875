"""Every endpoint for every kind of principal. An endpoint that is missing here fails the test."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.contrib.auth.models import Permission
from django.urls import URLPattern
from jwt.algorithms import RSAAlgorithm
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from access.api_keys import create_api_key
from access.issuers import trusted_issuers
from access.models import Application, User
from access.rule import PERMISSION_OF_METHOD
from access.scopes import RESOURCE_SCOPES
from access.tokens import issue
from config.api import router
from customers.models import Customer
from customers.registration import register_login
from customers.serializers import ExportSerializer
from imports.models import Import
from items.models import Item
from mappings.models import App, Mapping
from mappings.services import map_customer
from notifications.models import Message
from orders.models import Order
from orders.pricing import WantedLine
from orders.services import place_order

ISSUER = "https://issuer.example"


@dataclass(frozen=True)
class Case:
    """A call, its answer to those who may, and to a customer on their own and on another's rows.

    `{own}` in a path or a body is a row of the customer's, `{other}` somebody else's.
    """

    method: str
    path: str
    allowed: int
    body: dict[str, Any] = field(default_factory=dict)
    permission: str = ""
    # What the scope calls it, where that does not follow from the method.
    verb: str = ""
    # What it answers machines that have the scope, where that is not what it answers people.
    machines: int | None = None
    own: int = 403
    other: int = 403


# By the name of the route and the method: what Django's router calls them.
CASES = {
    "customer-list GET": Case("GET", "customers/", 200),
    "customer-list POST": Case("POST", "customers/", 201, {"name": "Acme"}),
    "customer-detail GET": Case("GET", "customers/{customer}/", 200),
    "customer-detail PUT": Case("PUT", "customers/{customer}/", 200, {"name": "Acme"}),
    "customer-detail PATCH": Case("PATCH", "customers/{customer}/", 200, {"name": "Acme"}),
    "customer-detail DELETE": Case("DELETE", "customers/{customer}/", 409),
    "customer-merge POST": Case(
        "POST", "customers/{customer}/merge/", 200, {"into": "{acme}"}, permission="delete"
    ),
    "customer-export GET": Case(
        "GET", "customers/{customer}/export/", 200, permission="export", verb="export"
    ),
    "customer-erase POST": Case(
        "POST", "customers/{customer}/erase/", 200, permission="erase", verb="erase"
    ),
    "app-list GET": Case("GET", "apps/", 200),
    "app-list POST": Case("POST", "apps/", 201, {"slug": "new", "name": "New"}, machines=403),
    "app-detail GET": Case("GET", "apps/{app}/", 200),
    "app-detail PUT": Case("PUT", "apps/{app}/", 200, {"name": "Old"}, machines=403),
    "app-detail PATCH": Case("PATCH", "apps/{app}/", 200, {"name": "Old"}, machines=403),
    "app-detail DELETE": Case("DELETE", "apps/{app}/", 409, machines=403),
    "mapping-list GET": Case("GET", "mappings/", 200),
    "mapping-list POST": Case(
        "POST",
        "mappings/",
        201,
        {"customer": "{customer}", "app": "edx", "customer_app_id": "new"},
    ),
    "mapping-detail GET": Case("GET", "mappings/{app}/{app_id}/", 200),
    # A customer's own members need the right to write customers besides: see
    # tests/attacks/test_borrowed_rights.py.
    "mapping-detail PUT": Case("PUT", "mappings/{app}/{app_id}/", 200, {"customer": "{customer}"}),
    "mapping-detail DELETE": Case("DELETE", "mappings/{app}/{app_id}/", 204),
    "query-list POST": Case("POST", "query/", 200, permission="view"),
    "query-detail GET": Case("GET", "query/{app}/{app_id}", 200),
    "item-list GET": Case("GET", "items/", 200),
    "item-list POST": Case("POST", "items/", 201, {"name": "Hat", "price": "5.00"}),
    "item-detail GET": Case("GET", "items/{item}/", 200),
    "item-detail PUT": Case("PUT", "items/{item}/", 200, {"price": "6.00"}),
    "item-detail PATCH": Case("PATCH", "items/{item}/", 200, {"price": "6.00"}),
    "item-detail DELETE": Case("DELETE", "items/{item}/", 204),
    "order-list GET": Case("GET", "orders/", 200, own=200, other=200),
    "order-list POST": Case(
        "POST",
        "orders/",
        201,
        {"customer": "{customer}", "item": "{item}", "quantity": "1"},
        own=201,
        other=400,
    ),
    "order-detail GET": Case("GET", "orders/{order}/", 200, own=200, other=404),
    "order-detail PUT": Case("PUT", "orders/{order}/", 200, {"amount": "2.00"}),
    "order-detail PATCH": Case("PATCH", "orders/{order}/", 200, {"amount": "2.00"}),
    "order-detail DELETE": Case("DELETE", "orders/{order}/", 204),
    "order-cancel POST": Case("POST", "orders/{order}/cancel/", 200, permission="change"),
    "order-by-customer GET": Case(
        "GET", "orders/by-customer/?customer_code={code}", 200, own=200, other=404
    ),
    "order-customer GET": Case("GET", "orders/customer/{customer}/", 200, own=200, other=404),
    "notification-list GET": Case("GET", "notifications/", 200),
    "notification-detail GET": Case("GET", "notifications/{message}/", 200),
    "notification-resend POST": Case(
        "POST", "notifications/{message}/resend/", 200, permission="change"
    ),
    "import-list GET": Case("GET", "imports/", 200),
    # Let in, and told that it takes a form with a file alone.
    "import-list POST": Case("POST", "imports/", 415, {"resource": "customers"}),
    # Machines see what they made themselves.
    "import-detail GET": Case("GET", "imports/{import}/", 200, machines=404),
    "import-report GET": Case("GET", "imports/{import}/report/", 200, machines=404),
}

CUSTOMER = {
    *("id", "uuid", "code", "name", "first_name", "last_name", "phone_number", "domain"),
    *("document", "language", "time_zone", "erased_at", "merged_from", "created_at", "updated_at"),
}
APP = {"id", "slug", "name", "active", "created_at", "updated_at"}
MAPPING = {
    *("id", "customer", "customer_app_id", "app", "app_id", "domain", "created_at", "updated_at"),
}
ITEM = {"id", "uuid", "name", "size", "price", "currency", "created_at", "updated_at"}
CUSTOMER_OF_ORDER = {
    *("customer_code", "customer_name", "customer_first_name", "customer_last_name"),
    "customer_phone",
}
ORDER = CUSTOMER_OF_ORDER | {
    *("id", "code", "item", "item_name", "quantity", "amount", "total", "currency", "status"),
    *("order_time", "created_at", "updated_at", "customer", "customer_id", "lines"),
    *("sms_status", "sms_sent", "sms_reason"),
}
MESSAGE = {
    *("id", "kind", "status", "reason", "to", "text", "order_id", "customer_id", "attempts"),
    *("provider_id", "sent_at", "created_at", "updated_at"),
}
IMPORT = {
    *("id", "url", "resource", "mode", "dry_run", "notify", "file_name", "state", "rows"),
    *("created", "updated", "unchanged", "refused", "percent", "detail", "report_url"),
    *("created_at", "updated_at", "finished_at"),
}
PROBLEM = {"type", "title", "status", "detail", "code", "error", "errors", "request_id"}

# Which members an answer has for somebody whose only right is the one that the case needs.
# Reading shows a resource's members as documented, an order's and a mapping's customer among
# them. Who may only write sees nothing that was stored before, except what names the row.
SHOWN: dict[str, set[str]] = {
    "customer-list GET": CUSTOMER,
    "customer-list POST": CUSTOMER,
    "customer-detail GET": CUSTOMER,
    "customer-detail PUT": {"id", "uuid", "name", "updated_at"},
    "customer-detail PATCH": {"id", "uuid", "name", "updated_at"},
    "customer-detail DELETE": PROBLEM,
    "customer-merge POST": {"id", "uuid", "updated_at"},
    "customer-export GET": set(ExportSerializer().get_fields()),
    "customer-erase POST": {"id", "customer_id", "erased_at", "by", "rows"},
    "app-list GET": APP,
    "app-list POST": APP,
    "app-detail GET": APP,
    "app-detail PUT": {"id", "slug", "name", "updated_at"},
    "app-detail PATCH": {"id", "slug", "name", "updated_at"},
    "app-detail DELETE": PROBLEM,
    "mapping-list GET": MAPPING,
    "mapping-list POST": MAPPING - {"domain"},
    "mapping-detail GET": MAPPING,
    "mapping-detail PUT": {"id", "app", "customer_app_id", "customer", "updated_at"},
    "mapping-detail DELETE": set(),
    "query-list POST": {"id", "uuid", "domain"},
    "query-detail GET": {"id", "uuid", "domain"},
    "item-list GET": ITEM,
    "item-list POST": ITEM,
    "item-detail GET": ITEM,
    "item-detail PUT": {"id", "uuid", "price", "updated_at"},
    "item-detail PATCH": {"id", "uuid", "price", "updated_at"},
    "item-detail DELETE": set(),
    "order-list GET": ORDER,
    "order-list POST": ORDER - CUSTOMER_OF_ORDER,
    "order-detail GET": ORDER,
    "order-detail PUT": {"id", "amount", "updated_at"},
    "order-detail PATCH": {"id", "amount", "updated_at"},
    "order-detail DELETE": set(),
    "order-cancel POST": {"id", "updated_at"},
    "order-by-customer GET": ORDER,
    "order-customer GET": ORDER,
    "notification-list GET": MESSAGE,
    "notification-detail GET": MESSAGE,
    "notification-resend POST": {"id", "updated_at"},
    "import-list GET": IMPORT,
    "import-list POST": PROBLEM,
    "import-detail GET": IMPORT,
    # A file.
    "import-report GET": set(),
}
# The same, where people need another right for it than machines.
SHOWN_TO_PEOPLE = SHOWN | {"query-list POST": CUSTOMER, "query-detail GET": CUSTOMER}

MODELS = {
    "customer": Customer,
    "app": App,
    "mapping": Mapping,
    "query": Customer,
    "item": Item,
    "order": Order,
    "notification": Message,
    "import": Import,
}
# A query tells what a mapping leads to.
SCOPES_OF = {"query": "mappings"}


def resource(name: str) -> str:
    return name.partition("-")[0]


def permission_for(name: str) -> Permission:
    """The Django permission that a case needs."""
    model = MODELS[resource(name)]._meta
    verb = CASES[name].permission or PERMISSION_OF_METHOD[CASES[name].method]
    return Permission.objects.get(
        content_type__app_label=model.app_label, codename=f"{verb}_{model.model_name}"
    )


@dataclass
class World:
    """Two customers with a login and an order each, and an item."""

    own: dict[str, str]
    other: dict[str, str]
    login: User

    def call(self, name: str, client: "Client", *, on: dict[str, str]) -> int:
        """The status with which `client` is answered for a case on somebody's rows."""
        return int(self.send(name, client, on=on).status_code)

    def send(self, name: str, client: "Client", *, on: dict[str, str]) -> Any:
        """What `client` is answered for a case on somebody's rows."""
        case = CASES[name]
        body: Any = {member: value.format(**on) for member, value in case.body.items()}
        if name == "query-list POST":
            body = [{"app": on["app"], "customer_app_id": on["app_id"]}]
        path = f"/v1/{case.path.format(**on)}"
        return client.generic_json(case.method, path, body)


class Client(APIClient):
    """A client whose method is data."""

    def generic_json(self, method: str, path: str, body: Any) -> Any:
        if method == "GET":
            return self.get(path)
        return getattr(self, method.lower())(path, body, format="json")


def rows_of(login: User) -> dict[str, str]:
    """The ids of what belongs to a customer's login."""
    customer = Customer.objects.get(user=login)
    line = WantedLine(quantity=1, description="Mouse", unit_price=1)  # type: ignore[arg-type]
    order = place_order(customer=customer.pk, lines=[line])
    item = Item.objects.create(name="Shirt", price="1.00")
    message = Message.objects.get(order=order)
    mapping, _ = map_customer(customer=customer.pk, app="amc", customer_app_id=login.username)
    # In a state from which everything that the API does to messages can be done.
    Message.objects.filter(pk=message.pk).update(status="failed")
    return {
        "customer": str(customer.pk),
        "acme": str(Customer.objects.create(name="Acme").pk),
        "code": customer.code,
        "order": str(order.pk),
        "item": str(item.pk),
        "message": str(message.pk),
        "app": mapping.app.slug,
        "app_id": mapping.customer_app_id,
        "import": str(Import.objects.create(resource="items", file_name="x", size=1).pk),
    }


@pytest.fixture
def world(db: None) -> World:
    own = register_login(username="jane", email="", password="correct horse battery")
    other = register_login(username="mary", email="", password="correct horse battery")
    return World(rows_of(own), rows_of(other), own)


def with_header(value: str) -> Client:
    client = Client()
    client.credentials(HTTP_AUTHORIZATION=value)
    return client


def key_with(scopes: str) -> Client:
    return with_header(f"Api-Key {create_api_key(name='K', scopes=scopes)[1]}")


def client_with(scopes: str) -> Client:
    """A machine with a token by client credentials."""
    secret = "s" * 64
    application = Application.objects.create(
        name=str(uuid4()),
        client_type="confidential",
        authorization_grant_type="client-credentials",
        client_secret=secret,
        scopes=scopes,
    )
    form = {
        "grant_type": "client_credentials",
        "client_id": application.client_id,
        "client_secret": secret,
        "scope": scopes,
    }
    answer = Client().post("/o/token/", form, format="multipart")
    assert answer.status_code == 200, answer.content
    return with_header(f"Bearer {answer.json()['access_token']}")


def bearer_of(user: User) -> Client:
    return with_header(f"Bearer {issue(user).access}")


def staff_member(*permissions: Permission) -> User:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(permissions)
    return user


@pytest.fixture
def stranger_elsewhere(settings: Settings) -> Iterator[Client]:
    """Somebody with a valid token of a trusted issuer."""
    settings.OIDC_TRUSTED_ISSUERS = [{"issuer": ISSUER, "audience": "klanten"}]
    trusted_issuers.cache_clear()
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = RSAAlgorithm.to_jwk(private.public_key(), as_dict=True)
    trusted = trusted_issuers()[ISSUER]
    trusted.keys = {"k1": jwt.PyJWK({**public, "alg": "RS256", "kid": "k1"})}
    trusted.asked_at = time.monotonic()
    claims = {"iss": ISSUER, "aud": "klanten", "sub": "bob", "exp": time.time() + 60}
    token = jwt.encode(claims, private, algorithm="RS256", headers={"kid": "k1"})
    yield with_header(f"Bearer {token}")
    trusted_issuers.cache_clear()


def scope_for(name: str) -> str:
    reads = CASES[name].method == "GET" or CASES[name].permission == "view"
    scope = SCOPES_OF.get(resource(name), f"{resource(name)}s")
    return f"{scope}:{CASES[name].verb or ('read' if reads else 'write')}"


every_case = pytest.mark.parametrize("name", CASES)


def test_no_endpoint_is_missing() -> None:
    """It names each route of the router with each of its methods, and no others."""
    routes = {
        f"{pattern.name} {method.upper()}"
        for pattern in router.urls
        if isinstance(pattern, URLPattern) and pattern.name != "api-root"
        for method in set(getattr(pattern.callback, "actions", None) or ()) - {"head"}
    }
    assert routes == set(CASES)


@every_case
def test_nobody_gets_in_without_a_credential(world: World, name: str) -> None:
    assert world.call(name, Client(), on=world.own) == 401


@every_case
def test_a_key_without_the_scope_is_refused(world: World, name: str) -> None:
    others = " ".join(RESOURCE_SCOPES - {"read", "write", scope_for(name)})
    assert world.call(name, key_with(others), on=world.own) == 403


@every_case
def test_a_key_with_the_scope_is_let_in(world: World, name: str) -> None:
    case = CASES[name]
    status = world.call(name, key_with(scope_for(name)), on=world.own)
    assert status == (case.machines or case.allowed)


@every_case
def test_a_machine_with_the_scope_is_let_in(world: World, name: str) -> None:
    case = CASES[name]
    status = world.call(name, client_with(scope_for(name)), on=world.own)
    assert status == (case.machines or case.allowed)


@every_case
def test_staff_without_the_permission_are_refused(world: World, name: str) -> None:
    everything_else = Permission.objects.exclude(pk=permission_for(name).pk).exclude(
        codename__contains="_own_"
    )
    staff = staff_member(*everything_else)

    assert world.call(name, bearer_of(staff), on=world.own) == 403


@every_case
def test_staff_with_the_permission_are_let_in(world: World, name: str) -> None:
    staff = staff_member(permission_for(name))

    assert world.call(name, bearer_of(staff), on=world.other) == CASES[name].allowed


@every_case
def test_a_customer_reaches_their_own(world: World, name: str) -> None:
    assert world.call(name, bearer_of(world.login), on=world.own) == CASES[name].own


@every_case
def test_a_customer_does_not_reach_anothers(world: World, name: str) -> None:
    assert world.call(name, bearer_of(world.login), on=world.other) == CASES[name].other


@every_case
def test_somebody_from_elsewhere_has_no_permission(
    world: World, stranger_elsewhere: Client, name: str
) -> None:
    assert world.call(name, stranger_elsewhere, on=world.own) == 403


def test_a_customers_list_holds_their_own_alone(world: World) -> None:
    listed = bearer_of(world.login).get("/v1/orders/").json()

    assert [order["id"] for order in listed] == [world.own["order"]]


def test_a_token_of_a_user_does_no_more_than_it_names(world: World) -> None:
    superuser = User.objects.create_superuser("root")
    pair = issue(superuser)
    from oauth2_provider.models import AccessToken  # noqa: PLC0415 - after the models

    AccessToken.objects.filter(user=superuser).update(scope="openid orders:read")
    client = with_header(f"Bearer {pair.access}")

    assert world.call("order-list GET", client, on=world.own) == 200
    assert world.call("order-list POST", client, on=world.own) == 403
    assert world.call("customer-list GET", client, on=world.own) == 403


def test_a_view_that_forgets_to_ask_shows_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orders.views import OrderViewSet  # noqa: PLC0415 - after the models

    monkeypatch.setattr(OrderViewSet, "permission_classes", ())

    answer = bearer_of(User.objects.create_superuser("root")).get("/v1/orders/")

    assert (answer.status_code, answer.json()) == (200, [])


def test_no_endpoint_is_missing_from_what_is_shown() -> None:
    assert set(SHOWN) == set(CASES)


def members_of(answer: Any) -> set[str]:
    """The members of an answer, or of the rows in it."""
    if answer.streaming or not answer.content:
        return set()
    content = answer.json()
    return set().union(*content) if isinstance(content, list) else set(content)


@every_case
@pytest.mark.parametrize("how", [key_with, client_with])
def test_a_machine_is_shown_no_more_than_its_scope_allows(
    world: World, name: str, how: Callable[[str], Client]
) -> None:
    case = CASES[name]
    answer = world.send(name, how(scope_for(name)), on=world.own)

    status = case.machines or case.allowed
    assert answer.status_code == status
    if status == case.allowed:
        # An import is seen by whoever has made it; there is none of this machine's.
        expected = set() if name == "import-list GET" else SHOWN[name]
    else:
        expected = PROBLEM
    assert members_of(answer) == expected


@every_case
def test_staff_are_shown_no_more_than_their_permission_allows(world: World, name: str) -> None:
    answer = world.send(name, bearer_of(staff_member(permission_for(name))), on=world.other)

    assert answer.status_code == CASES[name].allowed
    assert members_of(answer) == SHOWN_TO_PEOPLE[name]
