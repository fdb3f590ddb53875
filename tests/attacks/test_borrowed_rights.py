"""A right to one resource is used to read or to write the customers behind it."""

import threading
from io import BytesIO
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from oauth2_provider.models import AccessToken
from rest_framework.test import APIClient

from access.cache import forget_all
from access.models import ApiKey, User
from access.tokens import issue
from common.etag import etag_of
from common.models import IdempotencyRecord
from common.tests.problems import problem, wrong_fields
from customers.merging import merge_customers
from customers.models import Customer
from imports.work import work
from mappings.models import Mapping
from mappings.services import map_customer
from notifications.models import Message
from orders.models import Order
from orders.pricing import WantedLine
from orders.services import place_order
from tests.cast import key_in_use

CUSTOMERS, MAPPINGS, ORDERS = "/v1/customers/", "/v1/mappings/", "/v1/orders/"
FORM = "application/x-www-form-urlencoded"
# Of the customer below; not to be found in any answer to somebody who may not read it.
PERSONAL = {
    "code": "SECRET-CODE",
    "name": "Secret Name",
    "first_name": "Secretfirst",
    "last_name": "Secretlast",
    "phone_number": "+254711000999",
    "document": "52998224725",
    "language": "sw",
    "time_zone": "Africa/Kampala",
}
DOMAIN = "known.example"


@pytest.fixture
def victim(db: None) -> Customer:
    """A customer about whom everything is known, with an id in an application."""
    customer = Customer.objects.create(domain=DOMAIN, **PERSONAL)
    map_customer(customer=customer.pk, app="amc", customer_app_id="victim")
    return customer


@pytest.fixture
def order(victim: Customer) -> Order:
    line = WantedLine(quantity=1, description="Secret laptop", unit_price=99)  # type: ignore[arg-type]
    return place_order(customer=victim.pk, lines=[line], code="SECRET-ORDER")


