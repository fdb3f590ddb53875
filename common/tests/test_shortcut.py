from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client, RequestFactory

from access.models import User
from common.shortcut import is_api


@pytest.mark.parametrize(
    ("path", "cookie", "short"),
    [
        ("/v1/customers/", "", True),
        ("/api/v1/customers/", "", True),
        ("/api/orders/", "", True),
        ("/v1/customers/", "sessionid=1", False),
        ("/admin/", "", False),
        ("/v12/", "", False),
        ("/api-token-auth/", "", False),
    ],
)
def test_which_requests_go_the_short_way(path: str, cookie: str, short: bool) -> None:
    request = RequestFactory().get(path, headers={"Cookie": cookie})
    assert is_api(request) is short


@pytest.mark.parametrize("cookie", ["", "theme=dark"])
def test_an_answer_of_the_api_stands_in_no_frame(client: Client, cookie: str) -> None:
    headers = {"Cookie": cookie} if cookie else {}
    answer = client.get("/v1/no-such-thing", headers=headers)
    assert answer.status_code == 404
    assert answer["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_the_short_way_leaves_sessions_alone(
    client: Client, django_assert_num_queries: Callable[[int], Any], admin: User
) -> None:
    client.force_login(admin)
    with django_assert_num_queries(0):
        assert client.get("/v1/customers/", headers={"Cookie": ""}).status_code == 401
    assert client.get("/v1/customers/").status_code == 200
