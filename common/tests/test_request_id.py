"""It gives every request one id: the caller's if that is sane, else its own."""

from uuid import UUID

import pytest
from django.test import Client
from rest_framework.test import APIClient

SANE = ["a", "0af7651916cd43dd8448eb211c80319c", "Root=1-67891233:a/b+c@d._-", "x" * 128]
INSANE = [
    "",
    " ",
    "a b",
    "x" * 129,
    "ä",
    "a\nb",
    "a\r\nSet-Cookie: x=1",
    "<script>",
    "a;b",
    '"',
    "\0",
]


@pytest.mark.parametrize("given", SANE)
def test_takes_over_a_sane_id(stranger: APIClient, given: str) -> None:
    assert stranger.get("/v1/", HTTP_X_REQUEST_ID=given)["X-Request-ID"] == given


@pytest.mark.parametrize("given", INSANE)
def test_replaces_an_insane_id(stranger: APIClient, given: str) -> None:
    answered = stranger.get("/v1/", HTTP_X_REQUEST_ID=given)["X-Request-ID"]

    assert answered != given
    assert UUID(answered).version == 7


def test_makes_another_for_each_request(stranger: APIClient) -> None:
    assert len({stranger.get("/v1/")["X-Request-ID"] for _ in range(5)}) == 5


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/customers/", 401),
        ("/v1/nothing", 404),
        ("/nothing", 404),
        ("/v1/customers/?cursor=x", 401),
    ],
)
def test_is_in_an_error(client: Client, path: str, status: int) -> None:
    response = client.get(path, HTTP_X_REQUEST_ID="the-id")

    assert response.status_code == status
    assert response.json()["request_id"] == response["X-Request-ID"] == "the-id"


@pytest.mark.parametrize("given", ["the-id", "a b"])
def test_is_in_the_error_of_a_partner(partner: APIClient, given: str) -> None:
    response = partner.post("/v1/customers/", {}, HTTP_X_REQUEST_ID=given)

    assert response.status_code == 400
    assert response.json()["request_id"] == response["X-Request-ID"]
    assert (response["X-Request-ID"] == given) is (given == "the-id")


@pytest.mark.django_db
def test_is_in_a_page(client: Client) -> None:
    assert client.get("/admin/login/", HTTP_X_REQUEST_ID="the-id")["X-Request-ID"] == "the-id"
