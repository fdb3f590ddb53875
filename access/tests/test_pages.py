"""The pages that people see: nothing inline, nothing from elsewhere, and a policy that says so."""

import re
from typing import Any

import pytest
from django.test import Client

from access.models import User
from access.tests.clients import CALLBACK, browser_of, register

pytestmark = pytest.mark.django_db

POLICY = (
    "base-uri 'none'; default-src 'self'; frame-ancestors 'none'; img-src 'self' data:; "
    "object-src 'none'"
)
INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")|<style|\sstyle=|\son\w+=|javascript:",
    re.IGNORECASE,
)
ELSEWHERE = re.compile(r"(?:src|href|action)=\"(?:https?:)?//", re.IGNORECASE)


@pytest.fixture
def browser(admin: User) -> Client:
    return browser_of(admin)


def directives(page: Any) -> set[str]:
    return set(page["Content-Security-Policy"].split("; "))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/admin/", 200),
        ("/admin/access/user/", 200),
        ("/admin/access/apikey/add/", 200),
        ("/admin/access/application/add/", 200),
        ("/o/applications/", 200),
        ("/o/applications/register/", 200),
        ("/o/authorized_tokens/", 200),
        ("/o/device/", 200),
        ("/o/logout/", 200),
        ("/o/logout/?client_id=unknown", 400),
        ("/o/authorize/?client_id=unknown", 400),
        ("/o/callback", 400),
        ("/o/callback?code=c", 200),
    ],
)
def test_a_page_for_those_who_are_logged_in(browser: Client, path: str, status: int) -> None:
    page = browser.get(path)

    assert page.status_code == status
    assert directives(page) == set(POLICY.split("; "))
    assert not INLINE.search(page.content.decode())
    assert not ELSEWHERE.search(page.content.decode())
    assert page["X-Frame-Options"] == "DENY"
    assert page["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/login/", "/admin/login/"])
def test_a_login_page(path: str) -> None:
    for page in (Client().get(path), Client().post(path, {"username": "x", "password": "y"})):
        assert page.status_code == 200
        assert directives(page) == set(POLICY.split("; "))
        assert not INLINE.search(page.content.decode())
        assert not ELSEWHERE.search(page.content.decode())


def test_the_consent_page(browser: Client) -> None:
    page = register(name='<b>"Shop"</b>').authorize(browser, state='"><script>')
    text = page.content.decode()

    assert page.status_code == 200
    assert directives(page) == set(POLICY.split("; "))
    assert not INLINE.search(text)
    assert "Authorize &lt;b&gt;&quot;Shop&quot;&lt;/b&gt;?" in text
    assert f"<strong>{CALLBACK}</strong>" in text
    assert "no-store" in page["Cache-Control"]


def test_a_logged_in_page_says_who_is_logged_in(browser: Client) -> None:
    assert '<span class="who">ada</span>' in browser.get("/o/device/").content.decode()
    assert 'class="who"' not in Client().get("/login/").content.decode()


@pytest.mark.parametrize("path", ["/", "/swagger", "/swagger/", "/redoc", "/redoc/"])
def test_the_documents_style_themselves_and_run_only_scripts_of_ours(path: str) -> None:
    page = Client().get(path, headers={"Accept": "text/html"})

    assert page.status_code == 200
    assert directives(page) == {
        *POLICY.split("; "),
        "style-src 'self' 'unsafe-inline'",
        "worker-src 'self' blob:",
    }
    assert not INLINE.search(page.content.decode())
    assert not ELSEWHERE.search(page.content.decode())


def test_the_document_itself_is_as_strict_as_any_answer() -> None:
    assert directives(Client().get("/swagger.json")) == set(POLICY.split("; "))
