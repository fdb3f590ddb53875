"""What is asked, of whom, and what the answer is judged by. A new scenario is one entry here."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from benchmarks import data
from benchmarks.load import Ask

# So many different requests, in an order that is the same in each run.
DIFFERENT = 5000
LIMIT = "pgbench"


@dataclass(frozen=True, slots=True)
class Contender:
    """Who is asked: a server, and the kind of credential that is shown to it."""

    name: str
    server: str | None
    title: str
    credential: str = "key"


PRODUCT = Contender("klanten", "klanten", "Klanten")
BEARER = Contender("klanten-bearer", "klanten", "Klanten, bearer token", credential="bearer")
FASTAPI = Contender("fastapi", "fastapi", "(a) FastAPI + SQLAlchemy")
DJANGO = Contender("django", "django", "(b) Django + DRF")
DJANGO_KEPT = Contender("django-kept", "django-kept", "(b) with kept connections")
PGBENCH = Contender(LIMIT, None, "limit: pgbench")
# In the order of their turns.
CONTENDERS = (PRODUCT, BEARER, FASTAPI, DJANGO, DJANGO_KEPT, PGBENCH)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of request. `goals` are the least ratios of Klanten's rate to a contender's."""

    name: str
    title: str
    asks: Callable[[int], Sequence[Ask]]
    goals: Mapping[str, float] = field(default_factory=dict)
    writes: bool = False
    # In the OpenAPI document; without it the scenario is left out, and the table says so.
    route: str | None = None


def chosen(rows: int) -> list[int]:
    """Numbers of rows, all over the table."""
    random = Random(rows)  # noqa: S311 - a sample, not a secret
    return [random.randint(1, rows) for _ in range(min(DIFFERENT, rows))]


def new_orders(rows: int) -> list[Ask]:
    """Orders as Savannah's clients place them."""
    return [
        Ask(
            "/v1/orders/",
            "POST",
            json.dumps(
                {
                    "customer_code": data.customer_code(n),
                    "item": f"Laptop Computer {n % 1000}",
                    "amount": f"{100 + n % 100_000 / 100:.2f}",
                }
            ),
        )
        for n in chosen(rows)
    ]


def order_details(rows: int) -> list[Ask]:
    return [Ask(f"/v1/orders/{data.row_id(n)}/") for n in chosen(rows)]


def first_page(rows: int) -> list[Ask]:
    return [Ask("/v1/orders/?limit=100")]


def queries(rows: int) -> list[Ask]:
    return [Ask(f"/v1/query/{data.APP}/{data.app_user(n)}/") for n in chosen(rows)]


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "orders-create",
            "POST /v1/orders/",
            new_orders,
            {"klanten-bearer": 0.9, "fastapi": 2.0, "django": 5.0, LIMIT: 0.2},
            writes=True,
        ),
        Scenario(
            "orders-detail",
            "GET /v1/orders/{id}/",
            order_details,
            {"klanten-bearer": 0.9, "fastapi": 1.5},
        ),
        Scenario("orders-list", "GET /v1/orders/?limit=100", first_page, {"fastapi": 2.5}),
        Scenario(
            "query",
            "GET /v1/query/{app}/{id}/",
            queries,
            {"fastapi": 1.5},
            route="/query/{app}/{customer_app_id}",
        ),
    )
}
