"""It lets staff see everything, place orders, move them on, and make keys."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from access.models import ApiKey, User
from common.tests.problems import UNKNOWN_ID
from customers.erasing import erase_customer
from customers.models import Customer, Erasure, Merge
from items.models import Item
from mappings.services import map_customer
from notifications.models import Message
from orders.models import Order

REGISTERED = {model._meta.label: model for model in site._registry}
MODELS = pytest.mark.parametrize("model", REGISTERED.values(), ids=REGISTERED.keys())
# What happened, and what the OpenID provider hands out.
NOT_ADDED = {
    *("Message", "AccessToken", "Grant", "IDToken", "RefreshToken", "ExternalIdentity"),
    *("AccessAttempt", "AccessLog", "AccessFailureLog", "Merge", "Erasure"),
    *("Report", "ConsentChange", "IncomingMessage", "Spending", "ErasedOptOut"),
}
EMPTY_AT_FIRST = {
    *("access", "auth", "axes", "customers", "imports", "oauth2_provider", "notifications"),
}
ORDERS = "/admin/orders/order/"


@pytest.fixture
def ada(client: Client, admin: User) -> Client:
    """The browser of a superuser who has logged in."""
    client.force_login(admin)
    return client


@pytest.fixture
def order(partner: APIClient, john: Customer, shirt: Item) -> Order:
    """An order of two lines, with its message; its customer is known in an application."""
    map_customer(customer=john.pk, app="amc", customer_app_id="jdoe")
    pen = {"description": "Pen", "quantity": 1, "unit_price": 5}
    lines = [{"item": str(shirt.pk), "quantity": 2}, pen]
    answer = partner.post("/v1/orders/", {"customer": str(john.pk), "lines": lines})
    return Order.objects.get(pk=answer.json()["id"])


def url_of(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def test_shows_a_stranger_the_login(client: Client, db: None) -> None:
    response = client.get(ORDERS)

    assert (response.status_code, response["Location"]) == (302, f"/admin/login/?next={ORDERS}")


def test_shows_its_index(ada: Client) -> None:
    response = ada.get("/admin/")

    assert response.status_code == 200
    assert b"Customers, and what we have with them" in response.content


@MODELS
@pytest.mark.parametrize("query", ["", "?q=x", "?o=1"])
def test_lists(ada: Client, order: Order, model: type[Model], query: str) -> None:
    assert ada.get(url_of(model, "changelist") + query).status_code == 200


@MODELS
def test_shows_a_form_for_a_new_row(ada: Client, order: Order, model: type[Model]) -> None:
    response = ada.get(url_of(model, "add"))

    assert response.status_code == (403 if model._meta.object_name in NOT_ADDED else 200)


@MODELS
def test_shows_a_row(ada: Client, order: Order, model: type[Model]) -> None:
    row = model._default_manager.first()

    if row is None:
        assert model._meta.app_label in EMPTY_AT_FIRST
    else:
        assert ada.get(url_of(model, "change", row.pk)).status_code == 200


@pytest.mark.parametrize(
    ("resource", "text", "found"),
    [
        ("items/item", "shirt", 1),
        ("items/item", "polo", 0),
        ("mappings/app", "amc", 1),
        ("mappings/mapping", "jdoe", 1),
        ("mappings/mapping", "CUST001", 1),
        ("mappings/mapping", "nobody", 0),
        ("orders/order", "shirt", 1),
        ("orders/order", "CUST001", 1),
        ("orders/order", "CUST002", 0),
        ("customers/customer", "712345", 1),
        ("customers/customer", "shirt", 0),
        ("notifications/message", "laptop", 0),
        ("notifications/message", "john", 1),
    ],
)
def test_finds_by_text(ada: Client, order: Order, resource: str, text: str, found: int) -> None:
    response = ada.get(f"/admin/{resource}/?q={text}")

    assert response.context["cl"].result_count == found


def form_of(owner: Customer, *lines: dict[str, Any], **members: str) -> dict[str, Any]:
    """What the browser sends for a new order."""
    form: dict[str, Any] = {
        "customer": str(owner.pk),
        "currency": "KES",
        "code": "",
        "lines-TOTAL_FORMS": len(lines),
        "lines-INITIAL_FORMS": 0,
        "lines-MIN_NUM_FORMS": 1,
        "lines-MAX_NUM_FORMS": 1000,
        **members,
    }
    for index, line in enumerate(lines):
        form |= {f"lines-{index}-{name}": value for name, value in line.items()}
    return form


def line_of(item: Item, quantity: int = 1) -> dict[str, Any]:
    return {"item": str(item.pk), "quantity": quantity, "description": "", "unit_price": ""}


def test_places_an_order(ada: Client, john: Customer, shirt: Item) -> None:
    pen = {"item": "", "quantity": "2", "description": "Pen", "unit_price": "0.35"}

    response = ada.post(f"{ORDERS}add/", form_of(john, line_of(shirt, 2), pen, code="A-1"))

    order = Order.objects.get()
    assert (response.status_code, response["Location"]) == (302, ORDERS)
    assert (order.amount, order.currency, order.code) == (Decimal("51.70"), "KES", "A-1")
    assert order.status == "received"
    assert list(order.lines.values_list("item", "description", "quantity")) == [
        (shirt.pk, "Shirt", 2),
        (None, "Pen", 2),
    ]
    message = Message.objects.get()
    assert (message.order, message.status, message.to) == (order, "pending", john.phone_number)
    assert "Your order for Shirt and 1 more worth KES 51.70 has been received." in message.text
    # The admin's own log and the page it goes on to mean this order.
    assert f"{order.pk}" in ada.get("/admin/").content.decode()
    assert ada.get(f"{ORDERS}{order.pk}/change/").status_code == 200


def test_goes_on_with_the_order_it_placed(ada: Client, john: Customer, shirt: Item) -> None:
    form = form_of(john, line_of(shirt), _continue="1")

    response = ada.post(f"{ORDERS}add/", form)

    assert response["Location"] == f"{ORDERS}{Order.objects.get().pk}/change/"


BAD_LINES: list[dict[str, Any]] = [
    {},
    {"quantity": "1"},
    {"quantity": "0", "description": "Pen", "unit_price": "5"},
    {"quantity": "1", "description": "Pen"},
    {"quantity": "1", "unit_price": "5"},
    {"quantity": "1", "description": "Pen", "unit_price": "-5"},
    {"quantity": "1", "description": "Pen", "unit_price": "NaN"},
    {"quantity": "x", "description": "Pen", "unit_price": "5"},
    {"quantity": "1", "item": UNKNOWN_ID},
    {"quantity": "1", "description": "x" * 251, "unit_price": "5"},
]


@pytest.mark.parametrize("line", BAD_LINES, ids=repr)
def test_places_no_order_with_a_bad_line(ada: Client, john: Customer, line: dict[str, Any]) -> None:
    whole = {"item": "", "quantity": "", "description": "", "unit_price": "", **line}

    response = ada.post(f"{ORDERS}add/", form_of(john, whole))

    assert response.status_code == 200
    assert "errorlist" in response.content.decode()
    assert (Order.objects.count(), Message.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("members", "line"),
    [
        ({"currency": "kes"}, {}),
        ({"customer": ""}, {}),
        # Refused by the service, once the form was found good.
        pytest.param({"currency": "USD"}, {}, id="other currency"),
        pytest.param(
            {},
            {"item": "", "description": "x", "unit_price": "999999999999", "quantity": 10**6},
            id="too much",
        ),
    ],
)
def test_places_no_order_that_makes_no_sense(
    ada: Client, john: Customer, shirt: Item, members: dict[str, str], line: dict[str, Any]
) -> None:
    ada.raise_request_exception = False

    response = ada.post(f"{ORDERS}add/", form_of(john, line_of(shirt) | line, **members))

    assert response.status_code == 200
    assert "errorlist" in response.content.decode()
    assert (Order.objects.count(), Message.objects.count()) == (0, 0)


def test_places_no_order_with_a_code_that_another_has(
    ada: Client, john: Customer, shirt: Item
) -> None:
    form = form_of(john, line_of(shirt), code="A-1")
    ada.post(f"{ORDERS}add/", form)

    response = ada.post(f"{ORDERS}add/", form)

    assert "Another order has this code." in response.content.decode()
    assert (Order.objects.count(), Message.objects.count()) == (1, 1)


def test_changes_no_order(ada: Client, order: Order, john: Customer) -> None:
    before = Order.objects.values().get()
    response = ada.post(f"{ORDERS}{order.pk}/change/", form_of(john, currency="USD"))

    assert response.status_code in {200, 302}
    assert Order.objects.values().get() == before
    assert order.lines.count() == 2


@pytest.mark.parametrize(
    ("action", "statuses"),
    [
        ("make_ready", {"received": "ready"}),
        ("complete", {"ready": "completed"}),
        ("cancel", {"received": "cancelled", "ready": "cancelled"}),
    ],
)
def test_moves_orders_on_where_they_may(
    ada: Client, john: Customer, action: str, statuses: dict[str, str]
) -> None:
    rows = {
        status: Order.objects.create(customer=john, description=status, amount=1, status=status)
        for status in Order.Status.values
    }
    form = {"action": action, "_selected_action": [str(row.pk) for row in rows.values()]}

    page = ada.post(ORDERS, form, follow=True).content.decode()

    after = dict(Order.objects.values_list("description", "status"))
    assert after == {status: statuses.get(status, status) for status in rows}
    assert f"{len(statuses)} now " in page
    assert page.count("cannot become") == 4 - len(statuses)


def test_shows_a_key_once(ada: Client) -> None:
    form = {"name": "Partner", "scopes": "customers:read", "rate_class": "standard"}

    first = ada.post("/admin/access/apikey/add/", form, follow=True).content.decode()
    second = ada.get("/admin/access/apikey/").content.decode()

    shown = re.search(r"The API key for Partner is: (\S+)\. ", first)
    assert shown
    secret = shown[1].partition(".")[2]
    assert secret
    assert secret not in second
    api_key = ApiKey.objects.get()
    assert (api_key.name, api_key.scopes, api_key.revoked) == ("Partner", "customers:read", False)
    partner = APIClient(HTTP_AUTHORIZATION=f"Api-Key {shown[1]}")
    assert partner.get("/v1/customers/").json() == []
    assert partner.get("/v1/orders/").status_code == 403
    detail = ada.get(f"/admin/access/apikey/{api_key.pk}/change/").content.decode()
    assert secret not in detail


@pytest.mark.parametrize(
    "form",
    [
        {"name": "Partner", "scopes": "customers:raed"},
        {"name": "Partner", "scopes": "openid"},
        {"name": "", "scopes": "read"},
        {"name": "x" * 51, "scopes": "read"},
    ],
)
def test_makes_no_key_that_makes_no_sense(ada: Client, form: dict[str, str]) -> None:
    response = ada.post("/admin/access/apikey/add/", form)

    assert "errorlist" in response.content.decode()
    assert not ApiKey.objects.exists()


def test_revokes_a_key(ada: Client, key: str) -> None:
    api_key = ApiKey.objects.get()
    form = {"name": api_key.name, "scopes": api_key.scopes, "rate_class": "high", "revoked": "on"}

    ada.post(f"/admin/access/apikey/{api_key.pk}/change/", form)

    assert ApiKey.objects.get().revoked
    partner = APIClient(HTTP_AUTHORIZATION=f"Api-Key {key}")
    assert partner.get("/v1/customers/").status_code == 401


@pytest.mark.parametrize("page", ["add", "change", "delete"])
def test_lets_nobody_write_a_message(ada: Client, order: Order, page: str) -> None:
    before = Message.objects.values().get()
    url = url_of(Message, page, *([] if page == "add" else [before["id"]]))

    response = ada.post(url, {"text": "x", "post": "yes"})

    assert response.status_code == 403
    assert Message.objects.values().get() == before


def test_deletes_no_message_by_an_action(ada: Client, order: Order) -> None:
    form = {"action": "delete_selected", "_selected_action": [Message.objects.get().pk]}

    ada.post("/admin/notifications/message/", form | {"post": "yes"}, follow=True)

    assert Message.objects.count() == 1


def test_deletes_an_order_and_keeps_its_message(ada: Client, order: Order) -> None:
    response = ada.post(f"{ORDERS}{order.pk}/delete/", {"post": "yes"})

    assert response.status_code == 302
    assert not Order.objects.exists()
    assert Message.objects.get().order is None


@pytest.mark.parametrize("resource", ["customers/customer", "items/item"])
def test_deletes_nothing_that_orders_hold(
    ada: Client, order: Order, john: Customer, shirt: Item, resource: str
) -> None:
    row: Model = john if resource == "customers/customer" else shirt

    ada.post(f"/admin/{resource}/{row.pk}/delete/", {"post": "yes"})

    assert (Customer.objects.count(), Item.objects.count(), Order.objects.count()) == (1, 1, 1)


@pytest.mark.parametrize(
    ("members", "stored"),
    [
        ({"name": "Acme"}, {"name": "Acme", "domain": None, "document": None}),
        ({"first_name": "Jane", "last_name": "Doe"}, {"name": "Jane Doe"}),
        ({"domain": "Köln.Example."}, {"domain": "xn--kln-sna.example"}),
        ({"document": "52998224725"}, {"document": "52998224725"}),
        pytest.param({"document": "529.982.247-25"}, {"document": "52998224725"}),
        ({"name": "Acme", "phone_number": "0712 345678"}, {"phone_number": "+254712345678"}),
        pytest.param(
            {"name": "Acme", "phone_number": "+254 (712) 345 678"},
            {"phone_number": "+254712345678"},
        ),
    ],
)
def test_registers_a_customer(ada: Client, members: dict[str, str], stored: dict[str, Any]) -> None:
    response = ada.post("/admin/customers/customer/add/", {"code": "CUST001"} | members)

    assert response.status_code == 302
    assert Customer.objects.values(*stored).get() == stored


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({}, "A customer needs at least one of name, domain, document."),
        ({"name": "Acme", "phone_number": "x"}, "This is no phone number."),
        ({"domain": ".."}, "This is no domain name"),
        ({"document": "1"}, "This is no valid CPF."),
        ({"name": "Acme", "code": ""}, "This field is required."),
        ({"name": "Acme", "code": "CUST002"}, "Another customer has this code."),
        ({"domain": "ACME.example"}, "Another customer has this domain."),
    ],
)
def test_registers_no_customer_that_makes_no_sense(
    ada: Client, members: dict[str, str], says: str
) -> None:
    Customer.objects.create(code="CUST002", domain="acme.example")

    response = ada.post("/admin/customers/customer/add/", {"code": "CUST001"} | members)

    assert says in response.content.decode()
    assert Customer.objects.count() == 1


CUSTOMERS, MERGES = "/admin/customers/customer/", "/admin/customers/merge/"


def merging(*customers: Customer, **members: str) -> dict[str, Any]:
    """What the browser sends for the action that merges."""
    return {"action": "merge", "_selected_action": [str(each.pk) for each in customers], **members}


@pytest.fixture
def jane(db: None) -> Customer:
    return Customer.objects.create(code="CUST002", name="Jane Roe")


def test_shows_two_customers_side_by_side(ada: Client, john: Customer, jane: Customer) -> None:
    for customer in (john, jane):
        map_customer(customer=customer.pk, app="amc", customer_app_id=customer.code)

    page = ada.post(CUSTOMERS, merging(john, jane)).content.decode()

    for text in ("CUST001", "CUST002", "John Doe", "Jane Roe", "+254712345678"):
        assert text in page
    assert "Both have an id in amc: CUST001 and CUST002." in page
    assert Customer.objects.count() == 2


def test_merges_the_selected_two_and_undoes_it(ada: Client, order: Order, jane: Customer) -> None:
    john = order.customer

    page = ada.post(CUSTOMERS, merging(john, jane, into=str(jane.pk)), follow=True)

    assert "John Doe (CUST001) is Jane Roe (CUST002) now." in page.content.decode()
    assert Order.objects.get().customer == jane
    record = Merge.objects.get()
    assert record.by == f"user:{User.objects.get().pk}"
    assert ada.get(f"{MERGES}{record.pk}/change/").status_code == 200

    undo = {"action": "undo", "_selected_action": [str(record.pk)]}
    page = ada.post(MERGES, undo, follow=True)
    again = ada.post(MERGES, undo, follow=True)

    assert "John Doe (CUST001) is there again." in page.content.decode()
    assert "This merge has been undone." in again.content.decode()
    assert Order.objects.get().customer == john


def test_says_why_two_are_not_merged(ada: Client, john: Customer, jane: Customer) -> None:
    for customer in (john, jane):
        map_customer(customer=customer.pk, app="amc", customer_app_id=customer.code)

    form = merging(john, jane, into=str(jane.pk), prefer="merged")
    page = ada.post(CUSTOMERS, form, follow=True).content.decode()

    assert "Both have an id in amc: CUST001 and CUST002." in page
    assert Customer.objects.count() == 2


@pytest.mark.parametrize("others", [0, 2])
def test_merges_no_other_number_than_two(ada: Client, john: Customer, others: int) -> None:
    more = [Customer.objects.create(name="Other") for _ in range(others)]

    page = ada.post(CUSTOMERS, merging(john, *more), follow=True).content.decode()

    assert "Select two customers" in page
    assert Customer.objects.count() == 1 + others


def test_registers_no_customer_by_an_old_code(ada: Client, john: Customer, jane: Customer) -> None:
    ada.post(CUSTOMERS, merging(john, jane, into=str(jane.pk)))

    response = ada.post(f"{CUSTOMERS}add/", {"code": "CUST001", "name": "New"})

    assert "Another customer has this code." in response.content.decode()
    assert Customer.objects.get() == jane


def test_shows_an_erased_customer_and_changes_nothing(
    ada: Client, admin: User, john: Customer
) -> None:
    erase_customer(john, by="user:1")
    url = f"{CUSTOMERS}{john.pk}/change/"

    assert ada.get(url).status_code == 200
    assert ada.post(url, {"code": "CUST001", "name": "John"}).status_code == 403
    assert Customer.objects.get().name == "Erased customer"
    assert (
        ada.get(f"/admin/customers/erasure/{Erasure.objects.get().pk}/change/").status_code == 200
    )


def staff_with(client: Client, *permissions: str) -> Client:
    """The browser of a member of staff who has these permissions and no others."""
    user = User.objects.create_user("bea", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return client


def erasure_page(customer: Customer) -> str:
    return f"{CUSTOMERS}{customer.pk}/erase/"


def test_asks_before_it_erases(client: Client, john: Customer) -> None:
    bea = staff_with(client, "view_customer", "erase_customer")

    customer_page = bea.get(f"{CUSTOMERS}{john.pk}/change/").content.decode()
    page = bea.get(erasure_page(john)).content.decode()

    assert f'<a href="{erasure_page(john)}">' in customer_page
    assert "Erase personal data" in customer_page
    for text in ("CUST001", "John Doe", "+254712345678", "This cannot be undone."):
        assert text in page
    assert Customer.objects.get().erased_at is None
    assert not Erasure.objects.exists()


def test_erases_and_shows_the_receipt(client: Client, order: Order, john: Customer) -> None:
    bea = staff_with(client, "erase_customer")

    answer = bea.post(erasure_page(john))
    page = bea.get(answer["Location"]).content.decode()

    receipt = Erasure.objects.get()
    erased = Customer.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, erasure_page(john))
    assert (erased.name, erased.code, erased.phone_number) == ("Erased customer", "CUST001", "")
    assert Message.objects.get().text == "Erased."
    assert Order.objects.get() == order
    assert receipt.by == f"user:{User.objects.get(username='bea').pk}"
    assert receipt.rows == {"customers": 1, "mappings": 1, "messages": 1}
    assert f"by\n{receipt.by}." in page
    for kind, number in receipt.rows.items():
        assert f'<th scope="row">{kind}</th><td>{number}</td>' in page


def test_says_that_a_customer_is_erased_already(client: Client, john: Customer) -> None:
    first = erase_customer(john, by="user:1")
    bea = staff_with(client, "view_customer", "erase_customer")

    customer_page = bea.get(f"{CUSTOMERS}{john.pk}/change/").content.decode()
    bea.post(erasure_page(john))
    page = bea.get(erasure_page(john)).content.decode()

    assert "Receipt of the erasure" in customer_page
    assert "The personal data of Erased customer (CUST001) was erased on" in page
    assert '<input type="submit" value="Erase personal data"' not in page
    assert Erasure.objects.get() == first


@pytest.mark.parametrize("method", ["get", "post"])
def test_erases_nobody_without_the_permission(client: Client, john: Customer, method: str) -> None:
    bea = staff_with(client, "view_customer", "change_customer", "delete_customer")

    customer_page = bea.get(f"{CUSTOMERS}{john.pk}/change/").content.decode()
    answer = getattr(bea, method)(erasure_page(john))

    assert "Erase personal data" not in customer_page
    assert answer.status_code == 403
    assert Customer.objects.get().erased_at is None


def test_says_why_a_customer_is_not_erased(ada: Client, admin: User, john: Customer) -> None:
    Customer.objects.filter(pk=john.pk).update(user=admin)

    page = ada.post(erasure_page(john), follow=True).content.decode()

    assert "login is a member of staff" in page
    assert Customer.objects.get().erased_at is None


@pytest.mark.parametrize("method", ["get", "post"])
def test_erases_nobody_who_is_not_there(ada: Client, method: str) -> None:
    answer = getattr(ada, method)(f"{CUSTOMERS}{UNKNOWN_ID}/erase/")

    assert answer.status_code == 404
    assert not Erasure.objects.exists()