def with_scopes(scopes: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {key_in_use(name='K', scopes=scopes)}")
    return client


def person_with(*codenames: str, scope: str = "") -> APIClient:
    """Staff with these permissions; `scope` limits their token."""
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    token = issue(user).access
    if scope:
        AccessToken.objects.filter(user=user).update(scope=scope)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client


def everything() -> list[Any]:
    """All customers and mappings, as they are stored."""
    return [list(model._default_manager.order_by("pk").values()) for model in (Customer, Mapping)]


def assert_nothing_personal(answer: Any, *, but: tuple[str, ...] = ()) -> None:
    """No member of the victim's is in an answer, nor in its header fields."""
    said = answer.content.decode() + str(dict(answer.items()))
    for name, value in PERSONAL.items():
        if name not in {*but, "language"}:
            assert value not in said, name


# --- Writing customers through mappings --------------------------------------------------


@pytest.mark.parametrize(
    "members",
    [
        {"name": "Mallory"},
        {"phone_number": "0799999999"},
        {"document": None},
        {"domain": "mallory.example"},
        {"code": "MINE", "first_name": "M", "last_name": "Y", "language": "en"},
    ],
)
@pytest.mark.parametrize("format_", ["json", "multipart"])
@pytest.mark.parametrize("path", ["amc/victim/", "amc/victim", "amc/nobody/"])
def test_a_mapping_that_carries_members(
    victim: Customer, path: str, format_: str, members: dict[str, Any]
) -> None:
    before = everything()
    body = members if format_ == "json" else {k: v or "" for k, v in members.items()}

    answer = with_scopes("mappings:read mappings:write").put(
        f"{MAPPINGS}{path}", body, format=format_
    )

    refused = problem(answer, 403)
    assert refused["detail"] == "The credential lacks the scope customers:write."
    assert everything() == before


@pytest.mark.parametrize(
    ("path", "lacking"),
    [("amc/victim/", "change_customer"), ("amc/nobody/", "add_customer")],
)
def test_staff_who_may_write_mappings_alone(victim: Customer, path: str, lacking: str) -> None:
    before = everything()
    others = {"change_customer", "add_customer", "view_customer"} - {lacking}
    staff = person_with("view_mapping", "change_mapping", "add_mapping", *others)

    answer = staff.put(f"{MAPPINGS}{path}", {"name": "Mallory"})

    missing = f"Your user lacks the permission customers.{lacking}."
    assert problem(answer, 403)["detail"] == missing
    assert everything() == before


def test_a_token_for_mappings_of_somebody_who_may_do_everything(victim: Customer) -> None:
    before = everything()
    staff = person_with(
        *("change_mapping", "change_customer", "add_customer"), scope="openid mappings:write"
    )

    for path in ("amc/victim/", "amc/nobody/"):
        answer = staff.put(f"{MAPPINGS}{path}", {"name": "Mallory"})
        assert problem(answer, 403)["detail"] == "The credential lacks the scope customers:write."
    assert everything() == before


def test_an_identity_found_by_its_domain_through_a_mapping(victim: Customer) -> None:
    before = everything()

    answer = with_scopes("mappings:write").put(f"{MAPPINGS}edx/new/", {"domain": DOMAIN})

    problem(answer, 403)
    assert everything() == before


def test_both_rights_together_write(victim: Customer) -> None:
    client = with_scopes("mappings:write customers:write")

    changed = client.put(f"{MAPPINGS}amc/victim/", {"name": "New Name"})
    made = client.put(f"{MAPPINGS}edx/other/", {"name": "Other", "domain": "other.example"})

    victim.refresh_from_db()
    assert (changed.status_code, made.status_code) == (200, 201)
    assert victim.name == "New Name"
    assert set(changed.json()) == {"id", "app", "customer_app_id", "updated_at"}
    assert made.json()["domain"] == "other.example"


def test_a_mapping_without_members_leaves_the_customer_as_it_is(victim: Customer) -> None:
    before = everything()

    answer = with_scopes("mappings:write").put(f"{MAPPINGS}amc/victim/", {})

    assert answer.status_code == 200
    assert everything() == before


@pytest.mark.parametrize("rows", ['{"name": "Mallory", %s}', '{"phone_number": "0799999999", %s}'])
def test_rows_of_mappings_that_carry_members(victim: Customer, rows: str) -> None:
    """A file of mappings has no such columns."""
    before = everything()
    client = with_scopes("mappings:write imports:write imports:read")
    row = rows % '"app": "amc", "customer_app_id": "victim", "domain": "known.example"'
    file = BytesIO(row.encode())
    file.name = "rows.jsonl"

    started = client.post(
        "/v1/imports/", {"resource": "mappings", "file": file}, format="multipart"
    )
    while work(threading.Event()):
        pass

    shown = client.get(started.json()["url"].removeprefix("http://127.0.0.1:8000")).json()
    assert (shown["state"], shown["refused"], shown["updated"]) == ("done", 1, 0)
    assert everything() == before


# --- Reading customers by writing --------------------------------------------------------


@pytest.mark.parametrize("domain", [DOMAIN, "KNOWN.example."])
@pytest.mark.parametrize("others", [{}, {"name": "Mallory", "phone_number": "0799999999"}])
@pytest.mark.parametrize("format_", ["json", "multipart"])
def test_a_known_domain_is_posted(
    victim: Customer, domain: str, others: dict[str, str], format_: str
) -> None:
    before = everything()

    answer = with_scopes("customers:write").post(
        CUSTOMERS, {"domain": domain, **others}, format=format_
    )

    assert answer.status_code == 200
    assert answer.json() == {"id": str(victim.pk), "uuid": str(victim.pk), "domain": DOMAIN}
    assert_nothing_personal(answer)
    assert everything() == before


def test_a_known_domain_is_posted_by_people_who_may_not_read(victim: Customer) -> None:
    answer = person_with("add_customer").post(CUSTOMERS, {"domain": DOMAIN})

    assert set(answer.json()) == {"id", "uuid", "domain"}
    assert_nothing_personal(answer)


def test_a_domain_of_before_a_merge_is_posted(victim: Customer) -> None:
    gone = Customer.objects.create(domain="former.example")
    merge_customers(gone.pk, into=victim.pk, by="user:1")

    answer = with_scopes("customers:write").post(CUSTOMERS, {"domain": "former.example"})

    assert (answer.status_code, answer.json()["id"]) == (200, str(victim.pk))
    assert set(answer.json()) == {"id", "uuid", "domain"}
    assert_nothing_personal(answer)


def test_a_known_domain_is_posted_with_an_idempotency_key(victim: Customer) -> None:
    client = with_scopes("customers:write")
    first, again = (
        client.post(CUSTOMERS, {"domain": DOMAIN}, HTTP_IDEMPOTENCY_KEY="one") for _ in range(2)
    )

    assert again["Idempotency-Replayed"] == "true"
    assert again.content == first.content
    assert_nothing_personal(again)
    assert PERSONAL["phone_number"].encode() not in bytes(IdempotencyRecord.objects.get().body)


def test_who_may_read_is_shown_the_original(victim: Customer) -> None:
    answer = with_scopes("customers:write customers:read").post(CUSTOMERS, {"domain": DOMAIN})

    assert answer.json().items() >= PERSONAL.items()


def test_who_registers_somebody_is_shown_all_of_it(db: None) -> None:
    answer = with_scopes("customers:write").post(CUSTOMERS, {"name": "Acme", "domain": "a.example"})

    assert answer.status_code == 201
    assert answer.json()["code"].startswith("C-")
    assert (answer.json()["name"], answer.json()["phone_number"]) == ("Acme", "")


@pytest.mark.parametrize("method", ["put", "patch"])
@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"id": "x", "created_at": "x", "merged_from": "x"},
        {"language": "en"},
    ],
)
def test_a_change_of_little(victim: Customer, method: str, sent: dict[str, str]) -> None:
    answer = getattr(with_scopes("customers:write"), method)(f"{CUSTOMERS}{victim.pk}/", sent)

    assert answer.status_code == 200
    assert set(answer.json()) == {"id", "uuid", "updated_at"} | ({"language"} & set(sent))
    assert_nothing_personal(answer)
    assert "ETag" in answer


