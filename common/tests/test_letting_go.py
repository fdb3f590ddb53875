"""What is left of a request once it is answered."""

import gc
from collections.abc import Iterator

import pytest
from django.test import RequestFactory
from django.test.client import ClientHandler
from rest_framework.request import Request
from rest_framework.response import Response

from common.viewsets import BaseViewSet
from customers.models import Customer

BODY = b'{"name": "Anna", "code": "A"}'


def answer(method: str, path: str, key: str) -> int:
    """The status with which a request is answered."""
    headers = {"Authorization": f"Api-Key {key}"}
    request = RequestFactory(headers=headers).generic(method, path, BODY, "application/json")
    return ClientHandler()(request.environ).status_code


@pytest.fixture
def without_collector(key: str) -> Iterator[None]:
    # What is made once, for all requests.
    answer("GET", "/v1/customers/", key)
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def remains() -> set[int]:
    """The requests, views and answers that there are, by their ids."""
    kinds = (Request, Response, BaseViewSet)
    return {id(each) for each in gc.get_objects() if isinstance(each, kinds)}


@pytest.mark.django_db
@pytest.mark.usefixtures("without_collector")
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/customers/", 200),
        ("GET", "/v1/customers/?limit=0", 400),
        ("POST", "/v1/customers/", 201),
        ("PUT", "/v1/customers/", 405),
    ],
)
def test_nothing_waits_for_the_garbage_collector(
    key: str, method: str, path: str, status: int
) -> None:
    """A page of rows would wait with it, and workers would grow by dozens of them."""
    Customer.objects.create(name="Ben", code="B")
    before = remains()
    assert answer(method, path, key) == status
    assert remains() <= before
