"""Staff who try to get, or to hand out, rights that they do not have."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin import site
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import Group, Permission
from django.db.models import Model
from django.test import Client
from django.utils import timezone
from oauth2_provider.models import (
    get_access_token_model,
    get_grant_model,
    get_id_token_model,
    get_refresh_token_model,
)

from access.api_keys import create_api_key
from access.apps import CUSTOMERS
from access.granting import MODEL_OF_RESOURCE, PERMISSIONS_OF_VERB, Grantor, rights_of_scope
from access.models import ApiKey, Application, User
from access.scopes import RESOURCE_SCOPES, RESOURCES
from access.tests.clients import CALLBACK, browser_of, register
from config.api import router
from customers.models import Customer
from customers.registration import register_login
from tests.web_client import form_fields

pytestmark = pytest.mark.django_db

USERS, GROUPS, KEYS = "/admin/access/user/", "/admin/auth/group/", "/admin/access/apikey/"
CLIENTS, CUSTOMER_PAGES = "/admin/access/application/", "/admin/customers/customer/"
PASSWORD = "a correct horse battery"


def permission(name: str) -> Permission:
    app, codename = name.split(".")
    return Permission.objects.get(content_type__app_label=app, codename=codename)


def person(name: str, *permissions: str, **members: Any) -> User:
    user = User.objects.create_user(name, f"{name}@klanten.example", PASSWORD, **members)
    user.user_permissions.set([permission(each) for each in permissions])
    return user


def managing(model: str, *more: str) -> list[str]:
    """The permissions with which staff manage one model, and more."""
    app, name = model.split(".")
    return [f"{app}.{verb}_{name}" for verb in ("view", "add", "change", "delete")] + [*more]


@pytest.fixture
def bea() -> User:
    """Staff who manage users and groups, and may see orders."""
    rights = managing("access.user", *managing("auth.group"), "orders.view_order")
    return person("bea", *rights, is_staff=True)


@pytest.fixture
def browser(bea: User) -> Client:
    return browser_of(bea)


@pytest.fixture
def orders_group() -> Group:
    group = Group.objects.create(name="Order desk")
    group.permissions.add(permission("orders.view_order"), permission("orders.change_order"))
    return group


def grantable(bea: User) -> set[Permission]:
    """Her permissions; who sees all orders may let a customer see their own."""
    return {*bea.user_permissions.all(), permission("orders.view_own_order")}


def changed(user: User, **members: Any) -> dict[str, Any]:
    """The form of a user's page, as a browser sends it, with these members."""
    form: dict[str, Any] = {
        "username": user.username,
        "email": user.email,
        "is_active": "on",
        "is_staff": "on",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00:00",
        "groups": [group.pk for group in user.groups.all()],
        "user_permissions": [each.pk for each in user.user_permissions.all()],
        **members,
    }
    return {name: value for name, value in form.items() if value is not None}


def page(model: str, row: Model, name: str = "change") -> str:
    return f"{model}{row.pk}/{name}/"


# --- Users ----------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["bea", "someone"])
def test_nobody_makes_a_superuser(browser: Client, bea: User, who: str) -> None:
    user = bea if who == "bea" else person("someone")

    answer = browser.post(page(USERS, user), changed(user, is_superuser="on", first_name="B"))

    assert answer.status_code == 302
    assert User.objects.values_list("first_name", "is_superuser").get(pk=user.pk) == ("B", False)


@pytest.mark.parametrize("who", ["bea", "someone"])
@pytest.mark.parametrize("right", ["orders.change_order", "access.add_apikey", "auth.view_group"])
def test_only_permissions_that_one_has_are_given(
    browser: Client, bea: User, who: str, right: str
) -> None:
    user = bea if who == "bea" else person("someone")
    bea_has_it = right == "auth.view_group"
    before = set(user.get_all_permissions())
    offered = browser.get(page(USERS, user)).context["adminform"].form.fields
    assert set(offered["user_permissions"].queryset) == grantable(bea)
    given = [*user.user_permissions.all(), permission(right)]

    answer = browser.post(
        page(USERS, user), changed(user, user_permissions=[each.pk for each in given])
    )

    assert answer.status_code == (302 if bea_has_it else 200)
    after = User.objects.get(pk=user.pk).get_all_permissions()
    assert after == (before | {right} if bea_has_it else before)


