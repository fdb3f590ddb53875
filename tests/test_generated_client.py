"""A client generated from `/openapi.json` works: partners need none of ours."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import requests
from pytest_django.live_server_helper import LiveServer

PACKAGE = "klanten_client"


class Generated:
    """The generated package: `call("orders_create", ...)`, and its models by name."""

    def __init__(self, url: str, key: str) -> None:
        self.client = self.module("client").AuthenticatedClient(
            base_url=f"{url}/v1", token=key, prefix="Api-Key", raise_on_unexpected_status=True
        )
        self.models = self.module("models")

    def module(self, name: str) -> ModuleType:
        return importlib.import_module(f"{PACKAGE}.{name}")

    def call(self, operation: str, *path: str, **arguments: Any) -> Any:
        """What the operation answers, as an instance of a generated class."""
        tag = operation.partition("_")[0]
        function = self.module(f"api.{tag}.{operation}").sync
        return function(*path, client=self.client, **arguments)


@pytest.fixture
def generated(
    live_server: LiveServer, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Generated]:
    document = tmp_path / "openapi.json"
    document.write_bytes(requests.get(f"{live_server.url}/openapi.json", timeout=10).content)
    config = tmp_path / "config.yml"
    config.write_text(f"post_hooks: []\npackage_name_override: {PACKAGE}\n")
    command = [str(Path(sys.executable).parent / "openapi-python-client"), "generate"]
    command += ["--path", str(document), "--config", str(config)]
    command += ["--output-path", str(tmp_path / "client"), "--fail-on-warning"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    monkeypatch.syspath_prepend(tmp_path / "client")
    client = Generated(live_server.url, key)
    yield client
    client.client.get_httpx_client().close()
    for name in [each for each in sys.modules if each.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def test_makes_a_customer_an_item_and_an_order(generated: Generated) -> None:
    call, models = generated.call, generated.models
    customer = call(
        "customers_create",
        body=models.CustomerRequest(first_name="Jane", last_name="Doe", phone_number="0712345678"),
    )
    item = call(
        "items_create",
        body=models.ItemRequest(name="Shirt", size=models.ItemRequestSize.M, price="25.50"),
    )
    body = models.OrderRequest(customer=customer.id, item=str(item.id), quantity=2)

    made = call("orders_create", body=body, idempotency_key="one")
    again = call("orders_create", body=body, idempotency_key="one")
    read = call("orders_retrieve", made.id)

    assert again == made
    assert isinstance(read, models.Order)
    assert (read.id, read.total, read.customer_name) == (made.id, "51.00", "Jane Doe")
    assert (read.status, read.sms_status, read.sms_sent) == ("received", "queued", True)
    assert [(line.item, line.quantity, line.unit_price) for line in read.lines] == [
        (item.id, 2, "25.50")
    ]
    assert call("orders_list") == [read]


def test_changes_lines_and_reads_some_members(generated: Generated) -> None:
    call, models = generated.call, generated.models
    call("customers_create", body=models.CustomerRequest(code="CUST001", name="John Doe"))
    lines = [models.LineRequest(quantity=2, description="Mouse", unit_price=9.99)]
    made = call("orders_create", body=models.OrderRequest(customer_code="CUST001", lines=lines))

    changed = call(
        "orders_partial_update", made.id, body=models.PatchedOrderRequest(currency="USD")
    )
    wanted = models.OrdersByCustomerFieldsItem
    (some,) = call(
        "orders_by_customer", customer_code="CUST001", fields=[wanted.ID, wanted.CURRENCY]
    )

    assert (changed.amount, changed.currency) == ("19.98", "USD")
    assert isinstance(some, models.OrderFields)
    assert some.to_dict() == {"id": str(made.id), "currency": "USD"}


@pytest.mark.parametrize("kind", ["Form", "Multipart"])
def test_sends_forms(generated: Generated, kind: str) -> None:
    body = getattr(generated.models, f"Customer{kind}")(domain="ahmed.jazzar.com")

    customer = generated.call("customers_create", body=body)

    assert customer.domain == "ahmed.jazzar.com"


def test_shows_a_refusal(generated: Generated) -> None:
    models = generated.models
    body = models.OrderRequest(customer_code="CUST001", item="Laptop Computer", amount="1299.99")

    problem = generated.call("orders_create", body=body)

    assert isinstance(problem, models.Problem)
    assert (problem.status, problem.detail) == (400, "Customer not found")
    assert [error.field for error in problem.errors] == ["customer_code"]
