"""It keeps by which id each application knows a customer: one id each, on both sides."""

from typing import Any

import pytest
from django.db import IntegrityError
from rest_framework.test import APIClient

from common.tests.problems import UNKNOWN_ID, problem, wrong_fields
from customers.models import Customer
from mappings.models import App, Mapping

PAIR = "/v1/mappings/amc/jdoe/"


@pytest.fixture
def body(john: Customer) -> dict[str, str]:
    return {"customer": str(john.pk), "app": "amc", "customer_app_id": "jdoe"}


@pytest.fixture
def jane(db: None) -> Customer:
    """Another customer."""
    return Customer.objects.create(code="CUST002", name="Jane Doe", domain="jane.example")


def test_maps_a_customer(partner: APIClient, john: Customer, body: dict[str, str]) -> None:
    answer = partner.post("/v1/mappings/", body)

    mapping = Mapping.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "id": str(mapping.pk),
        "customer": str(john.pk),
        "customer_app_id": "jdoe",
        "app": "amc",
        "app_id": "jdoe",
        "domain": None,
        "created_at": answer.json()["created_at"],
        "updated_at": answer.json()["updated_at"],
    }


def test_gives_the_very_same_once_more(partner: APIClient, body: dict[str, str]) -> None:
    first = partner.post("/v1/mappings/", body)
    second = partner.post("/v1/mappings/", body)

    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == first.json()
    assert second["ETag"] == first["ETag"]
    assert Mapping.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"customer_app_id": "other"}, {"customer": "mapped"}),
        ({"customer": "{jane}"}, {"customer_app_id": "mapped"}),
    ],
)
def test_refuses_a_second_id_on_either_side(
    partner: APIClient,
    jane: Customer,
    body: dict[str, str],
    change: dict[str, str],
    wrong: dict[str, str],
) -> None:
    partner.post("/v1/mappings/", body)
    changed = {name: value.format(jane=jane.pk) for name, value in change.items()}

    answer = partner.post("/v1/mappings/", body | changed)

    assert wrong_fields(answer, 409) == wrong
    assert Mapping.objects.count() == 1


def test_names_both_sides_that_are_taken(
    partner: APIClient, jane: Customer, body: dict[str, str]
) -> None:
    partner.post("/v1/mappings/", body)
    partner.post("/v1/mappings/", body | {"customer": str(jane.pk), "customer_app_id": "jane"})

    answer = partner.post("/v1/mappings/", body | {"customer_app_id": "jane"})

    assert wrong_fields(answer, 409) == {"customer": "mapped", "customer_app_id": "mapped"}


def test_tells_ids_apart_by_their_case(
    partner: APIClient, jane: Customer, body: dict[str, str]
) -> None:
    partner.post("/v1/mappings/", body)

    answer = partner.post(
        "/v1/mappings/", body | {"customer": str(jane.pk), "customer_app_id": "JDoe"}
    )

    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"customer": UNKNOWN_ID}, {"customer": "not_found"}),
        ({"customer": "x"}, {"customer": "invalid"}),
        ({"customer": None}, {"customer": "null"}),
        ({"app": "moodle"}, {"app": "unsupported"}),
        ({"app": "AMC"}, {"app": "unsupported"}),
        ({"app": ""}, {"app": "blank"}),
        ({"app": 1}, {"app": "invalid"}),
        ({"customer_app_id": ""}, {"customer_app_id": "blank"}),
        ({"customer_app_id": 5}, {"customer_app_id": "invalid"}),
        ({"customer_app_id": "x" * 256}, {"customer_app_id": "max_length"}),
        ({"customer_app_id": "a\0b"}, {"customer_app_id": "null_characters_not_allowed"}),
        ({"user": "jdoe"}, {"user": "unknown"}),
    ],
)
def test_refuses(
    partner: APIClient, body: dict[str, str], change: dict[str, Any], wrong: dict[str, str]
) -> None:
    assert wrong_fields(partner.post("/v1/mappings/", body | change)) == wrong
    assert not Mapping.objects.exists()


def test_says_all_that_is_missing(partner: APIClient) -> None:
    assert wrong_fields(partner.post("/v1/mappings/", {})) == {
        "customer": "required",
        "customer_app_id": "required",
        "app": "required",
    }


