"""Small requests with huge answers: what an error repeats, and how many there are, is bounded.

220,000 unknown members gave an answer of 15 MB, and took 2.4 GB of memory.
"""

import json
from typing import Any

import pytest
from rest_framework.test import APIClient

from common.tests.problems import problem
from customers.models import Customer
from items.models import Item

pytestmark = pytest.mark.django_db
BODIES: list[tuple[str, Any]] = [
    ("/v1/customers/", {f"{number:x}": 1 for number in range(220_000)}),
    ("/v1/orders/", {"lines": [{f"{number:x}": 1 for number in range(220_000)}]}),
    ("/v1/orders/", {"lines": [{}] * 220_000}),
    ("/v1/query/", [{}] * 220_000),
    ("/v1/query/", [[]] * 220_000),
    ("/v1/customers/", {"name": {f"{number:x}": {} for number in range(110_000)}}),
    ("/v1/customers/", list(range(220_000))),
]


@pytest.mark.parametrize(("path", "body"), BODIES, ids=range(len(BODIES)))
def test_refuses_more_members_than_anybody_needs(partner: APIClient, path: str, body: Any) -> None:
    content = json.dumps(body, separators=(",", ":"))
    answer = partner.post(path, content, content_type="application/json")

    assert problem(answer, 400)["detail"] == "The JSON has more than 10,000 members and elements."
    assert len(answer.content) < 500


@pytest.mark.parametrize("count", [100, 101, 9_000])
def test_lists_a_hundred_errors(partner: APIClient, count: int) -> None:
    answer = partner.post("/v1/customers/", {f"m{number}": 1 for number in range(count)})

    errors = problem(answer, 400)["errors"]
    assert len(errors) == 100
    assert len({error["field"] for error in errors}) == 100
    assert len(answer.content) < 20_000
    last = {"field": "", "code": "more", "detail": f"{count - 99} more errors are not listed."}
    assert (errors[-1] == last) is (count > 100)


def test_lists_a_hundred_errors_of_lines(partner: APIClient) -> None:
    lines = [{f"m{number}": 1 for number in range(90)}] * 100
    answer = partner.post("/v1/orders/", {"customer_code": "C", "lines": lines})

    assert len(problem(answer, 400)["errors"]) == 100
    assert len(answer.content) < 20_000


def test_lists_a_hundred_errors_of_a_query_string(partner: APIClient) -> None:
    query = "&".join(f"m{number}=1" for number in range(900))
    answer = partner.get(f"/v1/customers/?{query}")

    assert len(problem(answer, 400)["errors"]) == 100


@pytest.mark.parametrize("name", ["x" * 2_000_000, "\U0001f4a9" * 200_000, "\ud800" * 300_000])
def test_repeats_the_beginning_of_a_name(partner: APIClient, name: str) -> None:
    answer = partner.post("/v1/customers/", json.dumps({name: 1}), content_type="application/json")

    (error,) = problem(answer, 400)["errors"]
    assert error["field"].endswith("…")
    assert len(error["field"]) == 200
    assert len(answer.json()["detail"]) == 500
    assert len(answer.content) < 10_000


@pytest.mark.parametrize(
    ("path", "member"), [("/v1/items/", "size"), ("/v1/items/", "price"), ("/v1/orders/", "status")]
)
def test_repeats_no_long_value(partner: APIClient, path: str, member: str) -> None:
    answer = partner.post(path, {member: "x" * 1_000_000})

    problem(answer, 400)
    assert len(answer.content) < 10_000


def test_repeats_no_long_name_that_comes_twice(partner: APIClient) -> None:
    name = "x" * 1_000_000
    answer = partner.post(
        "/v1/items/", f'{{"{name}": 1, "{name}": 2}}', content_type="application/json"
    )

    problem(answer, 400)
    assert len(answer.content) < 2_000


def test_takes_what_somebody_may_need(partner: APIClient, john: Customer, shirt: Item) -> None:
    pen = {"description": "Pen", "quantity": 1, "unit_price": "1.00"}
    pairs = [{"app": "amc", "customer_app_id": str(number)} for number in range(1000)]

    assert (
        partner.post("/v1/orders/", {"customer_code": "CUST001", "lines": [pen] * 100}).status_code
        == 201
    )
    assert partner.post("/v1/query/", pairs).status_code == 200
