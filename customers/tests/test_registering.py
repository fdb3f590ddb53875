"""It registers a customer: by name, domain or document, and by each domain once."""

import re
from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from common.tests.problems import wrong_fields
from customers.models import Customer

URL = "/v1/customers/"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ({"name": "Acme"}, "Acme"),
        ({"first_name": "John", "last_name": "Doe"}, "John Doe"),
        ({"first_name": "John"}, "John"),
        ({"last_name": "Doe"}, "Doe"),
        ({"domain": "acme.example"}, ""),
        ({"document": "52998224725"}, ""),
        ({"name": "Doe Ltd", "first_name": "John", "last_name": "Doe"}, "Doe Ltd"),
        # Said to be absent, in every way in which a form or a program says so.
        ({"name": "Acme", "domain": "", "document": "", "phone_number": ""}, "Acme"),
        ({"name": "Acme", "domain": None, "document": None}, "Acme"),
    ],
)
def test_needs_one_identity(partner: APIClient, body: dict[str, Any], name: str) -> None:
    response = partner.post(URL, body)

    assert response.status_code == 201
    assert response.json()["name"] == name
    assert Customer.objects.get().name == name


def test_answers_with_every_member(partner: APIClient) -> None:
    body = {
        "code": "CUST001",
        "name": "John Doe",
        "first_name": "John",
        "last_name": "Doe",
        "phone_number": "+254712345678",
        "domain": "doe.example",
        "document": "52998224725",
        "language": "sw",
        "time_zone": "Africa/Nairobi",
    }

    answer = partner.post(URL, body).json()

    stored = Customer.objects.get()
    assert {name: answer[name] for name in body} == body
    assert set(answer) == {
        *(*body, "id", "uuid", "created_at", "updated_at"),
        *("erased_at", "merged_from"),
    }
    assert answer["id"] == answer["uuid"] == str(stored.pk)
    assert UUID(answer["id"]).version == 7
    assert answer["created_at"].endswith("Z")


@pytest.mark.parametrize(
    ("field", "value", "stored"),
    [
        ("language", "EN", "en"),
        ("language", "pt_br", "pt-BR"),
        ("language", "zh-hant-tw", "zh-Hant-TW"),
        ("language", "es-419", "es-419"),
        ("language", "", ""),
        ("time_zone", "africa/nairobi", "Africa/Nairobi"),
        ("time_zone", "", ""),
    ],
)
def test_spells_languages_and_time_zones_in_one_way(
    partner: APIClient, field: str, value: str, stored: str
) -> None:
    assert partner.post(URL, {"name": "Acme", field: value}).json()[field] == stored
    assert getattr(Customer.objects.get(), field) == stored


@pytest.mark.parametrize("identity", [{"name": "Acme"}, {"domain": "acme.example"}])
def test_makes_up_a_code(partner: APIClient, identity: dict[str, str]) -> None:
    code = partner.post(URL, identity).json()["code"]

    assert re.fullmatch("C-[0-9A-HJKMNP-TV-Z]{8}", code)
    assert Customer.objects.get().code == code


def test_makes_up_another_code_for_each(partner: APIClient) -> None:
    codes = {partner.post(URL, {"name": "Acme"}).json()["code"] for _ in range(5)}

    assert len(codes) == 5


def test_keeps_a_given_code(partner: APIClient) -> None:
    response = partner.post(URL, {"name": "Acme", "code": "Kunde 7/ä"})

    assert response.json()["code"] == "Kunde 7/ä"


@pytest.mark.parametrize(
    ("field", "given", "stored"),
    [
        ("phone_number", "0712345678", "+254712345678"),
        ("phone_number", "254712345678", "+254712345678"),
        ("phone_number", "+254 712 345-678", "+254712345678"),
        ("phone_number", " (0712) 345678 ", "+254712345678"),
        ("phone_number", "+49 30 901820", "+4930901820"),
        ("domain", "Example.COM", "example.com"),
        ("domain", "example.com.", "example.com"),
        ("domain", " example.com ", "example.com"),
        ("domain", "Köln.Example", "xn--kln-sna.example"),
        ("domain", "xn--kln-sna.example", "xn--kln-sna.example"),
        ("domain", "例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("document", "529.982.247-25", "52998224725"),
        ("document", "52998224725", "52998224725"),
    ],
)
def test_stores_one_form(partner: APIClient, field: str, given: str, stored: str) -> None:
    response = partner.post(URL, {"name": "John Doe", field: given})

    assert response.status_code == 201
    assert response.json()[field] == stored
    assert Customer.objects.values_list(field, flat=True).get() == stored


@pytest.mark.parametrize("body_format", ["json", "form", "multipart"])
def test_takes_every_kind_of_body(partner: APIClient, body_format: str) -> None:
    members = {"name": "Zoë", "phone_number": "0712345678"}
    if body_format == "form":
        response = partner.post(
            URL,
            "name=Zo%C3%AB&phone_number=0712345678",
            content_type="application/x-www-form-urlencoded",
        )
    else:
        response = partner.post(URL, members, format=body_format)

    assert response.status_code == 201
    assert Customer.objects.values("name", "phone_number").get() == {
        "name": "Zoë",
        "phone_number": "+254712345678",
    }


@pytest.mark.parametrize("spelling", ["acme.example", "ACME.example."])
def test_gives_the_original_for_a_known_domain(partner: APIClient, spelling: str) -> None:
    original = partner.post(URL, {"domain": "acme.example", "name": "Acme"})
    others = {
        "name": "Other",
        "code": "OTHER",
        "phone_number": "0712345678",
        "document": "52998224725",
    }

    again = partner.post(URL, {"domain": spelling})
    with_others = partner.post(URL, {"domain": spelling, **others})

    assert (original.status_code, again.status_code, with_others.status_code) == (201, 200, 200)
    assert again.json() == with_others.json() == original.json()
    assert Customer.objects.count() == 1
    assert partner.get(f"{URL}{original.json()['id']}").json() == original.json()


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"name": "Other", "code": "CUST001"}, {"code"}),
        ({"name": "Other", "document": "529.982.247-25"}, {"document"}),
        ({"domain": "other.example", "code": "CUST001"}, {"code"}),
        ({"domain": "other.example", "document": "52998224725"}, {"document"}),
        ({"code": "CUST001", "document": "52998224725"}, {"code", "document"}),
    ],
)
def test_refuses_what_another_customer_has(
    partner: APIClient, body: dict[str, str], fields: set[str]
) -> None:
    Customer.objects.create(code="CUST001", name="John Doe", document="52998224725")

    response = partner.post(URL, body)

    assert wrong_fields(response, 409) == dict.fromkeys(fields, "unique")
    assert Customer.objects.values_list("name", flat=True).get() == "John Doe"


def test_lets_many_share_a_name_and_a_phone(partner: APIClient) -> None:
    body = {"name": "John Doe", "phone_number": "0712345678"}

    assert [partner.post(URL, body).status_code for _ in range(2)] == [201, 201]
    assert Customer.objects.count() == 2
