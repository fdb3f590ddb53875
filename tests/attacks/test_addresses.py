"""Addresses that no document describes, with words where a number belongs; pages as an API."""

import pytest
from django.test import Client

from access.models import User
from common.tests.problems import problem
from config.api import router
from tests.addresses import addresses

PAGES = ["/", "/swagger", "/swagger/", "/redoc", "/redoc/", "/swagger.json", "/openapi.json"]


@pytest.mark.parametrize(
    "path",
    ["applications/{}/", "applications/{}/update/", "applications/{}/delete/",
     "authorized_tokens/{}/delete/"],
)  # fmt: skip
@pytest.mark.parametrize("pk", ["none", "0x10", "-1", "1e9", "9" * 30, "9" * 5000, "x" * 900])
def test_a_word_for_a_number(client: Client, admin: User, path: str, pk: str) -> None:
    client.force_login(admin)

    assert client.get(f"/o/{path.format(pk)}").status_code == 404
    # What is only looked at takes no POST.
    assert client.post(f"/o/{path.format(pk)}").status_code in {404, 405}


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_page_as_an_api(client: Client, db: None, path: str, method: str) -> None:
    answer = getattr(client, method)(path, {}, content_type="application/json")

    if path == "/openapi.json":
        assert answer.status_code == 405
    else:
        assert problem(answer, 405)["code"] == "method_not_allowed"


def test_the_fuzzer_knows_every_address() -> None:
    """Whatever is added is asked for, by the document or by `tests.fuzz_pages`."""
    known = addresses()

    assert {"/", "/login/", "/o/token/", "/o/applications/{pk}/update/", "/openapi.json",
            "/api-token-auth", "/api/token", "/admin/login/", "/admin/autocomplete/",
            "/admin/customers/customer/{pk}/erase/", "/admin/orders/order/{object_id}/change/",
            "/admin/imports/import/{pk}/report/", "/admin/notifications/template/preview/",
            "/notifications/africastalking/{secret}/reports"} <= set(known)  # fmt: skip
    documented = tuple(f"/api/{prefix}" for prefix, *_ in router.registry)
    assert not [path for path in known if path.startswith(documented)]
