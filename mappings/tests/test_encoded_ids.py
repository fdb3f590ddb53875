"""It takes what is encoded in an address for data: only a raw `/` at the end is optional."""

import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, make_server

import pytest
import requests
from django.core.wsgi import get_wsgi_application
from django.db import connections
from rest_framework.test import APIClient

from customers.models import Customer
from mappings.models import App, Mapping
from tests.faults.server import Server
from tests.processes import ROOT

BASES = pytest.mark.parametrize("base", ["/v1", "/api", "/api/v1"])
URL = "https://app.example/u/7"
# granian's WSGI interface gives a decoded path only.
GIVES_RAW_PATHS = "--interface wsgi" not in (ROOT / "Procfile").read_text()


@pytest.fixture
def two(db: None) -> tuple[Customer, Customer]:
    """Two customers whose ids in amc differ by the slash at the end."""
    # The tests that commit leave none behind.
    app, _ = App.objects.get_or_create(slug="amc", defaults={"name": "AMC"})
    App.objects.get_or_create(slug="edx", defaults={"name": "edX"})
    found = []
    for name, there in (("A", URL), ("B", f"{URL}/")):
        customer = Customer.objects.create(code=name, name=name)
        Mapping.objects.create(customer=customer, app=app, customer_app_id=there)
        found.append(customer)
    return found[0], found[1]


def call(client: APIClient, method: str, path: str, *args: Any, **more: Any) -> Any:
    """An answer to what a server that gives the raw path would hand over."""
    return getattr(client, method)(path, *args, REQUEST_URI=path, **more)


def encoded(text: str) -> str:
    return quote(text, safe="")


@BASES
@pytest.mark.parametrize(
    ("path", "name"),
    [
        (encoded(URL), "A"),
        (encoded(URL) + "/", "A"),
        (encoded(URL + "/"), "B"),
        (encoded(URL + "/").lower(), "B"),
        (encoded(URL + "/") + "/", "B"),
        (URL, "A"),
        (f"{URL}/", "A"),
        (f"{URL}//", "B"),
        ("https:%2f/app.example/u/7%2F", "B"),
        (encoded(URL + "/") + "?fields=code", "B"),
        (encoded(URL + "//"), None),
        (encoded(encoded(URL)), None),
    ],
)
def test_finds_exactly_this_id(
    partner: APIClient, two: tuple[Customer, Customer], base: str, path: str, name: str | None
) -> None:
    query = call(partner, "get", f"{base}/query/amc/{path}")
    mapping = call(partner, "get", f"{base}/mappings/amc/{path}".partition("?")[0])

    assert (query.status_code, mapping.status_code) == ((200, 200) if name else (404, 404))
    if name:
        assert query.json()["code"] == name
        assert mapping.json()["customer_app_id"] == (URL if name == "A" else f"{URL}/")


ODD = ["a/", "/a", "/", "//", "a//b//", "a%2F", "a%252F", "%", "%2F", "a;b", "a+b", "a b", " a ",
       "a?b", "a#b", "a&b=c", "é", "\u202e", "日本", "😀", ".", "..", "a/../b", "../a", "a/.",
       "a\\b", "\x01", "\n", "x" * 255, "%FF"]  # fmt: skip


@BASES
@pytest.mark.parametrize("there", ODD)
def test_stores_shows_and_deletes_exactly_this_id(
    partner: APIClient, john: Customer, base: str, there: str
) -> None:
    path = f"{base}/mappings/amc/{encoded(there)}"

    for slash in ("", "/"):
        made = call(partner, "put", f"{path}{slash}", {"customer": str(john.pk)})
        assert (made.status_code, made.json()["customer_app_id"]) == (200 if slash else 201, there)
        found = call(partner, "get", f"{base}/query/amc/{encoded(there)}{slash}")
        assert found.json()["id"] == str(john.pk)
    assert Mapping.objects.get().customer_app_id == there
    assert call(partner, "delete", path).status_code == 204
    assert not Mapping.objects.exists()


def test_deletes_the_one_that_is_meant(partner: APIClient, two: tuple[Customer, Customer]) -> None:
    call(partner, "delete", f"/v1/mappings/amc/{encoded(URL + '/')}")

    assert Mapping.objects.get().customer_app_id == URL


