"""The cast of every test: a partner with a key, a reader, a staff member, and a stranger."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from rest_framework.test import APIClient

from access.api_keys import create_api_key
from access.cache import forget_all
from access.models import ApiKey, User
from customers.models import Customer
from items.models import Item
from notifications import metrics, numbers, texts


@pytest.fixture(autouse=True)
def nobody_remembered() -> Iterator[None]:
    """No credential of another test is believed."""
    forget_all()
    yield
    forget_all()


@pytest.fixture(autouse=True)
def nobody_has_failed() -> None:
    """No wrong secret of another test is counted."""
    cache.clear()


@pytest.fixture(autouse=True)
def no_templates() -> Iterator[None]:
    """Messages say what the code says, and no order pays for looking; a template ends this."""
    texts.remember({}, seconds=float("inf"))
    yield
    texts.remember({}, seconds=float("inf"))


@pytest.fixture(autouse=True)
def no_numbers() -> None:
    """Nothing is shown that another test was counted for."""
    for remembered in (numbers.oldest_due, numbers.overview, metrics.collected):
        remembered.forget()


@pytest.fixture
def stranger() -> APIClient:
    """Somebody without any credential."""
    return APIClient()


def key_in_use(*, name: str, scopes: str) -> str:
    """A key that was used a moment ago: its next use writes nothing."""
    api_key, key = create_api_key(name=name, scopes=scopes)
    ApiKey.objects.filter(pk=api_key.pk).update(last_used_at=timezone.now())
    return key


@pytest.fixture
def key(db: None) -> str:
    """A partner's API key, for everything."""
    return key_in_use(name="Partner", scopes="read write")


@pytest.fixture
def partner(key: str) -> APIClient:
    """A partner application."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {key}")
    return client


@pytest.fixture
def reader(db: None) -> APIClient:
    """A partner application that may only read."""
    client = APIClient()
    reading = key_in_use(name="Reader", scopes="read")
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {reading}")
    return client


@pytest.fixture
def admin(db: None) -> User:
    """A superuser of the admin."""
    return User.objects.create_superuser("ada", "ada@klanten.example", "correct horse battery")


@pytest.fixture
def john(db: None) -> Customer:
    """Savannah's customer."""
    return Customer.objects.create(code="CUST001", name="John Doe", phone_number="+254712345678")


@pytest.fixture
def shirt(db: None) -> Item:
    """Something in the catalogue."""
    return Item.objects.create(name="Shirt", size="M", price="25.50")


@pytest.fixture
def savannah_order() -> dict[str, Any]:
    """The body of Savannah's sample order."""
    return {"customer_code": "CUST001", "item": "Laptop Computer", "amount": 1299.99}
