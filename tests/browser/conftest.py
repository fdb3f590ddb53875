"""Real Chromium, driven by Playwright, in front of Django's live server.

Without Chromium on the machine these tests are skipped; where BROWSER_TESTS=required is set, as
in CI, they fail instead. SCREENSHOTS names a directory that receives a picture of the last page
of each test.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright
from pytest_django.live_server_helper import LiveServer

from access.models import User

# As root, Chromium has no sandbox. The others keep it from calling its maker's services.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of this folder."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        if os.environ.get("BROWSER_TESTS") == "required":
            pytest.fail("BROWSER_TESTS=required, but there is no Chromium on this machine.")
        pytest.skip("There is no Chromium on this machine.")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, in which Django would refuse queries.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


class Troubles:
    """What a page complained about: script errors, refused resources, failed requests."""

    def __init__(self, page: Page) -> None:
        self.seen: list[str] = []
        page.on("pageerror", lambda error: self.seen.append(f"script: {error}"))
        page.on("console", self.note_console)
        page.on("requestfailed", self.note_failure)

    def note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.seen.append(f"console: {message.text} ({message.location.get('url', '')})")

    def note_failure(self, request: Request) -> None:
        # A navigation that a click has overtaken is no fault of the page.
        if request.failure != "net::ERR_ABORTED":
            self.seen.append(f"request: {request.url} {request.failure}")

    def expect(self, pattern: str) -> None:
        """Takes out what the test itself provoked; fails if nothing matches `pattern`."""
        rest = [each for each in self.seen if not re.search(pattern, each)]
        assert len(rest) < len(self.seen), f"nothing matches {pattern!r} in {self.seen}"
        self.seen = rest


@pytest.fixture
def page(
    chromium: Browser, live_server: LiveServer, request: pytest.FixtureRequest
) -> Iterator[Page]:
    """A page of a new, anonymous browser profile. `page.goto("/admin/")` is relative to the
    live server."""
    context = chromium.new_context(
        base_url=live_server.url, viewport={"width": 1280, "height": 900}, locale="en-GB"
    )
    page = context.new_page()
    page.set_default_timeout(15_000)
    yield page
    if folder := os.environ.get("SCREENSHOTS"):
        name = re.sub(r"\W+", "-", request.node.name)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
    context.close()


@pytest.fixture
def troubles(page: Page) -> Iterator[Troubles]:
    """Fails the test at its end if the page had script errors or resources that failed."""
    troubles = Troubles(page)
    yield troubles
    assert troubles.seen == []


@pytest.fixture
def staff(page: Page, troubles: Troubles, admin: User) -> Page:
    """The page of a superuser who has logged in through the login form."""
    page.goto("/admin/login/?next=/admin/")
    page.get_by_label("Username").fill(admin.username)
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")
    return page