def test_takes_nothing_new_for_an_inactive_application(
    partner: APIClient, jane: Customer, body: dict[str, str]
) -> None:
    first = partner.post("/v1/mappings/", body).json()
    App.objects.filter(slug="amc").update(active=False)

    new = body | {"customer": str(jane.pk), "customer_app_id": "jane"}
    refused = problem(partner.post("/v1/mappings/", new), 400)
    assert refused["detail"] == "app: Supported applications are: edx."
    assert wrong_fields(partner.put("/v1/mappings/amc/jane", {"name": "X"})) == {
        "app": "unsupported"
    }
    assert partner.get("/v1/query/amc/jdoe").json()["id"] == first["customer"]
    assert partner.get(PAIR).json() == first
    assert Mapping.objects.count() == 1


@pytest.mark.parametrize(
    "customer_app_id", ["a/b", " a b ", "ä@ö.example", "..", "a%2Fb", "1", "/"]
)
def test_takes_any_id_into_its_address(
    partner: APIClient, john: Customer, body: dict[str, str], customer_app_id: str
) -> None:
    from urllib.parse import quote  # noqa: PLC0415 - only here

    created = partner.post("/v1/mappings/", body | {"customer_app_id": customer_app_id}).json()
    address = f"/v1/mappings/amc/{quote(customer_app_id, safe='')}"

    assert partner.get(address).json() == created
    assert partner.get(f"/v1/query/amc/{quote(customer_app_id, safe='')}").json()["id"] == str(
        john.pk
    )
    assert partner.delete(address).status_code == 204


def test_reads_and_deletes_by_the_pair(partner: APIClient, body: dict[str, str]) -> None:
    created = partner.post("/v1/mappings/", body).json()

    read = partner.get(PAIR)
    assert read.json() == created
    assert partner.get(PAIR, HTTP_IF_NONE_MATCH=read["ETag"]).status_code == 304
    assert partner.delete(PAIR, HTTP_IF_MATCH='"x"').status_code == 412
    assert partner.delete(PAIR, HTTP_IF_MATCH=read["ETag"]).status_code == 204
    assert problem(partner.get(PAIR), 404)["detail"] == "Mapping not found"
    assert problem(partner.delete(PAIR), 404)["detail"] == "Mapping not found"


def test_goes_with_its_customer(partner: APIClient, john: Customer, body: dict[str, str]) -> None:
    partner.post("/v1/mappings/", body)

    assert partner.delete(f"/v1/customers/{john.pk}/").status_code == 204
    assert not Mapping.objects.exists()


@pytest.mark.parametrize(
    ("query", "form", "status"),
    [
        ("", {"customer": "x"}, 400),
        ("", {"customer": ""}, 400),
        ("", {"custmer": "1"}, 400),
        ("", {"app": "edx"}, 200),
        ("?count=true", {"app": "amc", "limit": "1"}, 200),
    ],
)
@pytest.mark.undocumented
def test_takes_the_form_of_a_get_as_its_query(
    partner: APIClient, body: dict[str, str], query: str, form: dict[str, str], status: int
) -> None:
    partner.post("/v1/mappings/", body)
    content = "&".join(f"{name}={value}" for name, value in form.items())

    answer = partner.generic(
        "GET", f"/v1/mappings/{query}", content, "application/x-www-form-urlencoded"
    )

    assert answer.status_code == status
    if status == 200:
        assert len(answer.json()) == (1 if form["app"] == "amc" else 0)


@pytest.mark.undocumented
def test_keeps_the_form_of_a_get_in_its_links(partner: APIClient, body: dict[str, str]) -> None:
    partner.post("/v1/mappings/", body)
    partner.put("/v1/mappings/amc/jane", {"name": "Jane"})
    content = "app=amc&limit=1"

    first = partner.generic("GET", "/v1/mappings/", content, "application/x-www-form-urlencoded")

    assert [row["app_id"] for row in first.json()] == ["jane"]
    following = first["Link"].partition("<")[2].partition(">")[0]
    assert [row["app_id"] for row in partner.get(following).json()] == ["jdoe"]


@pytest.mark.undocumented
def test_refuses_another_body_of_a_get(partner: APIClient, body: dict[str, str]) -> None:
    answer = partner.generic("GET", "/v1/mappings/", '{"customer": "x"}', "application/json")

    assert problem(answer, 400)["detail"] == "The body of a GET can only be a form."


@pytest.mark.parametrize("taken", ["customer_app_id", "customer"])
def test_the_database_holds_both_rules(john: Customer, jane: Customer, taken: str) -> None:
    amc = App.objects.get(slug="amc")
    Mapping.objects.create(customer=john, app=amc, customer_app_id="jdoe")
    another = {"customer": jane, "customer_app_id": "jane"}
    another[taken] = {"customer": john, "customer_app_id": "jdoe"}[taken]

    with pytest.raises(IntegrityError):
        Mapping.objects.create(app=amc, **another)
