"""Whether the peers answer as Klanten does. What answers less may be faster for that."""

import re
from typing import Any

import requests

from benchmarks import data
from benchmarks.scenarios import Scenario
from benchmarks.servers import Running

NEW = {"customer_code": data.customer_code(1), "item": "Laptop Computer", "amount": "1299.99"}
# What is another's for each order.
OWN = frozenset({"id", "order_time", "created_at", "updated_at"})
BAD = (
    {"item": "Laptop Computer", "amount": "1299.99"},
    {**NEW, "amount": "much"},
    {**NEW, "customer_code": "nobody"},
)


class ContractError(Exception):
    """A peer does not answer as Klanten does; the text says how."""


Answers = dict[str, Any]


def answers(site: Running, authorization: str, scenarios: list[Scenario], rows: int) -> Answers:
    """What a server answers to each reading, to a new order, to bad ones and to a stranger."""
    with requests.Session() as session:
        session.headers["Authorization"] = authorization
        found = {
            scenario.title: shown_at(session, site.url + scenario.asks(rows)[0].path)
            for scenario in scenarios
            if not scenario.writes
        }
        shown = json_of(session.post(f"{site.url}/v1/orders/", json=NEW), status=201)
        found["a new order"] = {name: shown[name] for name in shown if name not in OWN}
        read = shown_at(session, f"{site.url}/v1/orders/{shown['id']}/")
        found["the new order is read as it was answered"] = read == shown
        found["times are in UTC"] = all(
            re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", shown[name]) for name in OWN - {"id"}
        )
        bad = [session.post(f"{site.url}/v1/orders/", json=body).status_code for body in BAD]
        found["bad orders"] = bad
        session.headers["Authorization"] = f"{authorization}x"
        path = f"{site.url}/v1/orders/"
        found["a wrong key"] = session.get(path).status_code in {401, 403}
    return found


def shown_at(session: requests.Session, url: str) -> Any:
    """The JSON at an address."""
    return json_of(session.get(url), status=200)


def json_of(answer: requests.Response, *, status: int) -> Any:
    """The JSON of an answer. ContractError with what came, if it has not `status`."""
    if answer.status_code != status:
        raise ContractError(f"{answer.url} answered {answer.status_code}: {answer.text[:500]}")
    return answer.json()


def compare(name: str, peer: Answers, product: Answers) -> None:
    """Raises ContractError naming the first answer in which a peer is not like Klanten."""
    for what, expected in product.items():
        if difference := difference_in(peer[what], expected):
            raise ContractError(f"{name}, {what}: {difference}")


def difference_in(got: Any, expected: Any, path: str = "") -> str:
    """Where two JSON values first differ, "" if nowhere."""
    if isinstance(got, dict) and isinstance(expected, dict):
        if missing := sorted(set(got) ^ set(expected)):
            return f"{path} has not the same members: {', '.join(missing)}"
        pairs = [(f"{path}.{key}", got[key], expected[key]) for key in expected]
    elif isinstance(got, list) and isinstance(expected, list) and len(got) == len(expected):
        pairs = [(f"{path}[{n}]", *pair) for n, pair in enumerate(zip(got, expected, strict=True))]
    else:
        return "" if got == expected else f"{path} is {got!r}, not {expected!r}"
    return next((found for pair in pairs if (found := difference_in(*pair[1:], pair[0]))), "")