def test_the_etag_tells_nothing_of_what_is_not_shown(victim: Customer) -> None:
    """A digest of the whole row would let its phone be guessed, offline."""
    answer = with_scopes("customers:write").patch(f"{CUSTOMERS}{victim.pk}/", {"language": "en"})

    assert answer["ETag"] == etag_of(answer.json())


def test_the_etag_of_a_row_that_was_found(victim: Customer) -> None:
    answer = with_scopes("customers:write").post(CUSTOMERS, {"domain": DOMAIN})

    victim.refresh_from_db()
    assert answer["ETag"] == etag_of({**answer.json(), "updated_at": victim.updated_at})


@pytest.mark.parametrize("prefer", ["into", "merged"])
def test_a_merge(victim: Customer, prefer: str) -> None:
    mine = Customer.objects.create(name="Mine")

    answer = with_scopes("customers:write").post(
        f"{CUSTOMERS}{mine.pk}/merge/", {"into": str(victim.pk), "prefer": prefer}
    )

    assert set(answer.json()) == {"id", "uuid", "updated_at"}
    assert_nothing_personal(answer)


@pytest.mark.parametrize(
    ("scopes", "detail"),
    [
        ("customers:write", "Both have an id in amc."),
        ("customers:write customers:read", "Both have an id in amc."),
        ("customers:write mappings:read", "Both have an id in amc: victim and mine."),
        ("write read", "Both have an id in amc: victim and mine."),
    ],
)
def test_a_merge_that_is_refused(victim: Customer, scopes: str, detail: str) -> None:
    """Ids in applications are for those who may read mappings."""
    mine = Customer.objects.create(name="Mine")
    map_customer(customer=mine.pk, app="amc", customer_app_id="mine")

    answer = with_scopes(scopes).post(f"{CUSTOMERS}{mine.pk}/merge/", {"into": str(victim.pk)})

    refused = problem(answer, 409)
    assert [error["detail"] for error in refused["errors"]] == [detail]
    assert refused["detail"] == f"They cannot be merged: {detail}"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "M", "document": PERSONAL["document"]}, "document"),
        ({"name": "M", "code": PERSONAL["code"]}, "code"),
    ],
)
def test_a_conflict_does_not_say_with_whom(
    victim: Customer, body: dict[str, str], field: str
) -> None:
    answer = with_scopes("customers:write").post(CUSTOMERS, body)

    assert wrong_fields(answer, 409) == {field: "unique"}
    assert problem(answer, 409)["detail"] == f"Another customer has this {field}."
    assert_nothing_personal(answer)
    assert str(victim.pk) not in answer.content.decode()