def test_only_groups_within_ones_rights_are_given(
    browser: Client, bea: User, orders_group: Group
) -> None:
    within = Group.objects.create(name="Readers")
    within.permissions.add(permission("orders.view_order"))
    user = person("someone")
    offered = browser.get(page(USERS, user)).context["adminform"].form.fields["groups"]
    # The customers' own: whoever sees all orders sees one's own, but `add_own_order` is more.
    assert [group.name for group in offered.queryset] == ["Readers"]

    refused = browser.post(page(USERS, user), changed(user, groups=[orders_group.pk]))
    taken = browser.post(page(USERS, user), changed(user, groups=[within.pk]))

    assert (refused.status_code, taken.status_code) == (200, 302)
    assert list(user.groups.all()) == [within]


def more_powerful(kind: str, orders_group: Group) -> User:
    """Somebody who has a right that bea has not."""
    if kind == "superuser":
        return User.objects.create_superuser("root", "root@klanten.example", PASSWORD)
    if kind == "inactive superuser":
        return User.objects.create_superuser("root", password=PASSWORD, is_active=False)
    user = person("carl", is_active=kind != "inactive by group", is_staff=kind != "customer")
    if kind == "by permission":
        user.user_permissions.add(permission("orders.change_order"))
    elif kind == "customer":
        user.groups.add(Group.objects.get(name=CUSTOMERS))
    else:
        user.groups.add(orders_group)
    return user


KINDS = pytest.mark.parametrize(
    "kind",
    [
        "superuser",
        "inactive superuser",
        "by permission",
        "by group",
        "inactive by group",
        "customer",
    ],
)


def unchanged(user: User) -> bool:
    """Whether the row is as it was read."""
    return User.objects.filter(pk=user.pk).values().get() == {
        field.attname: getattr(user, field.attname) for field in User._meta.concrete_fields
    }


@KINDS
def test_nobody_takes_over_somebody_with_more_rights(
    browser: Client, orders_group: Group, kind: str
) -> None:
    user = more_powerful(kind, orders_group)
    new = {"password1": "another horse battery", "password2": "another horse battery"}
    own_address = changed(user, email="bea@klanten.example", username="bea2", is_active="on")

    answers = [
        browser.post(page(USERS, user), own_address).status_code,
        browser.post(page(USERS, user), changed(user, is_active=None)).status_code,
        browser.get(f"{USERS}{user.pk}/password/").status_code,
        browser.post(f"{USERS}{user.pk}/password/", new | {"usable_password": "true"}).status_code,
        browser.post(f"{USERS}{user.pk}/password/", {"unset-password": "1"}).status_code,
        browser.post(page(USERS, user, "delete"), {"post": "yes"}).status_code,
    ]

    assert answers == [403] * 6
    assert unchanged(user)
    # She may look at them all the same.
    assert browser.get(page(USERS, user)).status_code == 200


@KINDS
def test_nobody_deletes_somebody_with_more_rights_by_the_action(
    browser: Client, orders_group: Group, kind: str
) -> None:
    victims = [more_powerful(kind, orders_group), person("someone")]
    form = {"action": "delete_selected", "_selected_action": [user.pk for user in victims]}

    browser.post(USERS, form | {"post": "yes"})

    assert User.objects.filter(pk__in=[user.pk for user in victims]).count() == 2


