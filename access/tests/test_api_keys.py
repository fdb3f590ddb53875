"""It lets a partner in by its API key, for what the key's scopes say."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from access.api_keys import create_api_key
from access.models import ApiKey
from common.tests.problems import problem

CUSTOMERS = "/v1/customers/"
NOBODY = "Authentication credentials were not provided."
INVALID = "The Api-Key credential is not valid."


def showing(credential: str) -> APIClient:
    """A client with this `Authorization` header."""
    return APIClient(HTTP_AUTHORIZATION=credential)


def with_scopes(scopes: str) -> APIClient:
    """A partner with a new key of these scopes."""
    return showing(f"Api-Key {create_api_key(name='Partner', scopes=scopes)[1]}")


def make(*args: str) -> list[str]:
    """What `create_api_key` prints, by lines."""
    printed = StringIO()
    call_command("create_api_key", *args, stdout=printed)
    return printed.getvalue().splitlines()


def refused(response: Any, detail: str) -> None:
    """Asserts a 401 that says `detail` and names every scheme."""
    assert problem(response, 401)["detail"] == detail
    assert response["WWW-Authenticate"] == 'Api-Key realm="klanten", Bearer realm="klanten"'


@pytest.mark.django_db
def test_prints_a_key_that_works() -> None:
    partner = showing(f"Api-Key {make('Partner')[-1]}")

    assert partner.get(CUSTOMERS).json() == []
    assert partner.post(CUSTOMERS, {"name": "John Doe"}).status_code == 201
    assert ApiKey.objects.values("name", "scopes").get() == {
        "name": "Partner",
        "scopes": "read write",
    }


@pytest.mark.django_db
def test_gives_the_scopes_it_was_told() -> None:
    reader = showing(f"Api-Key {make('Partner', '--scopes', 'customers:read')[-1]}")

    assert reader.get(CUSTOMERS).status_code == 200
    problem(reader.post(CUSTOMERS, {"name": "John Doe"}), 403)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["Partner", "--scopes", "read wirte"], "Unknown scope: wirte."),
        (["Partner", "--scopes", "openid"], "Unknown scope: openid."),
        (["Partner", "--scopes", "orders"], "Unknown scope: orders."),
        (["x" * 51], "NAME needs 1 to 50 characters."),
        ([""], "NAME needs 1 to 50 characters."),
        ([" "], "NAME needs 1 to 50 characters."),
    ],
)
def test_makes_no_key_that_makes_no_sense(args: list[str], reason: str) -> None:
    with pytest.raises(CommandError, match=reason):
        make(*args)
    assert not ApiKey.objects.exists()


@pytest.mark.django_db
def test_keeps_only_the_hash() -> None:
    api_key, key = create_api_key(name="Partner", scopes="read")

    row = str(ApiKey.objects.values().get())
    assert key.partition(".")[0] == api_key.prefix
    assert key.partition(".")[2] not in row


@pytest.mark.parametrize("word", ["Api-Key", "api-key", "API-KEY"])
def test_takes_the_word_in_any_case(key: str, word: str) -> None:
    assert showing(f"{word} {key}").get(CUSTOMERS).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    "credential",
    [
        "Api-Key",
        "Api-Key ",
        "Api-Key x",
        "Api-Key .",
        "Api-Key x.",
        "Api-Key .x",
        "Api-Key unknown1.secret",
        "Api-Key \0.x",
        "Api-Key x.\0",
        "Api-Key ' OR 1=1 --.x",
        "Api-Key \xff\xfe.\xfd",
        f"Api-Key {'x' * 10_000}",
        f"Api-Key {'x' * 10_000}.{'y' * 10_000}",
    ],
    ids=lambda credential: repr(credential)[:30],
)
def test_refuses_garbage(credential: str) -> None:
    refused(showing(credential).get(CUSTOMERS), INVALID)


@pytest.mark.parametrize(
    "template", ["{key}x", "{prefix}.wrong", "{prefix}", "{key}\0", "{prefix}."]
)
def test_refuses_another_secret(key: str, template: str) -> None:
    credential = template.format(key=key, prefix=key.partition(".")[0])

    refused(showing(f"Api-Key {credential}").get(CUSTOMERS), INVALID)
    assert showing(f"Api-Key {key}").get(CUSTOMERS).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("credential", ["", "Basic am9objpkb2U=", "Key x", "x.y"])
def test_refuses_who_shows_nothing(credential: str) -> None:
    refused(showing(credential).get(CUSTOMERS), NOBODY)


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", ["customers/", "items/", "orders/", "notifications/"])
def test_refuses_a_stranger_everywhere(stranger: APIClient, path: str, method: str) -> None:
    refused(getattr(stranger, method)(f"/v1/{path}"), NOBODY)


@pytest.mark.parametrize(
    "change",
    [
        {"revoked": True},
        {"expiry_date": timezone.now() - timedelta(seconds=1)},
        {"expiry_date": timezone.now() - timedelta(days=400)},
    ],
    ids=["revoked", "just expired", "long expired"],
)
def test_refuses_a_key_whose_time_is_over(key: str, change: dict[str, Any]) -> None:
    ApiKey.objects.update(**change)

    refused(showing(f"Api-Key {key}").get(CUSTOMERS), INVALID)


def test_takes_a_key_until_it_expires(key: str) -> None:
    ApiKey.objects.update(expiry_date=timezone.now() + timedelta(minutes=1))

    assert showing(f"Api-Key {key}").get(CUSTOMERS).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("scopes", "method", "path", "missing"),
    [
        ("read", "get", "customers", None),
        ("read", "get", "orders", None),
        ("read", "post", "customers", "customers:write"),
        ("read", "put", "items/x", "items:write"),
        ("read", "patch", "orders/x", "orders:write"),
        ("read", "delete", "orders/x", "orders:write"),
        ("write", "get", "customers", "customers:read"),
        ("write", "get", "notifications", "notifications:read"),
        ("orders:read", "get", "orders", None),
        ("orders:read", "get", "customers", "customers:read"),
        ("orders:read", "get", "items", "items:read"),
        ("orders:read", "get", "notifications", "notifications:read"),
        ("orders:read", "post", "orders", "orders:write"),
        ("orders:write", "get", "orders", "orders:read"),
        ("customers:read customers:write", "get", "customers", None),
        ("customers:read customers:write", "get", "orders", "orders:read"),
        ("", "get", "customers", "customers:read"),
    ],
)
def test_lets_a_key_do_what_its_scopes_say(
    scopes: str, method: str, path: str, missing: str | None
) -> None:
    response = getattr(with_scopes(scopes), method)(f"/v1/{path}", {})

    if missing is None:
        assert (response.status_code, response.json()) == (200, [])
    else:
        detail = problem(response, 403)["detail"]
        assert detail == f"The credential lacks the scope {missing}."


def test_writes_nothing_without_the_scope(reader: APIClient) -> None:
    problem(reader.post(CUSTOMERS, {"name": "John Doe"}), 403)

    assert reader.get(CUSTOMERS).json() == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("scopes", "path"), [("customers:write", "customers"), ("items:write", "items")]
)
def test_writes_with_the_scope_of_the_resource(scopes: str, path: str) -> None:
    body = {"name": "Shirt"} | ({"price": 1} if path == "items" else {})

    assert with_scopes(scopes).post(f"/v1/{path}", body).status_code == 201


@pytest.mark.parametrize(("seconds", "status"), [(0, 401), (60, 200)])
def test_believes_a_revoked_key_no_longer_than_it_was_told(
    partner: APIClient, settings: Settings, seconds: float, status: int
) -> None:
    settings.AUTH_CACHE_SECONDS = seconds
    assert partner.get(CUSTOMERS).status_code == 200

    ApiKey.objects.update(revoked=True)

    assert partner.get(CUSTOMERS).status_code == status


def test_remembers_no_failure(key: str, settings: Settings) -> None:
    settings.AUTH_CACHE_SECONDS = 60
    ApiKey.objects.update(expiry_date=timezone.now() - timedelta(minutes=1))
    problem(showing(f"Api-Key {key}").get(CUSTOMERS), 401)

    ApiKey.objects.update(expiry_date=None)

    assert showing(f"Api-Key {key}").get(CUSTOMERS).status_code == 200


def test_tells_a_key_from_a_token(key: str) -> None:
    assert showing(f"Api-Key {key}").get(CUSTOMERS).status_code == 200
    refused(showing(f"Bearer {key}").get(CUSTOMERS), "The Bearer credential is not valid.")