def test_changes_the_one_that_is_meant(partner: APIClient, two: tuple[Customer, Customer]) -> None:
    call(partner, "put", f"/v1/mappings/amc/{encoded(URL + '/')}/", {"name": "Changed"})

    assert list(Customer.objects.order_by("code").values_list("name", flat=True)) == [
        "A",
        "Changed",
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/query/amc/a%00b",
        "/v1/query/amc/%00",
        "/v1/query/amc/%ff",
        "/v1/query/amc/%C3",
        "/v1/query/amc/%ED%A0%80",
        "/v1/query%2Famc/j",
        "/v1%2Fquery/amc/j",
        "/v1/query/amc%2Fj",
        "/v1/query/amc%2Fx/j",
        "/v1/query/%61mc%2Fj",
    ],
)
@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_knows_no_other_address(partner: APIClient, john: Customer, path: str, method: str) -> None:
    app = App.objects.get(slug="amc")
    for there, customer in (("j", john), ("x/j", Customer.objects.create(name="Ann"))):
        Mapping.objects.create(customer=customer, app=app, customer_app_id=there)
    where = path.replace("query", "mappings") if method != "get" else path

    answer = call(partner, method, where, *([{"name": "x"}] if method == "put" else []))

    assert answer.status_code == 404
    assert Mapping.objects.count() == 2
    assert set(Customer.objects.values_list("name", flat=True)) == {"John Doe", "Ann"}


def test_takes_an_encoded_letter_for_the_letter(partner: APIClient, john: Customer) -> None:
    call(partner, "put", "/v1/mappings/%61mc/%6A", {"customer": str(john.pk)})

    assert call(partner, "get", "/v1/query/amc/j").json()["id"] == str(john.pk)


# --- Where the server does not say what was sent --------------------------------------


def test_takes_an_id_that_is_known_for_meant(
    partner: APIClient, two: tuple[Customer, Customer]
) -> None:
    for there, name in ((URL, "A"), (f"{URL}/", "B"), (f"{URL}//", "B")):
        assert partner.get(f"/v1/query/amc/{encoded(there)}").json()["code"] == name
    Mapping.objects.filter(customer_app_id=f"{URL}/").delete()
    assert partner.get(f"/v1/query/amc/{encoded(URL)}/").json()["code"] == "A"


@pytest.mark.parametrize(
    "uri", ["/v1/query/amc/other", "/x/v1/query/amc/a%2F", "\u20ac", "http://x", "%"]
)
def test_believes_no_other_path(partner: APIClient, john: Customer, uri: str) -> None:
    app = App.objects.get(slug="amc")
    Mapping.objects.create(customer=john, app=app, customer_app_id="a")

    assert partner.get("/v1/query/amc/a/", REQUEST_URI=uri).json()["id"] == str(john.pk)


def test_takes_a_uri_with_its_host(partner: APIClient, two: tuple[Customer, Customer]) -> None:
    path = f"/v1/query/amc/{encoded(URL + '/')}"

    answer = partner.get(path, REQUEST_URI=f"http://klanten.example{path}?x")

    assert answer.json()["code"] == "B"


# --- Over a socket --------------------------------------------------------------------


class RawPathHandler(WSGIRequestHandler):
    """Python's own server, with the raw path, as gunicorn and others give it."""

    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), "REQUEST_URI": self.path}

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name there
        pass


@pytest.fixture
def simple_server(transactional_db: None) -> Iterator[str]:
    application = get_wsgi_application()

    def answer(environ: Any, start: Any) -> Any:
        try:
            return application(environ, start)
        finally:
            connections.close_all()

    ServerHandler.http_version = "1.1"
    with make_server("127.0.0.1", 0, answer, handler_class=RawPathHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def ask_for_both(url: str, key: str) -> None:
    headers = {"Authorization": f"Api-Key {key}"}
    for there, name in ((URL, "A"), (f"{URL}/", "B")):
        for slash in ("", "/"):
            path = f"{url}/v1/query/amc/{encoded(there)}{slash}"
            assert requests.get(path, headers=headers, timeout=10).json()["code"] == name
    new = f"{url}/v1/mappings/edx/{encoded('new/')}"
    members = {"name": "New"}
    made = requests.put(new, json=members, headers=headers, timeout=10)
    assert (made.status_code, made.json()["customer_app_id"]) == (201, "new/")
    assert requests.delete(unquote(new), headers=headers, timeout=10).status_code == 404
    assert requests.delete(new, headers=headers, timeout=10).status_code == 204


def test_over_a_server_that_gives_the_raw_path(
    simple_server: str, key: str, two: tuple[Customer, Customer]
) -> None:
    ask_for_both(simple_server, key)


@pytest.mark.skipif(not GIVES_RAW_PATHS, reason="the web server gives decoded paths only")
@pytest.mark.django_db(transaction=True)
def test_over_our_own_server(key: str, two: tuple[Customer, Customer]) -> None:
    server = Server(key)
    server.start()
    try:
        ask_for_both(server.url(""), key)
    finally:
        server.kill()