def test_somebody_with_no_more_rights_is_managed(browser: Client) -> None:
    user = person("someone", "orders.view_own_order")

    browser.post(page(USERS, user), changed(user, email="new@klanten.example"))
    browser.post(
        f"{USERS}{user.pk}/password/",
        {"password1": "another horse battery", "password2": "another horse battery"}
        | {"usable_password": "true", "set-password": "1"},
    )

    changed_user = User.objects.get(pk=user.pk)
    assert changed_user.email == "new@klanten.example"
    assert check_password("another horse battery", changed_user.password)
    assert browser.post(page(USERS, user, "delete"), {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=user.pk).exists()


@pytest.mark.parametrize("query", ["", "?is_superuser=1&is_staff=1&groups=1&user_permissions=1"])
def test_a_new_user_has_no_rights_whatever_the_form_says(
    browser: Client, orders_group: Group, query: str
) -> None:
    form = {
        "username": "newcomer",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
        "is_superuser": "on",
        "is_staff": "on",
        "groups": [orders_group.pk],
        "user_permissions": [permission("orders.change_order").pk],
    }

    assert browser.post(f"{USERS}add/{query}", form).status_code == 302

    newcomer = User.objects.get(username="newcomer")
    assert (newcomer.is_superuser, newcomer.is_staff) == (False, False)
    assert (newcomer.groups.count(), newcomer.user_permissions.count()) == (0, 0)


def test_nobody_guesses_at_a_password_by_a_filter(browser: Client) -> None:
    assert browser.get(f"{USERS}?password__startswith=p").status_code == 400


def test_a_superuser_gives_everything(admin: User, orders_group: Group) -> None:
    browser, user = browser_of(admin), person("someone")
    given = {
        "is_superuser": "on",
        "groups": [orders_group.pk],
        "user_permissions": [permission("access.add_apikey").pk],
    }

    assert browser.post(page(USERS, user), changed(user, **given)).status_code == 302

    after = User.objects.get(pk=user.pk)
    assert after.is_superuser
    assert (after.groups.get(), after.user_permissions.get().codename) == (
        orders_group,
        "add_apikey",
    )


# --- Groups ---------------------------------------------------------------------------------


def test_a_group_gets_only_permissions_that_one_has(browser: Client, bea: User) -> None:
    own = Group.objects.create(name="Mine")
    bea.groups.add(own)
    offered = browser.get(page(GROUPS, own)).context["adminform"].form.fields["permissions"]
    assert set(offered.queryset) == grantable(bea)

    for url in (page(GROUPS, own), f"{GROUPS}add/"):
        form = {"name": "Theirs", "permissions": [permission("orders.change_order").pk]}
        assert browser.post(url, form).status_code == 200
    assert not Group.objects.filter(name="Theirs").exists()

    form = {"name": "Mine", "permissions": [permission("orders.view_order").pk]}
    assert browser.post(page(GROUPS, own), form).status_code == 302
    assert own.permissions.get().codename == "view_order"


def test_a_group_beyond_ones_rights_is_left_alone(browser: Client, orders_group: Group) -> None:
    form = {"name": "x", "permissions": []}
    action = {"action": "delete_selected", "_selected_action": [orders_group.pk], "post": "yes"}

    assert browser.post(page(GROUPS, orders_group), form).status_code == 403
    assert browser.post(page(GROUPS, orders_group, "delete"), {"post": "yes"}).status_code == 403
    browser.post(GROUPS, action)

    assert Group.objects.get(pk=orders_group.pk).name == "Order desk"
    assert orders_group.permissions.count() == 2


# --- Keys -----------------------------------------------------------------------------------


@pytest.fixture
def keeper() -> Client:
    """Staff who manage keys and clients, see orders and customers, and manage items."""
    rights = managing("access.apikey", *managing("access.application"), *managing("items.item"))
    return browser_of(
        person("kim", *rights, "orders.view_order", "customers.view_customer", is_staff=True)
    )


BEYOND = ["read", "write", "orders:write", "customers:read orders:write", "customers:erase"]
BEYOND += ["customers:export", "introspection", "notifications:read"]
WITHIN = ["", "orders:read", "customers:read orders:read", "items:read items:write"]


@pytest.mark.parametrize("scopes", BEYOND)
def test_no_key_has_scopes_beyond_ones_rights(keeper: Client, scopes: str) -> None:
    form = {"name": "Mine", "scopes": scopes, "rate_class": "standard"}
    mine, _ = create_api_key(name="Mine", scopes="orders:read")

    refused = keeper.post(f"{KEYS}add/", form)
    kept = keeper.post(page(KEYS, mine), form)

    for answer in (refused, kept):
        (error,) = answer.context["adminform"].form.errors["scopes"]
        assert error.startswith("You cannot give what you may not do yourself: ")
    assert ApiKey.objects.get().scopes == "orders:read"


@pytest.mark.parametrize("scopes", WITHIN)
def test_a_key_has_scopes_within_ones_rights(keeper: Client, scopes: str) -> None:
    form = {"name": "Mine", "scopes": scopes, "rate_class": "standard"}

    assert keeper.post(f"{KEYS}add/", form).status_code == 302

    assert ApiKey.objects.get().scopes == scopes


@pytest.mark.parametrize("scopes", BEYOND)
def test_a_key_beyond_ones_rights_is_only_revoked(keeper: Client, scopes: str) -> None:
    theirs, _ = create_api_key(name="Theirs", scopes=scopes)
    form = {"name": "Mine", "scopes": "orders:read", "rate_class": "high", "owner": "me"}
    form |= {"allowed_networks": "0.0.0.0/0", "expiry_date_0": "2099-01-01", "revoked": ""}
    before = ApiKey.objects.values().get()

    keeper.post(page(KEYS, theirs), form)
    deleted = keeper.post(page(KEYS, theirs, "delete"), {"post": "yes"})
    action = {"action": "delete_selected", "_selected_action": [theirs.pk], "post": "yes"}
    keeper.post(KEYS, action)

    assert deleted.status_code == 403
    assert ApiKey.objects.values().get() == before
    keeper.post(page(KEYS, theirs), form | {"revoked": "on"})
    after = ApiKey.objects.values().get()
    assert after.pop("revoked_at") is not None
    del before["revoked_at"]
    assert after == {**before, "revoked": True}


def test_an_unknown_scope_is_still_named(keeper: Client) -> None:
    form = {"name": "Mine", "scopes": "orders:raed", "rate_class": "standard"}

    answer = keeper.post(f"{KEYS}add/", form)

    assert answer.context["adminform"].form.errors["scopes"][0].startswith("Unknown scope")


# --- Clients --------------------------------------------------------------------------------


def client_form(**members: str) -> dict[str, str]:
    return {
        "name": "Mine",
        "client_id": "mine",
        "client_secret": "s" * 48,
        "hash_client_secret": "on",
        "client_type": "confidential",
        "authorization_grant_type": "authorization-code",
        "redirect_uris": CALLBACK,
        "algorithm": "RS256",
        "active": "on",
        **members,
    }


@pytest.mark.parametrize("scopes", BEYOND)
def test_no_client_has_scopes_beyond_ones_rights(keeper: Client, scopes: str) -> None:
    answer = keeper.post(f"{CLIENTS}add/", client_form(scopes=scopes))

    (error,) = answer.context["adminform"].form.errors["scopes"]
    assert error.startswith("You cannot give what you may not do yourself: ")
    assert not Application.objects.exists()


def test_no_client_goes_without_consent(keeper: Client) -> None:
    form = client_form(scopes="orders:read", skip_authorization="on")

    assert keeper.post(f"{CLIENTS}add/?skip_authorization=1", form).status_code == 302

    client = Application.objects.get()
    assert (client.scopes, client.skip_authorization) == ("orders:read", False)
    keeper.post(page(CLIENTS, client), form)
    assert not Application.objects.get().skip_authorization


@pytest.mark.parametrize(
    "members",
    [{"scopes": "read write"}, {"scopes": "orders:read", "skip_authorization": True}],
    ids=["scopes", "without consent"],
)
@pytest.mark.parametrize("owned", [False, True])
def test_a_client_beyond_ones_rights_is_left_alone(
    keeper: Client, members: dict[str, Any], owned: bool
) -> None:
    owner = User.objects.get(username="kim") if owned else None
    client = register(user=owner, **members).application
    before = Application.objects.values().get()
    form = client_form(redirect_uris="https://mine.example/callback")
    ours = f"/o/applications/{client.pk}/"

    answers = [
        keeper.post(page(CLIENTS, client), form),
        keeper.post(page(CLIENTS, client, "delete"), {"post": "yes"}),
        keeper.get(ours),
        keeper.get(f"{ours}update/"),
        keeper.post(f"{ours}update/", form),
        keeper.post(f"{ours}delete/"),
    ]

    hidden = 403 if owned else 404
    assert [answer.status_code for answer in answers] == [403] * 2 + [hidden] * 4
    assert Application.objects.values().get() == before
    action = {"action": "delete_selected", "_selected_action": [client.pk], "post": "yes"}
    keeper.post(CLIENTS, action)
    assert Application.objects.values().get() == before


def test_a_secret_in_clear_is_for_those_who_may_change_its_client(
    keeper: Client, admin: User
) -> None:
    secret = "clear-" * 10
    client = register(client_secret=secret, hash_client_secret=False, algorithm="HS256").application
    viewer = browser_of(person("vic", "access.view_application", is_staff=True))

    for browser in (keeper, viewer):
        shown = browser.get(page(CLIENTS, client))
        assert shown.status_code == 200
        assert secret not in shown.content.decode()
        assert browser.get(f"{CLIENTS}?client_secret__startswith=c").status_code == 400
    assert secret in browser_of(admin).get(page(CLIENTS, client)).content.decode()


def registration(**members: str) -> dict[str, str]:
    """What a browser sends for a client whose codes go to our own callback."""
    own = {"redirect_uris": "http://127.0.0.1:8000/o/callback", "post_logout_redirect_uris": ""}
    return client_form(**own, **{"allowed_origins": "", **members})


FOREIGN = [
    {"redirect_uris": CALLBACK},
    {"redirect_uris": f"http://127.0.0.1:8000/o/callback {CALLBACK}"},
    {"redirect_uris": "http://127.0.0.1:8000/o/callback/../../mine"},
    {"redirect_uris": ""},
    {"post_logout_redirect_uris": "https://mine.example/"},
    {"allowed_origins": "https://mine.example"},
    {"authorization_grant_type": "client-credentials"},
    {"authorization_grant_type": "password"},
    {"authorization_grant_type": "implicit"},
]


@pytest.mark.parametrize("members", FOREIGN, ids=repr)
def test_only_who_may_add_clients_registers_one_for_others(members: dict[str, str]) -> None:
    staff = person("sam", "customers.view_customer", is_staff=True)
    form = registration() | members

    assert browser_of(staff).post("/o/applications/register/", form).status_code == 403
    assert not Application.objects.exists()


def test_staff_register_a_client_for_themselves(client: Client) -> None:
    """As CustOrder's document walks it: the code is shown to whoever consented."""
    staff = person("sam", "customers.view_customer", is_staff=True)

    answer = browser_of(staff).post("/o/applications/register/", registration())

    registered = Application.objects.get()
    assert (answer.status_code, registered.user, registered.scopes) == (302, staff, "")
    assert browser_of(staff).get(answer["Location"]).status_code == 200
    assert client.post("/o/applications/register/", registration()).status_code == 302
    assert Application.objects.count() == 1


@pytest.mark.parametrize("action", ["update", "delete"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_client_is_changed_by_staff_with_the_permission(action: str, method: str) -> None:
    staff = person("sam", "customers.view_customer", is_staff=True)
    client = register(user=staff, scopes="").application
    url = f"/o/applications/{client.pk}/{action}/"
    before = Application.objects.values().get()
    right = f"access.{'change' if action == 'update' else 'delete'}_application"

    assert getattr(browser_of(staff), method)(url, client_form()).status_code == 403
    # The right alone does not let in who is no staff.
    stranger = browser_of(person("eve", right))
    assert getattr(stranger, method)(url, client_form()).status_code == 302
    assert Application.objects.values().get() == before

    staff.user_permissions.add(permission(right))
    assert browser_of(staff).get(url).status_code == 200


@pytest.mark.parametrize("key", ["abc", "99999999999999999999", "-1", "1-2"])
def test_a_client_that_is_not_there_is_a_404(keeper: Client, key: str) -> None:
    assert keeper.get(f"/o/applications/{key}/").status_code == 404


def test_registering_gives_no_scopes(keeper: Client) -> None:
    fields = form_fields(keeper.get("/o/applications/register/").content.decode(), "redirect_uris")
    more = {"scopes": "read write", "skip_authorization": "on", "user": "1"}

    keeper.post("/o/applications/register/", fields | client_form() | more)

    client = Application.objects.get()
    assert (client.scopes, client.skip_authorization) == ("", False)
    assert client.user == User.objects.get(username="kim")


# --- What the provider hands out ------------------------------------------------------------


def issued(owner: User) -> list[Model]:
    """A row of each kind, which somebody would like to be another's."""
    later = timezone.now() + timedelta(hours=1)
    client = register().application
    mine = {"user": owner, "application": client}
    access = get_access_token_model().objects.create(
        **mine, token="t" * 30, scope="orders:read", expires=later
    )
    return [
        access,
        get_refresh_token_model().objects.create(**mine, token="r" * 30, access_token=access),
        get_grant_model().objects.create(
            **mine, code="c" * 30, redirect_uri=CALLBACK, expires=later, scope="orders:read"
        ),
        get_id_token_model().objects.create(**mine, expires=later, scope="openid"),
    ]


def test_tokens_are_not_made_anybody_elses(admin: User) -> None:
    """Not even by a superuser: what was handed out is on record."""
    rows = issued(person("someone"))
    rights = [
        f"oauth2_provider.{verb}_{row._meta.model_name}"
        for row in rows
        for verb in ("view", "add", "change", "delete")
    ]
    browsers = [browser_of(person("tom", *rights, is_staff=True)), browser_of(admin)]

    for row in rows:
        model = type(row)
        before = model._default_manager.values().get(pk=row.pk)
        base = f"/admin/oauth2_provider/{row._meta.model_name}/"
        for browser in browsers:
            form = {"user": admin.pk, "scope": "read write", "token": "mine", "code": "mine"}
            assert browser.post(page(base, row), form).status_code == 403
            assert browser.get(f"{base}?token__startswith=t").status_code in {302, 400}
            assert browser.get(f"{base}?code__startswith=c").status_code in {302, 400}
        assert model._default_manager.values().get(pk=row.pk) == before


# --- Customers' logins ----------------------------------------------------------------------


@pytest.fixture
def clerk() -> Client:
    """Staff who manage customers and orders."""
    rights = managing("customers.customer", *managing("orders.order"), "access.view_user")
    return browser_of(person("cleo", *rights, is_staff=True))


def link(browser: Client, customer: Customer, user: User | None) -> bool:
    """Whether the customer is linked to this login after an attempt at it."""
    form = {"code": customer.code, "name": "John Doe", "user": user.pk if user else ""}
    browser.post(page(CUSTOMER_PAGES, customer), form)
    browser.post(f"{CUSTOMER_PAGES}add/", {**form, "code": "NEW"})
    linked = Customer.objects.filter(user=user).values_list("code", flat=True)
    assert "NEW" not in linked or user is None
    return customer.code in linked


def test_a_customer_is_not_linked_to_a_login_with_more_rights(
    clerk: Client, john: Customer, orders_group: Group
) -> None:
    """Erasing the customer would end that login."""
    colleague = person("carl", is_staff=True)
    service = person("svc", "items.change_item")
    root = person("root", is_superuser=True)
    oneself = User.objects.get(username="cleo")

    assert not any(link(clerk, john, user) for user in (colleague, service, root, oneself))


def test_a_customer_is_linked_to_a_customers_login(
    clerk: Client, admin: User, john: Customer
) -> None:
    login = register_login(username="john", email="", password=PASSWORD)
    Customer.objects.filter(user=login).delete()

    assert link(clerk, john, login)
    assert link(clerk, john, None)
    colleague = person("carl", is_staff=True)
    assert link(browser_of(admin), john, colleague)
    # Staff go on changing what else is on that page.
    form = {"code": john.code, "name": "Johnny", "user": colleague.pk}
    assert clerk.post(page(CUSTOMER_PAGES, john), form).status_code == 302
    assert Customer.objects.values_list("name", "user").get(pk=john.pk) == ("Johnny", colleague.pk)


# --- The rule -------------------------------------------------------------------------------


def test_a_scope_to_read_stands_for_every_model_that_its_endpoints_show() -> None:
    viewsets: list[Any] = [viewset for _, viewset, _ in router.registry]
    for viewset in viewsets:
        app, model = viewset.queryset.model._meta.label_lower.split(".")
        assert f"{app}.view_{model}" in rights_of_scope(f"{viewset.resource}:read")

    assert set(MODEL_OF_RESOURCE) == set(RESOURCES)


@pytest.mark.parametrize("scope", sorted(RESOURCE_SCOPES))
def test_every_scope_stands_for_permissions_that_there_are(scope: str) -> None:
    rights = rights_of_scope(scope)

    assert rights
    assert all(permission(right) for right in rights)
    nobody = Grantor(is_unlimited=False, rights=frozenset())
    assert nobody.beyond(scope) == [scope]
    assert Grantor(is_unlimited=False, rights=rights).beyond(scope) == []
    for right in rights:
        assert Grantor(is_unlimited=False, rights=rights - {right}).beyond(scope) == [scope]


def test_a_verb_of_a_scope_is_one_that_the_rule_knows() -> None:
    verbs = {scope.rpartition(":")[2] for scope in RESOURCE_SCOPES - {"introspection"}}

    assert verbs == set(PERMISSIONS_OF_VERB)


def test_no_other_page_of_the_admin_changes_rights() -> None:
    """A model with a way to a user, a group, a permission or scopes is one of those above."""
    leading = {
        model._meta.label
        for model, page_of_it in site._registry.items()
        for field in model._meta.get_fields()
        if field.name == "scopes" or field.related_model in {User, Group, Permission}
        if not field.auto_created
    }

    assert leading == {
        *("access.User", "auth.Group", "access.ApiKey", "access.Application"),
        *("access.ExternalIdentity", "customers.Customer"),
        *(f"oauth2_provider.{each}" for each in ("AccessToken", "RefreshToken", "Grant")),
        "oauth2_provider.IDToken",
    }
