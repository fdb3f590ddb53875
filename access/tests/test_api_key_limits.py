"""A key works where it may be used, while it is valid, and costs a query at most."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.request import Request
from rest_framework.test import APIClient, APIRequestFactory

from access import cache
from access.api_keys import create_api_key
from access.authentication import ApiKeyAuthentication, BearerAuthentication
from access.models import ApiKey, Application, User
from access.principals import Kind, Principal
from access.tokens import issue
from common.networks import parse_networks
from common.tests.problems import problem

PROXY = "10.0.0.1"
INSIDE = "192.0.2.7"
OUTSIDE = "198.51.100.9"


def get(key: str, **extra: Any) -> Any:
    return APIClient(HTTP_AUTHORIZATION=f"Api-Key {key}").get("/v1/orders/", **extra)


def status_from(key: str, peer: str, forwarded: str | None = None) -> int:
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return int(get(key, REMOTE_ADDR=peer, headers=headers).status_code)


@pytest.fixture
def no_cache(settings: Settings) -> None:
    settings.AUTH_CACHE_SECONDS = 0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the clock of the cache, which stands still; it begins at 1,000 seconds."""

    def set_to(seconds: float) -> None:
        monkeypatch.setattr(cache, "time", SimpleNamespace(monotonic=lambda: seconds))

    set_to(1000)
    return set_to


# --- Networks ------------------------------------------------------------------------


@pytest.mark.parametrize("remembered", [False, True])
@pytest.mark.parametrize(
    ("networks", "peer", "status"),
    [
        ("", OUTSIDE, 200),
        ("192.0.2.0/24", INSIDE, 200),
        ("192.0.2.0/24", OUTSIDE, 401),
        ("192.0.2.7", INSIDE, 200),
        ("192.0.2.8", INSIDE, 401),
        ("198.51.100.0/24, 192.0.2.0/24", INSIDE, 200),
        ("2001:db8::/32", "2001:db8::7", 200),
        ("2001:db8::/32", "2001:db9::7", 401),
        ("2001:db8::/32", INSIDE, 401),
        ("192.0.2.0/24", "2001:db8::7", 401),
        ("192.0.2.0/24", "::ffff:192.0.2.7", 200),
        ("192.0.2.0/24", "::ffff:198.51.100.9", 401),
        ("192.0.2.0/24", "", 401),
        ("0.0.0.0/0", INSIDE, 200),
        ("0.0.0.0/0", "2001:db8::7", 401),
    ],
)
def test_works_from_its_networks_alone(
    key: str, settings: Settings, *, remembered: bool, networks: str, peer: str, status: int
) -> None:
    settings.AUTH_CACHE_SECONDS = 3600 if remembered else 0
    ApiKey.objects.update(allowed_networks=networks)
    if remembered:
        # Whatever the answer is, the key is known from now on.
        get(key, REMOTE_ADDR=INSIDE)

    assert status_from(key, peer) == status
    assert status_from(key, peer) == status


def test_says_nothing_of_networks_to_whoever_has_found_a_key(key: str) -> None:
    ApiKey.objects.update(allowed_networks="192.0.2.0/24")

    elsewhere, unknown = get(key), get("unknown.key")

    assert problem(elsewhere, 401)["detail"] == problem(unknown, 401)["detail"]
    assert elsewhere["WWW-Authenticate"] == unknown["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("peer", "forwarded", "status"),
    [
        # Nobody's word but a proxy's of ours.
        (OUTSIDE, INSIDE, 401),
        (OUTSIDE, f"{INSIDE}, {PROXY}", 401),
        (INSIDE, OUTSIDE, 200),
        # Its word is the last entry.
        (PROXY, INSIDE, 200),
        (PROXY, OUTSIDE, 401),
        (PROXY, f"{INSIDE}, {OUTSIDE}", 401),
        (PROXY, f"{INSIDE}, {INSIDE}, {OUTSIDE}", 401),
        (PROXY, f"{OUTSIDE}, {INSIDE}", 200),
        (PROXY, f"{INSIDE}, 10.0.0.2", 200),
        (PROXY, f"{INSIDE}, {OUTSIDE}, 10.0.0.2", 401),
        (PROXY, f"{INSIDE}:4711", 200),
        (PROXY, f"{INSIDE}, unknown", 401),
        # The proxy is not the client.
        (PROXY, None, 401),
        (PROXY, "", 401),
    ],
)
def test_believes_proxies_of_ours_about_the_address(
    key: str, settings: Settings, peer: str, forwarded: str | None, status: int
) -> None:
    settings.TRUSTED_PROXIES = parse_networks("10.0.0.0/8")
    ApiKey.objects.update(allowed_networks="192.0.2.0/24")

    assert status_from(key, peer, forwarded) == status


