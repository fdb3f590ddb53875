"""The main job: an order through the API, and its SMS at the gateway."""

from typing import Any

import requests
from pytest_django.live_server_helper import LiveServer

from access.api_keys import create_api_key
from simulators.testing import running_simulator
from tests.processes import eventually, manage

TEXT = (
    "Hello John Doe! Your order for Laptop Computer worth KES 1299.99 has been received. Thank you!"
)


def test_an_order_ends_in_exactly_one_sms(
    live_server: LiveServer, savannah_order: dict[str, Any]
) -> None:
    key = create_api_key(name="Partner", scopes="read write")[1]
    headers = {"Authorization": f"Api-Key {key}"}
    customer = {"code": "CUST001", "name": "John Doe", "phone_number": "+254712345678"}
    base = f"{live_server.url}/v1"
    requests.post(f"{base}/customers/", json=customer, headers=headers, timeout=10)

    with (
        running_simulator() as simulator,
        manage(
            "deliver",
            SMS_GATEWAY="africastalking",
            AFRICAS_TALKING_API_KEY="secret",
            AFRICAS_TALKING_URL=simulator.url,
        ),
    ):
        order = requests.post(f"{base}/orders/", json=savannah_order, headers=headers, timeout=10)
        assert order.status_code == 201
        assert order.json()["sms_status"] == "queued"
        url = f"{base}/orders/{order.json()['id']}"
        eventually(
            lambda: requests.get(url, headers=headers, timeout=10).json()["sms_status"] == "sent"
        )
        received = simulator.messages()

    assert [(sms["to"], sms["message"]) for sms in received] == [("+254712345678", TEXT)]
