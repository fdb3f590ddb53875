"""Pages of the admin for rows that are locked, in no transaction but their own."""

import pytest
from django.test import Client

from access.models import User
from customers.models import Customer

PASSWORD = "a staple, this time"

# An ordinary test would have a transaction around each page.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def browser() -> Client:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))
    return browser


def test_sets_the_password_of_a_user(browser: Client) -> None:
    jane = User.objects.create_user("jane", password="correct horse battery")
    form = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}

    answer = browser.post(f"/admin/access/user/{jane.pk}/password/", form)

    jane.refresh_from_db()
    assert answer.status_code == 302
    assert jane.check_password(PASSWORD)


def test_shows_a_history_that_is_asked_for_with_a_form(browser: Client) -> None:
    customer = Customer.objects.create(name="Jane Doe")

    answer = browser.post(f"/admin/customers/customer/{customer.pk}/history/")

    assert answer.status_code == 200