def test_is_not_used_from_our_own_network_by_a_proxy_that_names_nobody(
    key: str, settings: Settings
) -> None:
    settings.TRUSTED_PROXIES = parse_networks("10.0.0.0/8")
    ApiKey.objects.update(allowed_networks="10.0.0.0/8")

    assert status_from(key, PROXY, "unknown") == 401


# --- Time ----------------------------------------------------------------------------


def test_notes_its_use_once_a_minute(key: str, no_cache: None) -> None:
    ApiKey.objects.update(last_used_at=None)
    before = timezone.now()
    get(key)
    first = ApiKey.objects.get().last_used_at
    assert first
    assert before <= first <= timezone.now()

    get(key)
    assert ApiKey.objects.get().last_used_at == first

    almost = timezone.now() - timedelta(seconds=55)
    ApiKey.objects.update(last_used_at=almost)
    get(key)
    assert ApiKey.objects.get().last_used_at == almost

    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    get(key)
    again = ApiKey.objects.get().last_used_at
    assert again
    assert again > first


def test_notes_no_use_of_a_key_that_is_wrong(key: str, no_cache: None) -> None:
    ApiKey.objects.update(last_used_at=None)

    get(f"{key[:-1]}{'x' if key[-1] != 'x' else 'y'}")

    assert ApiKey.objects.get().last_used_at is None


@pytest.mark.parametrize(
    ("expires", "status"), [(None, 200), (60, 200), (0, 401), (-1, 401), (-(10**6), 401)]
)
def test_works_until_it_expires(key: str, no_cache: None, expires: int | None, status: int) -> None:
    end = None if expires is None else timezone.now() + timedelta(seconds=expires)
    ApiKey.objects.update(expiry_date=end)

    assert get(key).status_code == status


def test_notes_when_it_was_revoked(key: str) -> None:
    api_key = ApiKey.objects.get()
    assert api_key.revoked_at is None

    before = timezone.now()
    api_key.revoked = True
    api_key.save()

    first = ApiKey.objects.get().revoked_at
    assert first
    assert before <= first <= timezone.now()
    api_key.name = "Old"
    api_key.save()
    assert ApiKey.objects.get().revoked_at == first


def test_is_replaced_by_a_second_key_without_a_gap(key: str, no_cache: None) -> None:
    _, second = create_api_key(name="Partner", scopes="read write")
    assert [get(each).status_code for each in (key, second)] == [200, 200]

    old = ApiKey.objects.get(prefix=key.partition(".")[0])
    old.revoked = True
    old.save()

    assert [get(each).status_code for each in (key, second)] == [401, 200]


def test_is_revoked_at_once_without_the_cache(key: str, no_cache: None) -> None:
    assert get(key).status_code == 200

    ApiKey.objects.update(revoked=True)

    assert get(key).status_code == 401


@pytest.mark.parametrize(
    "change",
    [{"revoked": True}, {"expiry_date": timezone.now() - timedelta(1)}, {"scopes": "items:read"}],
)
def test_a_change_takes_effect_within_auth_cache_seconds(
    key: str, settings: Settings, clock: Callable[[float], None], change: dict[str, Any]
) -> None:
    settings.AUTH_CACHE_SECONDS = 5
    assert get(key).status_code == 200
    ApiKey.objects.update(**change)

    clock(1004.9)
    assert get(key).status_code == 200
    # It is not remembered for longer because it was used.
    clock(1005)
    assert get(key).status_code == (403 if "scopes" in change else 401)


def test_a_failure_is_never_remembered(key: str, settings: Settings) -> None:
    settings.AUTH_CACHE_SECONDS = 3600
    ApiKey.objects.update(revoked=True)
    assert get(key).status_code == 401

    ApiKey.objects.update(revoked=False)

    assert get(key).status_code == 200