# --- Reading customers by orders, mappings and messages ----------------------------------

LAPTOP = {"item": "Laptop", "amount": "1.00"}


@pytest.mark.parametrize("named", ["code", "id"])
def test_an_order_for_somebody(victim: Customer, named: str) -> None:
    body: dict[str, Any] = {"customer_code": PERSONAL["code"], **LAPTOP}
    if named == "id":
        line = {"description": "Laptop", "quantity": 1, "unit_price": "1.00"}
        body = {"customer": str(victim.pk), "lines": [line]}

    answer = with_scopes("orders:write").post(ORDERS, body)

    assert answer.status_code == 201
    assert (answer.json()["total"], answer.json()["customer_id"]) == ("1.00", str(victim.pk))
    assert_nothing_personal(answer, but=("code",) if named == "code" else ())


def test_an_order_for_somebody_by_who_may_read_orders(victim: Customer) -> None:
    body = {"customer_code": PERSONAL["code"], **LAPTOP}

    answer = with_scopes("orders:write orders:read").post(ORDERS, body)

    assert answer.json()["customer_phone"] == PERSONAL["phone_number"]


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"customer_phone": "", "customer_name": "", "item_name": "", "id": "x"},
        {"amount": "2.00"},
        {"status": "ready"},
    ],
)
@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_change_of_somebodys_order(order: Order, method: str, sent: dict[str, Any]) -> None:
    answer = getattr(with_scopes("orders:write"), method)(f"{ORDERS}{order.pk}/", sent)

    assert answer.status_code == 200
    assert set(answer.json()) == {"id", "updated_at"} | ({"amount", "status"} & set(sent))
    assert b"ecret" not in answer.content
    assert b"SECRET" not in answer.content


def test_a_form_that_changes_somebodys_order(order: Order) -> None:
    answer = with_scopes("orders:write").patch(
        f"{ORDERS}{order.pk}/", "status=ready", content_type=FORM
    )

    assert set(answer.json()) == {"id", "status", "updated_at"}


@pytest.mark.parametrize(
    "body", [{}, {"customer_phone": "", "lines": [], "amount": "1"}, [{"customer_phone": ""}], []]
)
def test_a_cancellation_of_somebodys_order(order: Order, body: Any) -> None:
    """It takes no body: what one names was not written, and is not shown."""
    answer = with_scopes("orders:write").post(f"{ORDERS}{order.pk}/cancel/", body, format="json")

    assert set(answer.json()) == {"id", "updated_at"}


@pytest.mark.parametrize("body", [{}, {"to": "", "text": "", "customer_id": ""}, ["to"]])
def test_a_message_that_is_sent_again(order: Order, body: Any) -> None:
    message = Message.objects.get(order=order)
    Message.objects.filter(pk=message.pk).update(status="failed")

    answer = with_scopes("notifications:write").post(
        f"/v1/notifications/{message.pk}/resend/", body, format="json"
    )

    assert (answer.status_code, set(answer.json())) == (200, {"id", "updated_at"})
    assert_nothing_personal(answer)


