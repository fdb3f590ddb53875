"""Bodies that are larger, or of more parts, than whoever sends them may send.

Whoever shows no credential may send 64 kB; 413 comes before a byte is read. Nothing of theirs is
ever written to the disk.
"""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.test import Client
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from access.models import User
from common.tests.problems import problem
from customers.models import Customer
from imports.models import Import
from tests.attacks.wsgi import send
from tests.cast import key_in_use

OPEN = [
    "/api/token/", "/api-token-auth/", "/api/token/refresh/", "/api/rest-auth/registration/",
    "/o/token/", "/o/introspect/", "/o/revoke_token/", "/o/device-authorization/", "/o/device/",
    "/o/authorize/", "/login/", "/admin/login/", "/admin/", "/admin/imports/import/add/",
    "/admin/customers/customer/add/", "/notifications/africastalking/x/reports", "/swagger.json",
    "/o/applications/register/",
]  # fmt: skip
GUARDED = [
    f"{base}/{name}/"
    for base in ("/v1", "/api", "/api/v1")
    for name in ("customers", "orders", "mappings", "items", "imports", "query", "apps")
]
MULTIPART = "multipart/form-data; boundary=b"
KINDS = ["application/json", "application/x-www-form-urlencoded", MULTIPART, "text/plain", ""]
TOKEN = "a" * 32
COOKIE = f"csrftoken={TOKEN}; __Host-csrftoken={TOKEN}; sessionid={TOKEN}; __Host-sessionid={TOKEN}"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def spooled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files that were begun on the disk or in memory."""
    names: list[str] = []
    begin = TemporaryFileUploadHandler.new_file

    def new_file(self: Any, field_name: str, file_name: str, *args: Any, **kwargs: Any) -> None:
        names.append(file_name)
        begin(self, field_name, file_name, *args, **kwargs)

    monkeypatch.setattr(TemporaryFileUploadHandler, "new_file", new_file)
    return names


def with_file(content: bytes, *, name: bytes = b"file", fields: int = 0) -> bytes:
    """A multipart body with a file, and with so many fields before it."""
    field = b'--b\r\nContent-Disposition: form-data; name="n"\r\n\r\n1\r\n' * fields
    head = b'--b\r\nContent-Disposition: form-data; name="%b"; filename="x.csv"\r\n\r\n' % name
    return field + head + content + b"\r\n--b--\r\n"


@pytest.mark.parametrize(
    "headers", [{}, {"HTTP_COOKIE": COOKIE}, {"HTTP_AUTHORIZATION": "Basic x"}]
)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", OPEN)
def test_reads_no_large_body_of_a_stranger(path: str, kind: str, headers: dict[str, str]) -> None:
    answer = send(path, b"x" * 65_537, kind=kind, **headers)

    assert (answer.status, answer.read) == (413, 0)
    assert answer.json()["code"] == "too_large"


@pytest.mark.parametrize("path", GUARDED)
@pytest.mark.parametrize("size", [10, 65_537, 3_000_000])
@pytest.mark.parametrize("kind", ["application/json", MULTIPART])
def test_reads_nothing_before_it_knows_the_caller(path: str, size: int, kind: str) -> None:
    answer = send(path, b"x" * size, kind=kind, HTTP_COOKIE=COOKIE)

    assert (answer.status, answer.read) == (401, 0)


@pytest.mark.parametrize("path", GUARDED)
def test_reads_nothing_of_who_may_not(path: str) -> None:
    key = f"Api-Key {key_in_use(name='Reader', scopes='read')}"
    allowed = path.endswith("/query/")

    answer = send(path, b"x" * 1000, kind="application/json", HTTP_AUTHORIZATION=key)

    assert (answer.status, answer.read) == ((400, 1000) if allowed else (403, 0))


@pytest.mark.parametrize("path", ["/api/token/", "/login/", "/o/token/"])
def test_reads_a_small_body_of_a_stranger(path: str) -> None:
    answer = send(path, b"x=" + b"x" * 65_534, kind="application/x-www-form-urlencoded")

    assert answer.status in {400, 403}


def test_a_multipart_body_is_bounded_as_any_other(partner: APIClient, settings: Settings) -> None:
    """The fields were counted, and a file was not."""
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 70_000
    for body in (with_file(b"x" * 80_000), b"--b\r\n" + b"x" * 80_000 + b"\r\n--b--\r\n"):
        for path in ("/v1/customers/", "/v1/orders/", "/v1/items/"):
            problem(partner.post(path, body, content_type=MULTIPART), 413)


@pytest.mark.parametrize("path", ["/v1/customers/", "/v1/orders/", "/api/token/", "/o/token/"])
def test_takes_files_nowhere_else(partner: APIClient, spooled: list[str], path: str) -> None:
    answer = partner.post(path, with_file(b"x", name=b"name"), content_type=MULTIPART)

    assert problem(answer, 400)["detail"] == "No file is taken here."
    assert (spooled, Customer.objects.count()) == ([], 0)


@pytest.mark.parametrize("path", ["/admin/login/", "/login/", "/admin/imports/import/add/"])
@pytest.mark.parametrize("size", [10, 60_000, 70_000, 3_000_000])
def test_keeps_no_file_of_a_stranger(path: str, size: int, spooled: list[str]) -> None:
    answer = send(path, with_file(b"x" * size), kind=MULTIPART, HTTP_COOKIE=COOKIE)

    assert answer.status == (400 if size < 65_000 else 413)
    assert spooled == []


def test_keeps_no_file_of_staff_who_may_not_import(
    client: Client, spooled: list[str], db: None
) -> None:
    staff = User.objects.create_user("bob", is_staff=True)
    client.force_login(staff)

    for size, status in ((10, 400), (3_000_000, 413)):
        body = with_file(b"x" * size)
        answer = client.post("/admin/imports/import/add/", body, content_type=MULTIPART)
        assert answer.status_code == status
    assert spooled == []


def test_takes_the_file_of_who_may(
    client: Client, admin: User, spooled: list[str], tmp_path: Path
) -> None:
    client.force_login(admin)
    file = tmp_path / "x.csv"
    file.write_text("code,name\n" + "C1,Ann\n" * 500_000)

    with file.open("rb") as content:
        form = {"file": content, "resource": "customers", "mode": "good"}
        answer = client.post("/admin/imports/import/add/", form)

    assert (answer.status_code, Import.objects.get().size) == (302, file.stat().st_size)
    assert spooled == ["x.csv"]


def test_bounds_the_file_of_staff(client: Client, admin: User, settings: Settings) -> None:
    settings.MAX_UPLOAD_BYTES = 100_000
    client.force_login(admin)
    body = with_file(b"x" * 100_000)

    answer = client.post("/admin/imports/import/add/", body, content_type=MULTIPART)

    problem(answer, 413)
    assert not Import.objects.exists()


def test_takes_a_file_with_a_session_and_a_token_in_the_header(admin: User) -> None:
    """As Swagger UI sends it: the form is not searched for the token."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin)
    client.cookies["csrftoken"] = TOKEN
    body = with_file(b"code,name\nC1,Ann\n")

    refused = client.post("/v1/imports/", body, content_type=MULTIPART)
    taken = client.post("/v1/imports/", body, content_type=MULTIPART, HTTP_X_CSRFTOKEN=TOKEN)

    problem(refused, 403)
    # As far as the file goes: the resource is missing.
    assert [error["field"] for error in problem(taken, 400)["errors"]] == ["resource"]


@pytest.mark.parametrize("fields", [1000, 5000])
def test_bounds_the_parts_of_a_form(partner: APIClient, fields: int) -> None:
    for body in (with_file(b"x", fields=fields), b"--b\r\nX: y\r\n\r\n\r\n" * 5000 + b"--b--\r\n"):
        problem(partner.post("/v1/imports/", body, content_type=MULTIPART), 400)
    assert not Import.objects.exists()


def test_takes_one_file(partner: APIClient) -> None:
    body = with_file(b"a").removesuffix(b"--b--\r\n") + with_file(b"b")

    problem(partner.post("/v1/imports/", body, content_type=MULTIPART), 400)


@pytest.mark.parametrize("length", ["-1", "+1", "1e3", "\u0663", "x", " 1", "1_0"])
def test_takes_no_length_that_is_none(length: str) -> None:
    assert send("/api/token/", b"{}", CONTENT_LENGTH=length).status == 400


def test_bounds_addresses_and_headers() -> None:
    assert send("/v1/orders/", method="GET", query="q=" + "x" * 16_000).status == 414
    assert send("/v1/orders/" + "x" * 16_000, method="GET").status == 414
    assert send("/v1/orders/", method="GET", HTTP_X_ANY="x" * 65_537).status == 431