def test_remembers_so_many_and_no_more(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.AUTH_CACHE_SECONDS = 3600
    monkeypatch.setattr(cache, "MOST_ENTRIES", 3)

    for number in range(10):
        cache.remembered(("Api-Key", str(number)), lambda each: Principal(Kind.API_KEY, id=each))
        assert len(cache._checked) <= 3


def test_remembers_no_credential_itself(key: str, settings: Settings) -> None:
    settings.AUTH_CACHE_SECONDS = 3600
    get(key)

    assert len(cache._checked) == 1
    assert key not in repr(cache._checked)


def test_does_not_take_one_kind_of_credential_for_another(key: str, settings: Settings) -> None:
    settings.AUTH_CACHE_SECONDS = 3600
    assert get(key).status_code == 200

    assert APIClient(HTTP_AUTHORIZATION=f"Bearer {key}").get("/v1/orders/").status_code == 401


# --- Cost ----------------------------------------------------------------------------


def machine() -> str:
    """A token by client credentials."""
    secret = "s" * 64
    application = Application.objects.create(
        client_type="confidential",
        authorization_grant_type="client-credentials",
        client_secret=secret,
        scopes="read",
    )
    form = {"grant_type": "client_credentials", "client_id": application.client_id}
    answer = APIClient().post("/o/token/", {**form, "client_secret": secret}, format="multipart")
    return str(answer.json()["access_token"])


def member() -> User:
    """Somebody with a permission of their own and one of their group's."""
    user = User.objects.create_user("mary")
    group = Group.objects.create(name="Readers")
    group.permissions.add(Permission.objects.get(codename="view_order"))
    user.groups.add(group)
    user.user_permissions.add(Permission.objects.get(codename="view_item"))
    return user


CREDENTIALS: dict[str, Callable[[], str]] = {
    "key": lambda: f"Api-Key {create_api_key(name='K', scopes='read')[1]}",
    "machine": lambda: f"Bearer {machine()}",
    "person": lambda: f"Bearer {issue(member()).access}",
}


def check(header: str) -> Principal | None:
    """The principal that the authenticators find behind a header."""
    request = Request(APIRequestFactory().get("/", headers={"Authorization": header}))
    for scheme in (ApiKeyAuthentication(), BearerAuthentication()):
        if found := scheme.authenticate(request):
            return found[1]
    return None


@pytest.mark.django_db
@pytest.mark.parametrize("kind", CREDENTIALS)
def test_costs_one_query_and_then_none(
    settings: Settings,
    clock: Callable[[float], None],
    django_assert_num_queries: DjangoAssertNumQueries,
    kind: str,
) -> None:
    settings.AUTH_CACHE_SECONDS = 5
    header = CREDENTIALS[kind]()
    ApiKey.objects.update(last_used_at=timezone.now())

    with django_assert_num_queries(1):
        cold = check(header)
    with django_assert_num_queries(0):
        assert check(header) == cold
    clock(1005)
    with django_assert_num_queries(1):
        assert check(header) == cold


@pytest.mark.django_db
def test_costs_a_write_more_when_its_use_is_to_be_noted(
    no_cache: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    header = CREDENTIALS["key"]()

    with django_assert_num_queries(2):
        check(header)
    with django_assert_num_queries(1):
        check(header)


# --- People --------------------------------------------------------------------------


def as_person(token: str, path: str = "orders") -> int:
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {token}")
    return int(client.get(f"/v1/{path}/").status_code)


@pytest.mark.django_db
def test_a_person_has_the_permissions_of_their_own_and_of_their_groups(no_cache: None) -> None:
    user = member()
    principal = check(f"Bearer {issue(user).access}")

    assert principal
    assert principal.permissions == {"orders.view_order", "items.view_item"}
    assert principal.user
    members = ("pk", "username", "is_active", "is_staff", "is_superuser")
    assert {name: getattr(principal.user, name) for name in members} == {
        name: getattr(user, name) for name in members
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("flags", "reads_customers"),
    [({}, 403), ({"is_staff": True}, 403), ({"is_superuser": True}, 200)],
)
def test_only_a_superuser_has_every_permission(
    no_cache: None, flags: dict[str, bool], reads_customers: int
) -> None:
    user = member()
    User.objects.filter(pk=user.pk).update(**flags)
    token = issue(user).access

    assert [as_person(token, path) for path in ("orders", "items")] == [200, 200]
    assert as_person(token, "customers") == reads_customers


def deactivate(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def leave_the_group(user: User) -> None:
    user.groups.clear()


def take_from_the_group(user: User) -> None:
    user.groups.get().permissions.clear()


def delete(user: User) -> None:
    user.delete()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "status"),
    [
        (deactivate, 401),
        (delete, 401),
        (leave_the_group, 403),
        (take_from_the_group, 403),
    ],
)
def test_what_is_taken_from_a_person_is_gone_within_auth_cache_seconds(
    settings: Settings,
    clock: Callable[[float], None],
    change: Callable[[User], None],
    status: int,
) -> None:
    settings.AUTH_CACHE_SECONDS = 5
    user = member()
    token = issue(user).access
    assert as_person(token) == 200
    change(user)

    clock(1004.9)
    assert as_person(token) == 200
    clock(1005)
    assert as_person(token) == status


@pytest.mark.django_db
def test_a_machine_whose_client_was_switched_off_is_refused(no_cache: None) -> None:
    header = CREDENTIALS["machine"]()
    client = APIClient(HTTP_AUTHORIZATION=header)
    assert client.get("/v1/orders/").status_code == 200

    Application.objects.update(active=False)

    problem(client.get("/v1/orders/"), 401)
