"""It lets people in, in a real browser."""

from playwright.sync_api import Page, expect

from access.models import User
from tests.browser.conftest import Troubles


def test_logs_staff_in_to_the_admin(staff: Page) -> None:
    expect(staff.locator("#orders-order").get_by_role("link", name="Orders")).to_be_visible()


def test_refuses_a_wrong_password(page: Page, troubles: Troubles, admin: User) -> None:
    page.goto("/login/")
    page.get_by_label("Username").fill(admin.username)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button").last.click()

    expect(page.get_by_text("Please enter a correct username and password")).to_be_visible()


def test_shows_swagger_without_a_refused_resource(page: Page, troubles: Troubles) -> None:
    page.goto("/")

    expect(page.locator("#swagger-ui .opblock").first).to_be_visible()
