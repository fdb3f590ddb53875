"""It maps a customer once, however many ask at the same time."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from django.db import transaction

from common.tests.rivals import PATIENCE, post
from customers.models import Customer
from mappings.models import App, Mapping
from mappings.services import map_customer

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/v1/mappings/"


@pytest.fixture
def body(transactional_db: None) -> dict[str, str]:
    App.objects.get_or_create(slug="amc", defaults={"name": "AMC"})
    customer = Customer.objects.create(name="John Doe")
    return {"customer": str(customer.pk), "app": "amc", "customer_app_id": "jdoe"}


@pytest.mark.parametrize("rivals", [2, 6])
def test_gives_all_rivals_the_same_mapping(key: str, body: dict[str, str], rivals: int) -> None:
    barrier = Barrier(rivals)
    with ThreadPoolExecutor(rivals) as pool:
        futures = [pool.submit(post, key, URL, body, barrier) for _ in range(rivals)]
        answers = [future.result(PATIENCE) for future in futures]

    assert sorted(status for status, _ in answers) == [200] * (rivals - 1) + [201]
    assert all(answer == answers[0][1] for _, answer in answers)
    assert Mapping.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "gives_up", "expected"),
    [
        ({}, False, 200),
        ({}, True, 201),
        ({"customer_app_id": "other"}, False, 409),
        ({"customer_app_id": "other"}, True, 201),
    ],
)
def test_waits_for_a_rival_in_the_middle(
    key: str, body: dict[str, str], change: dict[str, str], gives_up: bool, expected: int
) -> None:
    started = Event()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            map_customer(**body)  # type: ignore[arg-type]  # a UUID as text will do
            answer = pool.submit(post, key, URL, body | change, started)
            assert started.wait(PATIENCE)
            with pytest.raises(TimeoutError):
                answer.result(0.5)
            transaction.set_rollback(gives_up)
        status, content = answer.result(PATIENCE)

    assert status == expected
    assert Mapping.objects.count() == 1
    if status != 409:
        assert str(Mapping.objects.get().pk) == content["id"]
