"""It answers alike under /v1, /api and /api/v1, with and without the slash, for any method."""

from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from rest_framework.test import APIClient

from common.tests.problems import problem

BASES = pytest.mark.parametrize("base", ["/v1", "/api", "/api/v1"])
SLASHES = pytest.mark.parametrize("slash", ["", "/"])
ENDPOINTS = {
    *("apps", "customers", "imports", "items", "mappings", "notifications", "orders", "query"),
}


@BASES
@SLASHES
def test_answers_every_method(partner: APIClient, base: str, slash: str) -> None:
    created = partner.post(f"{base}/customers{slash}", {"name": "John Doe"})
    assert created.status_code == 201
    one = f"{base}/customers/{created.json()['id']}{slash}"

    assert partner.get(f"{base}/customers{slash}").json() == [created.json()]
    assert partner.get(one).json() == created.json()
    assert partner.patch(one, {"name": "Jane Doe"}).json()["name"] == "Jane Doe"
    assert partner.put(one, {"code": "CUST001"}).json()["code"] == "CUST001"
    assert partner.delete(one).status_code == 204
    assert apps.get_model("customers", "Customer").objects.count() == 0


@BASES
@SLASHES
def test_answers_the_paths_below_a_resource(
    partner: APIClient, john: Any, savannah_order: dict[str, Any], base: str, slash: str
) -> None:
    order = partner.post(f"{base}/orders{slash}", savannah_order).json()

    by_code = f"{base}/orders/by-customer{slash}?customer_code=CUST001"
    by_id = f"{base}/orders/customer/{john.pk}{slash}"
    assert partner.get(by_code).json() == partner.get(by_id).json() == [order]
    cancelled = partner.post(f"{base}/orders/{order['id']}/cancel{slash}")
    assert cancelled.json()["status"] == "cancelled"


@BASES
@SLASHES
def test_lists_the_endpoints_without_credentials(
    stranger: APIClient, base: str, slash: str
) -> None:
    response = stranger.get(f"{base}{slash}")

    assert response.status_code == 200
    assert response.json().keys() >= ENDPOINTS
    assert response.json()["orders"] == f"http://testserver{base}/orders"


@BASES
@pytest.mark.parametrize("path", ["nothing", "nothing/", "orders/x/nothing", "orders//", "/", ".."])
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_knows_nothing_else(stranger: APIClient, base: str, path: str, method: str) -> None:
    body = problem(getattr(stranger, method)(f"{base}/{path}"), 404)

    assert (body["code"], body["detail"]) == ("not_found", "There is nothing at this address.")


@pytest.mark.parametrize("path", ["/nothing", "/v2/orders/", "/v1x", "/v", "/orders/"])
def test_knows_no_other_base(client: Client, path: str) -> None:
    assert problem(client.get(path), 404)["code"] == "not_found"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "orders/"),
        ("PATCH", "customers"),
        ("DELETE", "items/"),
        ("POST", "orders/x/"),
        ("POST", "notifications/"),
        ("DELETE", "notifications/x"),
        ("GET", "orders/x/cancel"),
        ("TRACE", "orders/"),
        ("BREW", "orders/"),
        ("DISPATCH", "orders/"),
        ("QUERYSET", "orders/"),
        ("RESOURCE", "orders/"),
    ],
)
def test_refuses_a_method(partner: APIClient, method: str, path: str) -> None:
    partner.raise_request_exception = False

    response = partner.generic(method, f"/v1/{path}")

    assert problem(response, 405)["code"] == "method_not_allowed"
    assert "GET" in response["Allow"] or "cancel" in path


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_has_a_root_that_is_read(stranger: APIClient, method: str) -> None:
    problem(getattr(stranger, method)("/v1/"), 405)


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "text/json", "x"])
def test_refuses_a_kind_of_body(partner: APIClient, content_type: str) -> None:
    response = partner.generic("POST", "/v1/customers/", '{"name": "x"}', content_type=content_type)

    assert problem(response, 415)["code"] == "unsupported_media_type"
    assert apps.get_model("customers", "Customer").objects.count() == 0


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/*"])
def test_has_no_other_kind_of_answer(partner: APIClient, accept: str, method: str) -> None:
    call = getattr(partner, method)

    assert problem(call("/v1/customers/", {}, HTTP_ACCEPT=accept), 406)["code"] == "not_acceptable"
    assert apps.get_model("customers", "Customer").objects.count() == 0


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "application/*", "text/html,*/*;q=0.1"]
)
def test_answers_in_json(partner: APIClient, accept: str) -> None:
    response = partner.get("/v1/customers/", HTTP_ACCEPT=accept)

    assert (response.status_code, response["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize("detail", [False, True])
def test_says_what_may_be_done(partner: APIClient, john: Any, detail: bool) -> None:
    response = partner.options(f"/v1/customers/{john.pk}/" if detail else "/v1/customers/")

    assert response.status_code == 200
    assert ("DELETE" in response["Allow"]) is detail


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("resource", ["customers", "items", "orders"])
def test_says_what_may_be_done_outside_a_transaction(
    partner: APIClient, john: Any, shirt: Any, savannah_order: dict[str, Any], resource: str
) -> None:
    partner.post("/v1/orders/", savannah_order)
    one = partner.get(f"/v1/{resource}/").json()[0]["id"]

    response = partner.options(f"/v1/{resource}/{one}")

    assert response.status_code == 200
    assert partner.head(f"/v1/{resource}/{one}").status_code == 200


def test_answers_a_head_without_a_body(partner: APIClient, john: Any) -> None:
    response = partner.head("/v1/customers/")

    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("path", ["/admin", "/admin/"])
def test_leads_to_the_admin(client: Client, path: str) -> None:
    assert client.get(path)["Location"].startswith("/admin/")
