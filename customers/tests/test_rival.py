"""It registers a domain once, however many ask at the same time."""

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier, Event
from typing import Any

import pytest
from django.db import transaction

from common.tests.rivals import PATIENCE, post
from customers.models import Customer
from customers.services import register_customer

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/v1/customers/"
BODY = {"domain": "acme.example", "name": "Acme"}


@pytest.mark.parametrize("rivals", [2, 6])
def test_gives_both_rivals_the_same_customer(key: str, rivals: int) -> None:
    barrier = Barrier(rivals)
    with ThreadPoolExecutor(rivals) as pool:
        futures: list[Future[Any]] = [
            pool.submit(post, key, URL, BODY, barrier) for _ in range(rivals)
        ]
        answers = [future.result(PATIENCE) for future in futures]

    assert sorted(status for status, _ in answers) == [200] * (rivals - 1) + [201]
    assert all(body == answers[0][1] for _, body in answers)
    assert Customer.objects.get().domain == "acme.example"


def test_waits_for_a_rival_in_the_middle(key: str) -> None:
    started = Event()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            original, created = register_customer(**BODY)
            answer = pool.submit(post, key, URL, BODY, started)
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
            answer = pool.submit(post, key, URL, BODY, started)
            assert started.wait(PATIENCE)
            with pytest.raises(TimeoutError):
                answer.result(0.5)
            transaction.set_rollback(True)
        status, body = answer.result(PATIENCE)

    assert status == 201
    assert str(Customer.objects.get().pk) == body["id"]