@pytest.mark.parametrize("body", [{}, {"id": "x", "domain": "x"}])
def test_a_mapping_that_is_written_tells_no_domain(victim: Customer, body: dict[str, str]) -> None:
    client = with_scopes("mappings:write")
    wanted = {"customer": str(victim.pk), "app": "edx", "customer_app_id": "x"}

    answers = [client.post(MAPPINGS, wanted) for _ in range(2)]
    answers.append(client.put(f"{MAPPINGS}amc/victim/", {"customer": str(victim.pk)}))

    assert [answer.status_code for answer in answers] == [201, 200, 200]
    for answer in answers:
        assert DOMAIN not in answer.content.decode()
        assert_nothing_personal(answer)


@pytest.mark.parametrize(
    "scopes", ["mappings:read", "mappings:read orders:read notifications:read"]
)
def test_a_query_without_the_right_to_read_customers(victim: Customer, scopes: str) -> None:
    client = with_scopes(scopes)
    known = {"id": str(victim.pk), "uuid": str(victim.pk), "domain": DOMAIN}

    one = client.get("/v1/query/amc/victim")
    many = client.post(
        "/v1/query/",
        [{"app": "amc", "customer_app_id": there} for there in ("victim", "nobody", "victim")],
    )

    assert one.json() == known
    assert many.json() == [known, None, known]
    for answer in (one, many):
        assert_nothing_personal(answer)
    victim.refresh_from_db()
    assert one["ETag"] == etag_of({**known, "updated_at": victim.updated_at})
    assert client.get("/v1/query/amc/victim", HTTP_IF_NONE_MATCH=one["ETag"]).status_code == 304


def test_a_query_for_members_that_are_not_shown(victim: Customer) -> None:
    answer = with_scopes("mappings:read").get("/v1/query/amc/victim?fields=phone_number,domain")

    assert answer.json() == {"domain": DOMAIN}


def test_a_query_with_the_right_to_read_customers(victim: Customer) -> None:
    client = with_scopes("mappings:read customers:read")

    assert client.get("/v1/query/amc/victim").json().items() >= PERSONAL.items()


def test_a_token_for_queries_of_somebody_who_may_read_everything(victim: Customer) -> None:
    staff = person_with("view_customer", "view_mapping", scope="openid mappings:read")

    answer = staff.get("/v1/query/amc/victim")

    assert set(answer.json()) == {"id", "uuid", "domain"}


# --- The answer to a request that is repeated ---------------------------------------------------


def test_a_credential_for_less_is_shown_less_of_a_repeated_answer(victim: Customer) -> None:
    """The key has lost `read` since, or the same user's token for another client never had it."""
    key = key_in_use(name="K", scopes="read write")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {key}", HTTP_IDEMPOTENCY_KEY="once")
    wanted = {"customer_code": victim.code, "item": "Pen", "amount": "1.00"}

    first = client.post(ORDERS, wanted)
    whole = client.post(ORDERS, wanted)
    ApiKey.objects.update(scopes="orders:write")
    forget_all()
    less = client.post(ORDERS, wanted)

    assert (first.status_code, whole.status_code, less.status_code) == (201, 201, 201)
    assert whole["Idempotency-Replayed"] == less["Idempotency-Replayed"] == "true"
    assert whole.content == first.content
    assert whole["ETag"] == first["ETag"]
    assert first.json()["customer_phone"] == victim.phone_number
    hidden = {"customer_name", "customer_first_name", "customer_last_name", "customer_phone"}
    assert set(first.json()) - set(less.json()) == hidden
    assert less.json()["id"] == first.json()["id"]
    assert less["ETag"] not in {"", first["ETag"]}
    assert Order.objects.count() == 1
