"""It lets no request be too big, too deep, or too long under way."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as configured
from django.db import connection, connections
from django.db.backends.signals import connection_created
from django.db.utils import OperationalError
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from common.parsers import DEEPEST
from common.statement_timeout import limit_statements, set_timeout
from common.tests.problems import problem, wrong_fields
from items.models import Item
from tests.cast import key_in_use

ITEMS, ORDERS = "/v1/items/", "/v1/orders/"
KEY = {"HTTP_IDEMPOTENCY_KEY": "the-key"}
POSTGRES = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has no statement timeout"
)


def body_of(size: int, kind: str) -> str:
    """A body of an item, of so many bytes."""
    match kind:
        case "application/json":
            body = '{"price": 1, "name": "%s"}'
        case "application/x-www-form-urlencoded":
            body = "price=1&name=%s"
        case _:
            part = '--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
            body = part % ("price", "1") + part % ("name", "%s") + "--b--\r\n"
    return body % ("x" * (size - len(body) + 2))


@pytest.mark.parametrize(
    "kind",
    ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"],
)
@pytest.mark.parametrize("headers", [{}, KEY], ids=["", "with a key"])
def test_refuses_a_body_that_is_too_large(
    partner: APIClient, settings: Settings, kind: str, headers: dict[str, Any]
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    multipart = kind.startswith("multipart")

    allowed = partner.post(ITEMS, body_of(1000, kind), content_type=kind, **headers)
    # Of a multipart body the fields are counted, not what stands around them.
    too_large = body_of(1300 if multipart else 1001, kind)
    refused = partner.post(ITEMS, too_large, content_type=kind, **headers)

    # As far as its size goes: the name is too long.
    assert wrong_fields(allowed) == {"name": "max_length"}
    assert problem(refused, 413)["code"] == "too_large"
    assert not Item.objects.exists()


def test_allows_two_and_a_half_megabytes(partner: APIClient) -> None:
    assert configured.DATA_UPLOAD_MAX_MEMORY_SIZE == 2_500_000
    body = body_of(2_500_001, "application/json")

    problem(partner.post(ITEMS, body, content_type="application/json"), 413)


def nested(depth: int, innermost: str, form: str) -> str:
    """JSON with so many arrays or objects around the innermost value, in an item's name."""
    opening, closing = ('{"a": ', "}") if form == "objects" else ("[", "]")
    return f'{{"name": {opening * (depth - 1)}{innermost}{closing * (depth - 1)}, "price": 1}}'


@pytest.mark.parametrize("form", ["arrays", "objects"])
@pytest.mark.parametrize(
    ("innermost", "around"), [("1", 0), ("[]", 1), ("{}", 1)], ids=["value", "array", "object"]
)
def test_refuses_json_that_is_too_deep(
    partner: APIClient, form: str, innermost: str, around: int
) -> None:
    """It judges 32 levels by their fields, whether there is anything in the last or not."""

    def post(depth: int) -> Any:
        body = nested(depth - around, innermost, form)
        return partner.post(ITEMS, body, content_type="application/json")

    assert DEEPEST == 32
    assert wrong_fields(post(32)) == {"name": "invalid"}
    for depth in (33, 34, 500, 100_000):
        refused = problem(post(depth), 400)
        assert refused["detail"] == "The JSON is nested too deeply."
        assert refused["code"] == "parse_error"
    assert not Item.objects.exists()


def test_refuses_json_that_is_nothing_but_brackets(partner: APIClient) -> None:
    def post(depth: int) -> Any:
        return partner.post(ITEMS, "[" * depth + "]" * depth, content_type="application/json")

    assert wrong_fields(post(32)) != {}
    assert problem(post(33), 400)["detail"] == "The JSON is nested too deeply."


@pytest.fixture
def limited(db: None) -> Iterator[None]:
    """The connection of the test, with the limit of a web process; too small to sleep."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        before = cursor.fetchone()[0]
        cursor.execute("SET statement_timeout = '50ms'")
        yield
        cursor.execute("SET statement_timeout = %s", [before])


@POSTGRES
@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize("headers", [{}, KEY], ids=["", "with a key"])
def test_gives_up_a_statement_that_takes_too_long(
    partner: APIClient, monkeypatch: pytest.MonkeyPatch, headers: dict[str, Any]
) -> None:
    create = Item.objects.create

    def slow(**members: Any) -> Item:
        item = create(**members)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(5)")
        return item

    with monkeypatch.context() as patch:
        patch.setattr("items.serializers.Item.objects.create", slow)
        response = partner.post(ITEMS, {"name": "Pen", "price": 1}, **headers)

    refused = problem(response, 503)
    assert (refused["code"], response["Retry-After"]) == ("unavailable", "1")
    assert refused["detail"] == "The service is busy. Try again in a moment."
    assert not Item.objects.exists()
    again = partner.post(ITEMS, {"name": "Pen", "price": 1}, **headers)
    assert again.status_code == 201


@POSTGRES
@pytest.mark.django_db(transaction=True)
def test_limits_the_statements_of_a_web_process(settings: Settings) -> None:
    settings.STATEMENT_TIMEOUT_SECONDS = 7

    def timeouts() -> dict[str, str]:
        connection.close()
        with connection.cursor() as cursor:
            shown = {}
            for name in ("statement_timeout", "lock_timeout"):
                cursor.execute(f"SHOW {name}")
                shown[name] = cursor.fetchone()[0]
        return shown

    assert timeouts() == {"statement_timeout": "0", "lock_timeout": "5s"}
    limit_statements()
    try:
        assert timeouts() == {"statement_timeout": "7s", "lock_timeout": "5s"}
    finally:
        connection_created.disconnect(set_timeout, dispatch_uid="common.statement_timeout")
        connection.close()


def test_leaves_other_databases_alone() -> None:
    class Other:
        vendor = "sqlite"

    set_timeout(Other())


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("get", ITEMS, None),
        ("get", f"{ITEMS}01890a5d-ac96-774b-bcce-b302099a8057/", None),
        ("post", ITEMS, {"name": "Pen", "price": 1}),
        ("patch", f"{ITEMS}01890a5d-ac96-774b-bcce-b302099a8057/", {"price": 1}),
        ("delete", f"{ITEMS}01890a5d-ac96-774b-bcce-b302099a8057/", None),
        ("get", f"{ORDERS}by-customer/?customer_code=CUST001", None),
    ],
)
@pytest.mark.parametrize("credential", ["unknown", "remembered"])
def test_asks_for_patience_while_the_database_is_away(
    db: None, monkeypatch: pytest.MonkeyPatch, credential: str, method: str, path: str, *, body: Any
) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {key_in_use(name='P', scopes='read write')}")
    if credential == "remembered":
        client.get(ITEMS)

    def away(*args: Any, **kwargs: Any) -> None:
        raise OperationalError('connection to server at "10.0.0.7", port 5432 failed')

    with monkeypatch.context() as patch:
        for name in ("cursor", "savepoint", "set_autocommit"):
            patch.setattr(type(connections["default"]), name, away)
        response = getattr(client, method)(path, body)

    refused = problem(response, 503)
    assert (refused["code"], response["Retry-After"]) == ("unavailable", "1")
    assert "10.0.0.7" not in response.content.decode()
    assert not Item.objects.exists()
