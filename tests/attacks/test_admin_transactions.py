"""Pages of the admin that Django runs without a transaction, as PostgreSQL sees them.

In an ordinary test there is always one around them.
"""

import pytest
from django.contrib.admin import site
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from access.models import User
from common.admin import LockingAdmin
from customers.models import Customer

PASSWORD = "correct horse battery"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def browser() -> Client:
    # A fault is to be an answer: 500.
    browser = Client(raise_request_exception=False)
    browser.force_login(User.objects.create_superuser("ada", password=PASSWORD))
    return browser


def test_staff_set_a_password(browser: Client) -> None:
    bob = User.objects.create_user("bob", password="forgotten long ago")
    form = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}

    answer = browser.post(f"/admin/access/user/{bob.pk}/password/", form)

    assert answer.status_code == 302
    bob.refresh_from_db()
    assert bob.check_password(PASSWORD)


@pytest.mark.parametrize(
    "model",
    [model for model, one in site._registry.items() if isinstance(one, LockingAdmin)],
    ids=lambda model: model.__name__,
)
def test_a_history_that_is_posted_to_is_shown(browser: Client, model: type[Model]) -> None:
    """Also of no row: it is locked before anybody knows whether it is there."""
    Customer.objects.create(name="Jane")
    row = model._default_manager.values_list("pk", flat=True).first() or 999_999
    options = model._meta

    page = reverse(f"admin:{options.app_label}_{options.model_name}_history", args=[row])

    assert browser.post(page).status_code in {200, 302, 404}
