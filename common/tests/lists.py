"""Every list of the API, and rows to fill it with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from access.models import ApiKey
from common.models import BaseModel, first_id_at
from config.api import router
from customers.models import Customer
from imports.models import Import
from items.models import Item
from mappings.models import App, Mapping
from notifications.models import Message
from orders.models import Order

NAMES = ("ann abel", "bob baker", "carl cook")
SIZES = ("S", "M", "L")
# Valid CPFs; the last is nobody's.
DOCUMENTS = ("52998224725", "11144477735", "39053344705")
ORDERED = datetime(2026, 1, 1, 12, tzinfo=UTC)
CODE = "CUST001"
NOBODY = "01890a5d-ac96-774b-bcce-b302099a8057"


def made_at(number: int) -> datetime:
    """When row `number` was made: each a microsecond after the one before."""
    return ORDERED + timedelta(microseconds=number)


def id_of(number: int) -> UUID:
    """The id of row `number`: in the order of creation."""
    return UUID(int=first_id_at(made_at(number)).int + number)


def customer(number: int) -> Customer:
    """Customers: names and phones that several have; the first two have a document."""
    return Customer(
        id=id_of(number),
        code=f"C{number:05}",
        name=NAMES[number % 3],
        phone_number=f"+25470{number % 7:07}",
        domain=f"d{number}.example",
        document=DOCUMENTS[number] if number < 2 else None,
    )


def app(number: int) -> App:
    """Applications; beyond the two that there are from the start."""
    return App(id=id_of(number), slug=f"app-{number}", name=NAMES[number % 3])


def mapping(number: int) -> Mapping:
    """Ids in either of two applications: the customer's first, then others'."""
    code = CODE if number == 0 else f"M{number}"
    owner, _ = Customer.objects.get_or_create(code=code, defaults={"name": "Somebody"})
    there = App.objects.get(slug=("amc", "edx")[number % 2])
    return Mapping(id=id_of(number), customer=owner, app=there, customer_app_id=f"user{number}")


def item(number: int) -> Item:
    """Items at three prices, in three sizes."""
    return Item(
        id=id_of(number),
        name=NAMES[number * 2 % 3],
        size=SIZES[number % 3],
        price=1 + number * 7 % 3,
    )


def order(number: int) -> Order:
    """Orders of one customer, of which several come to the same amount or have the same time."""
    return Order(
        id=id_of(number),
        customer_id=Customer.objects.values_list("pk", flat=True).get(code=CODE),
        code=f"A{number:05}",
        description="Laptop",
        amount=1 + number * 5 % 4,
        status=("received", "ready", "completed")[number % 3],
        order_time=ORDERED + timedelta(microseconds=number // 3),
    )


def message(number: int) -> Message:
    """Messages to several phones, in several states; about the first orders of the customer."""
    orders = list(Order.objects.order_by("id").values_list("pk", "customer_id"))
    about, whose = orders[number] if number < len(orders) else (None, None)
    return Message(
        id=id_of(number),
        kind="order_received",
        to=f"+25470{number % 7:07}",
        text="Hello",
        status=("pending", "sent", "unknown")[number % 3],
        order_id=about,
        customer_id=whose,
    )


def an_import(number: int) -> Import:
    """Imports of the partner, who sees no others."""
    partner = ApiKey.objects.values_list("prefix", flat=True).get(name="Partner")
    return Import(
        id=id_of(number),
        resource="customers",
        principal=f"key:{partner}",
        file_name=f"{number}.csv",
        size=1,
    )


@dataclass(frozen=True, slots=True)
class Listed:
    """A list: where to ask for it, and how to make its row of a number."""

    path: str
    make: Callable[[int], BaseModel]

    def at(self, query: str) -> str:
        """Its address with some parameters."""
        path = self.path.format(john=Customer.objects.get(code=CODE).pk)
        return f"/v1/{path}{'&' if '?' in path else '?'}{query}"


LISTS = {
    "customers": Listed("customers/", customer),
    "apps": Listed("apps/", app),
    "mappings": Listed("mappings/", mapping),
    "items": Listed("items/", item),
    "orders": Listed("orders/", order),
    "orders/by-customer": Listed(f"orders/by-customer/?customer_code={CODE}", order),
    "orders/customer/(?P<customer_id>[^/.]+)": Listed("orders/customer/{john}/", order),
    "notifications": Listed("notifications/", message),
    "imports": Listed("imports/", an_import),
}


def lists_of_the_router() -> Iterator[tuple[str, Any]]:
    """The path of every list that the router knows, and its viewset."""
    for prefix, viewset, _ in router.registry:
        if hasattr(viewset, "list"):
            yield prefix, viewset
        actions: list[Any] = viewset.get_extra_actions()
        for action in actions:
            if not action.detail and "get" in action.mapping:
                yield f"{prefix}/{action.url_path}", viewset


VIEWSETS = dict(lists_of_the_router())


def filters_of(name: str) -> set[str]:
    """The filters of a list."""
    return set(VIEWSETS[name].filterset_class.base_filters)


def orderings_of(name: str) -> list[str]:
    """The orderings of a list, both ways."""
    return [sign + field for field in VIEWSETS[name].ordering_fields for sign in ("", "-")]


def fill(name: str, rows: int) -> list[BaseModel]:
    """The first rows of a list, stored; the customer with the orders is not counted as one."""
    make = LISTS[name].make
    if make is not customer:
        Customer.objects.get_or_create(code=CODE, name="John Doe")
    if make is message:
        Order.objects.bulk_create([order(number) for number in range(5)])
    if make is app:
        # Those of the first migration.
        App.objects.all().delete()
    made = [make(number) for number in range(rows)]
    model = type(made[0])
    model._default_manager.bulk_create(made)
    for number, row in enumerate(made):
        row.created_at = made_at(number)
    model._default_manager.bulk_update(made, ["created_at"])
    return made
