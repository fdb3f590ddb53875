"""It registers a domain once, however many ask at the same time."""

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest
from django.db import connection, transaction
from rest_framework.test import APIClient

from access.api_keys import create_api_key
from customers.models import Customer
from customers.services import register_customer

pytestmark = pytest.mark.django_db(transaction=True)

# Seconds; only a broken test takes so long.
PATIENCE = 30.0
BODY = {"domain": "acme.example", "name": "Acme"}


@pytest.fixture
def key(transactional_db: None) -> str:
    """A partner's API key, committed: the threads have connections of their own."""
    return create_api_key(name="Partner", scopes="write")[1]


def post(key: str, started: Barrier | Event) -> tuple[int, dict[str, Any]]:
    """The answer to a POST of the domain, from a thread and a connection of its own."""
    client = APIClient(HTTP_AUTHORIZATION=f"Api-Key {key}")
    try:
        if isinstance(started, Barrier):
            started.wait(PATIENCE)
        else:
            started.set()
        response = client.post("/v1/customers/", BODY)
        return response.status_code, response.json()
    finally:
        connection.close()


@pytest.mark.parametrize("rivals", [2, 6])
def test_gives_both_rivals_the_same_customer(key: str, rivals: int) -> None:
    barrier = Barrier(rivals)
    with ThreadPoolExecutor(rivals) as pool:
        futures: list[Future[Any]] = [pool.submit(post, key, barrier) for _ in range(rivals)]
        answers = [future.result(PATIENCE) for future in futures]

    assert sorted(status for status, _ in answers) == [200] * (rivals - 1) + [201]
    assert all(body == answers[0][1] for _, body in answers)
    assert Customer.objects.get().domain == "acme.example"


def test_waits_for_a_rival_in_the_middle(key: str) -> None:
    started = Event()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            original, created = register_customer(**BODY)
            answer = pool.submit(post, key, started)
            assert started.wait(PATIENCE)
            with pytest.raises(TimeoutError):
                answer.result(0.5)
        status, body = answer.result(PATIENCE)

    assert created
    assert (status, body["id"]) == (200, str(original.pk))
    assert Customer.objects.count() == 1


def test_registers_after_a_rival_that_gave_up(key: str) -> None:
    started = Event()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            register_customer(**BODY)
            answer = pool.submit(post, key, started)
            assert started.wait(PATIENCE)
            with pytest.raises(TimeoutError):
                answer.result(0.5)
            transaction.set_rollback(True)
        status, body = answer.result(PATIENCE)

    assert status == 201
    assert str(Customer.objects.get().pk) == body["id"]
