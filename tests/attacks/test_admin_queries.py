"""Tampered queries, forms and addresses of every page of the admin: never a 500.

What a page does not look at is harmless, and is answered; the rest is a 400, a 404, or a page that
says what is wrong. The short form takes some of the pages, the long one each with everything.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.admin import site
from django.test import Client
from django.urls import URLPattern, URLResolver

from access.models import ApiKey, User
from common.tests.problems import UNKNOWN_ID, problem
from customers.models import Customer
from items.models import Item
from orders.models import Order

HUGE = "9" * 400
ARABIC = "\u0661"
PARAMETERS = [
    "q", "o", "p", "all", "e", "_to_field", "_popup", "_changelist_filters", "id", "id__exact",
    "id__in", "pk", "created_at__year", "created_at__gte", "order_time__year", "order_time__month",
    "status__exact", "erased_at__isnull", "customer", "customer__id__exact", "user", "app", "item",
    "_facets", "day__gte", "revoked__exact", "created__gte", "groups__id__exact", "kind", "term",
]  # fmt: skip
# What one value of one parameter cannot say.
QUERIES = [
    "user=abc", "customer=abc", "customer=1&code=%0A", "order_time__year=99999",
    "created_at__year=99999", "order_time__year=0", "order_time__year=2026&order_time__month=13",
    "order_time__year=2026&order_time__month=2&order_time__day=31", "order_time__year=-5",
    "created_at__year=2026&created_at__month=13", "created_at__gte=99999-01-01",
    "created_at__gte=0001-01-01+00:00:00%2B14:00", "created_at__lt=9999-12-31+23:59:59-14:00",
    "created_at__gte=x&created_at__lt=y", "o=1.2.3.-4..", "o=-", "o=999999999999999999999", "p=0",
    "o=%D9%A1", "p=%D9%A1", "id__in=,,,", "id__isnull=x", "created_at__range=1", "nosuch=1",
    "nosuch__nosuch__in=1", "customer__user__password__startswith=p", "_to_field=password&_popup=1",
    "_to_field=nosuch", "_popup=1&_to_field=id%00", "_changelist_filters=%00&q=%00", "q=%00",
    "app_label=orders&model_name=order&field_name=customer&term=a%00b", "id__regex=(",
    "app_label=orders&model_name=order&field_name=customer", "name__iregex=%5B", "day__year=99999",
    "app_label=orders&model_name=order&field_name=nosuch&term=a", "app_label=x&model_name=y",
    "message__isempty=2", "expiry_date=99999", "last_login=99999-99-99", "groups=abc&groups=-1",
    "q=" + "x+" * 3000, "&".join(f"q{number}=1" for number in range(1001)), "q=%FF", "%00=1",
]  # fmt: skip
IDS = [
    "x", "_00", "a_00b", "_0A", "0", "-1", HUGE, UNKNOWN_ID, f"{UNKNOWN_ID}_00", "_FF", "%2500",
    "%00", quote(ARABIC), "..", "_5F00", "%ED%A0%80", "1e5", "None", "9223372036854775808",
]  # fmt: skip
FIELDS = [
    "action", "select_across", "index", "_selected_action", "customer", "user", "code", "name",
    "app", "item", "lines-TOTAL_FORMS", "lines-0-quantity", "lines-0-item", "into", "price", "kind",
    "expiry_date_0", "expiry_date_1", "text", "phone", "_popup", "_to_field", "username", "groups",
    "user_permissions", "last_login_0", "email", "scopes", "allowed_networks", "redirect_uris",
    "customer_app_id", "slug", "password1", "usable_password", "form-TOTAL_FORMS", "form-0-id",
    "language", "time_zone", "domain", "document", "phone_number", "resource", "client_id",
    "algorithm", "token", "expires_0", "_saveasnew",
]  # fmt: skip
ACTIONS = [
    "merge", "undo", "make_ready", "complete", "cancel", "send_again", "mark_as_sent",
    "delete_selected", "nosuch", "a\0b",
]  # fmt: skip
# Of each kind of page one, and those with code of ours.
SHORT = [
    "/admin/autocomplete/", "/admin/customers/customer/", "/admin/customers/customer/add/",
    "/admin/customers/customer/{}/change/", "/admin/customers/customer/{}/history/",
    "/admin/customers/customer/{}/delete/", "/admin/customers/customer/{}/erase/",
    "/admin/orders/order/", "/admin/access/apikey/", "/admin/access/apikey/{}/change/",
    "/admin/imports/import/{}/report/", "/admin/r/{}/{}/",
]  # fmt: skip
FORMS = [
    "/admin/customers/customer/", "/admin/customers/customer/{}/change/", "/admin/orders/order/",
    "/admin/orders/order/add/", "/admin/access/apikey/{}/change/",
    "/admin/notifications/template/preview/",
]  # fmt: skip

pytestmark = pytest.mark.django_db(transaction=True)


def addresses(routes: Iterable[Any], before: str = "/admin/") -> Iterator[str]:
    """The address of every page of the admin, with `{}` in the place of what stands for a row."""
    for route in routes:
        address = before + str(route.pattern).lstrip("^").rstrip("$")
        if isinstance(route, URLResolver):
            yield from addresses(route.url_patterns, address)
        elif isinstance(route, URLPattern) and "(?P" not in address:
            pieces = address.split("<")
            yield "{}".join([pieces[0], *(piece.partition(">")[2] for piece in pieces[1:])])


# Logging out would end the walk.
PAGES = sorted(set(addresses(site.get_urls())) - {"/admin/logout/"})


@pytest.fixture
def ada(admin: User) -> Client:
    """The browser of a superuser, to whom a fault is shown as to anybody."""
    client = Client(raise_request_exception=False)
    client.force_login(admin)
    return client


@pytest.fixture
def rows(john: Customer, shirt: Item) -> dict[str, str]:
    """The id of a row of some kinds."""
    order = Order.objects.create(customer=john, description="Pen", amount=1)
    order.lines.create(position=0, description="Pen", quantity=1, unit_price=1)
    _, key = ApiKey.objects.create_key(name="Key")
    api_key = ApiKey.objects.get_from_key(key)
    return {
        "customer": str(john.pk),
        "item": str(shirt.pk),
        "order": str(order.pk),
        "apikey": str(api_key.pk),
        "user": str(User.objects.get().pk),
    }


def pages(*, whole: bool) -> list[str]:
    return PAGES if whole else SHORT


def of_a_row(page: str, rows: dict[str, str]) -> str:
    """The address with an id in it: of a row that is there, where there is one."""
    found = (pk for kind, pk in rows.items() if f"/{kind}/" in page)
    return page.replace("{}", next(found, UNKNOWN_ID))


def broken(asked: Iterable[tuple[str, Callable[[], Any]]]) -> list[str]:
    """What was answered with a fault."""
    return [about for about, ask in asked if ask().status_code >= 500]


def queries(ada: Client, rows: dict[str, str], *, whole: bool) -> Iterator[Any]:
    for page in pages(whole=whole):
        address = of_a_row(page, rows)
        given = [f"{name}={quote(value)}" for name in PARAMETERS for value in (HUGE, "abc")]
        for query in QUERIES + (given if whole else []):
            url = f"{address}?{query}"
            yield url[:200], lambda url=url: ada.get(url)


def ids(ada: Client, *, whole: bool) -> Iterator[Any]:
    for page in pages(whole=whole):
        for pk in IDS if "{}" in page else []:
            url = page.replace("{}", pk)
            yield f"GET {url}", lambda url=url: ada.get(url)
            yield f"POST {url}", lambda url=url: ada.post(url, {"post": "yes"})


def forms(*, whole: bool) -> Iterator[dict[str, Any]]:
    usual = {
        "lines-TOTAL_FORMS": "1",
        "lines-INITIAL_FORMS": "0",
        "action": "delete_selected",
        "_selected_action": UNKNOWN_ID,
        "index": "0",
    }
    for name in FIELDS if whole else FIELDS[::3]:
        for value in (HUGE, ARABIC) if whole else [HUGE]:
            yield {**usual, name: value}
    for action in ACTIONS:
        for pk in (HUGE, "abc", UNKNOWN_ID) if whole else ["abc"]:
            yield {"action": action, "_selected_action": [pk, UNKNOWN_ID], "post": "yes"}


def filled(ada: Client, rows: dict[str, str], *, whole: bool) -> Iterator[Any]:
    for page in PAGES if whole else FORMS:
        address = of_a_row(page, rows)
        for form in forms(whole=whole):
            yield f"{address} {form!r}"[:300], lambda a=address, f=form: ada.post(a, f)


def test_knows_every_page() -> None:
    assert set(PAGES) >= {*SHORT, *FORMS}
    for model in site._registry:
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        pages = {base, f"{base}add/", *(f"{base}{{}}/{name}/" for name in ("change", "history"))}
        assert pages <= set(PAGES)


def test_survives_queries(ada: Client, rows: dict[str, str]) -> None:
    assert broken(queries(ada, rows, whole=False)) == []


def test_survives_ids(ada: Client, rows: dict[str, str]) -> None:
    assert broken(ids(ada, whole=False)) == []


def test_survives_forms(ada: Client, rows: dict[str, str]) -> None:
    assert broken(filled(ada, rows, whole=False)) == []


@pytest.mark.long
def test_survives_every_query(ada: Client, rows: dict[str, str]) -> None:
    assert broken(queries(ada, rows, whole=True)) == []


@pytest.mark.long
def test_survives_every_id(ada: Client, rows: dict[str, str]) -> None:
    assert broken(ids(ada, whole=True)) == []


@pytest.mark.long
def test_survives_every_form(ada: Client, rows: dict[str, str]) -> None:
    assert broken(filled(ada, rows, whole=True)) == []


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/admin/customers/customer/?q=%00", 400),
        ("/admin/customers/customer/?created_at__year=99999", 400),
        ("/admin/orders/order/?order_time__year=99999", 400),
        ("/admin/customers/customer/add/?user=abc", 400),
        ("/admin/access/apikey/add/?expiry_date=99999", 400),
        ("/admin/orders/order/?_to_field=password", 400),
        ("/admin/orders/order/?nosuch=1", 400),
        (f"/admin/customers/customer/?q={'x+' * 101}", 400),
        ("/admin/access/apikey/?id__regex=(", 400),
        ("/admin/orders/order/%00/change/", 404),
    ],
)
def test_refuses(ada: Client, url: str, status: int) -> None:
    problem(ada.get(url), status)


@pytest.mark.parametrize(
    "cookie", ['"aaaaaaaa\\000"', '"aaaaaaaa\\012"', '"aaaa\\000aaaa"', '"\\177aaaaaaaa"']
)
@pytest.mark.parametrize("name", ["sessionid", "csrftoken", "messages", "another"])
@pytest.mark.parametrize("url", ["/admin/", "/login/", "/o/authorize/", "/v1/orders/"])
def test_refuses_a_cookie_with_a_control_character(url: str, name: str, cookie: str) -> None:
    client = Client(HTTP_COOKIE=f"{name}={cookie}", raise_request_exception=False)

    problem(client.get(url), 400)


def test_a_fault_of_ours_is_still_one(ada: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise ValueError

    monkeypatch.setattr("customers.admin.CustomerAdmin.get_queryset", fail)

    problem(ada.get("/admin/customers/customer/"), 500)
