"""It says what staff want a message to say."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from pytest_django.fixtures import DjangoAssertNumQueries, Settings
from rest_framework.test import APIClient

from access.models import User
from customers.models import Customer
from notifications import kinds, texts, wording
from notifications.kinds import Kind, register
from notifications.models import Message, Template
from notifications.services import queue

ADD = "/admin/notifications/template/add/"
PREVIEW = "/admin/notifications/template/preview/"


@pytest.fixture
def ada(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def template(text: str, language: str = "en", **members: Any) -> Template:
    given = {"kind": kinds.ORDER_RECEIVED, "language": language, "text": text, **members}
    return Template.objects.create(**given)


def said(partner: APIClient, order: dict[str, Any]) -> str:
    """What the message of a new order says."""
    partner.post("/v1/orders/", order)
    return Message.objects.latest("id").text


# --- The language of templates -------------------------------------------------------


def test_fills_in_names() -> None:
    values = {"a": "1 {b}", "b": "2"}

    assert wording.fill("{a}, {b}, {a} {{x}}", values) == "1 {b}, 2, 1 {b} {x}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{nmae}", "There is no {nmae}. Known here: {item}, {name}."),
        ("{x} {y} {name}", "There is no {x}, {y}. Known here: {item}, {name}."),
        ("{name.__class__}", "Write only a name between braces, not {name.__class__}."),
        ("{name[0]}", "Write only a name between braces, not {name[0]}."),
        ("{name!r}", "Write only a name between braces, not {name}."),
        ("{name:>1000000}", "Write only a name between braces, not {name}."),
        ("{}", "Write only a name between braces, not {}."),
        ("{0}", "Write only a name between braces, not {0}."),
        ("{name", "A brace is open or stray; write {{ or }} for one in the text."),
        ("name}", "A brace is open or stray; write {{ or }} for one in the text."),
        ("{name{item}}", "A brace is open or stray; write {{ or }} for one in the text."),
        ("{name:{item}}", "Write only a name between braces, not {name}."),
    ],
)
def test_refuses_what_is_no_name(text: str, says: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - compared whole below
        wording.check(text, {"name", "item"})

    assert str(error.value) == says


# --- Which text it is ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("", "English: Laptop Computer"),
        ("en", "English: Laptop Computer"),
        ("sw", "Kiswahili: Laptop Computer"),
        ("sw-KE", "Kiswahili: Laptop Computer"),
        ("fr", "English: Laptop Computer"),
    ],
)
def test_speaks_the_customers_language(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any], language: str, text: str
) -> None:
    template("English: {item}")
    template("Kiswahili: {item}", "sw")
    Customer.objects.update(language=language)

    assert said(partner, savannah_order) == text


def test_speaks_the_language_of_the_house(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any], settings: Settings
) -> None:
    settings.DEFAULT_LANGUAGE = "sw"
    template("Kiswahili: {item}", "sw")

    assert said(partner, savannah_order) == "Kiswahili: Laptop Computer"


def test_says_what_the_code_says_while_a_template_is_off(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any]
) -> None:
    template("Off", active=False)

    assert said(partner, savannah_order).startswith("Hello John Doe! Your order for Laptop")


@pytest.mark.django_db
def test_a_change_is_in_use_at_once(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any]
) -> None:
    ours = template("One")
    assert said(partner, savannah_order) == "One"

    ours.text = "Two"
    ours.save()
    assert said(partner, savannah_order) == "Two"

    ours.delete()
    assert said(partner, savannah_order).startswith("Hello John Doe!")


def test_no_order_fails_for_a_template_that_a_release_broke(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any]
) -> None:
    template("Hello {colour}!")
    template("Hello!", kind="long_gone")

    assert said(partner, savannah_order).startswith("Hello John Doe!")


@pytest.mark.django_db
def test_is_read_once_in_a_while(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    template("One")
    with django_assert_num_queries(1):
        texts.templates()
        texts.templates()


def test_marks_what_is_essential(
    partner: APIClient, john: Customer, savannah_order: dict[str, Any]
) -> None:
    partner.post("/v1/orders/", savannah_order)
    template("One", essential=True)
    partner.post("/v1/orders/", savannah_order)

    marks = list(Message.objects.order_by("id").values_list("essential", flat=True))
    assert marks == [False, True]


def test_another_app_adds_a_kind(john: Customer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_kinds", dict(kinds._kinds))
    register(Kind("rental_overdue", "Overdue", {"title": "Emma"}, {"en": "Bring {title} back!"}))

    message = queue("rental_overdue", {"title": "Ulysses"}, customer=john)

    assert (message.text, message.to) == ("Bring Ulysses back!", john.phone_number)
    assert ("rental_overdue", "Overdue") in kinds.choices()


def test_a_kind_with_a_wrong_text_is_refused() -> None:
    with pytest.raises(ValueError, match=r"There is no \{titel\}"):
        register(Kind("x", "X", {"title": "Emma"}, {"en": "{titel}"}))


# --- In the admin --------------------------------------------------------------------


def form(**changes: str) -> dict[str, str]:
    return {"kind": "order_ready", "language": "SW", "text": "Tayari: {item}", **changes}


def test_is_written_in_the_admin(ada: Client) -> None:
    response = ada.post(ADD, form(active="on"))

    assert response.status_code == 302
    assert Template.objects.values("kind", "language", "text", "essential", "active").get() == {
        "kind": "order_ready",
        "language": "sw",
        "text": "Tayari: {item}",
        "essential": False,
        "active": True,
    }


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"text": "Hello {nmae}"}, "There is no {nmae}. Known here: {amount}, {currency}"),
        ({"text": "Hello {item"}, "A brace is open or stray"),
        ({"text": ""}, "This field is required."),
        ({"text": "x" * 1001}, "Ensure this value has at most 1000 characters"),
        ({"kind": "other"}, "Select a valid choice."),
        ({"language": "english please"}, "This is no language tag, such as en or pt-BR."),
        ({"language": "en"}, "There is a template of this kind in this language."),
    ],
)
def test_is_checked_when_it_is_saved(ada: Client, changes: dict[str, str], says: str) -> None:
    template("Ready", kind="order_ready")

    response = ada.post(ADD, form(**changes))

    assert says in response.content.decode()
    assert Template.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "shown", "summary"),
    [
        ("Ready: {item}", "Ready: Laptop Computer", "GSM-7, 22 septets, 1 SMS"),
        ("Готово: {item}", "Готово: Laptop Computer", "UCS-2, 23 UTF-16 units, 1 SMS"),
        ("x" * 161, "x" * 161, "GSM-7, 161 septets, 2 SMS"),
        ("{nmae}", "", "There is no {nmae}. Known here: {amount}, {currency}, {customer_name}, "),
    ],
)
def test_is_previewed(ada: Client, text: str, shown: str, summary: str) -> None:
    answer = ada.post(PREVIEW, {"kind": "order_ready", "text": text}).json()

    assert answer["text"] == shown
    assert answer["variables"] == (
        "Variables: {amount}, {currency}, {customer_name}, {item}, {order_code}."
    )
    assert answer["summary"].startswith(summary)


def test_shows_its_length_on_its_page_and_in_the_list(ada: Client) -> None:
    ours = template("Ready: {item}")

    page = ada.get(f"/admin/notifications/template/{ours.pk}/change/").content.decode()
    listed = ada.get("/admin/notifications/template/").content.decode()

    assert "Ready: Laptop Computer" in page
    assert "GSM-7, 22 septets, 1 SMS" in page
    assert "notifications/template.js" in page
    assert "<style>" not in page
    assert "GSM-7, 22 septets, 1 SMS" in listed


def test_is_previewed_to_staff_alone(client: Client, db: None) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    given = {"kind": "order_ready", "text": "{item}"}

    assert client.post(PREVIEW, given).status_code == 302
    client.force_login(clerk)
    assert client.post(PREVIEW, given).status_code == 403


def test_is_escaped(ada: Client) -> None:
    ours = template("<script>alert(1)</script>")

    page = ada.get(f"/admin/notifications/template/{ours.pk}/change/").content.decode()

    assert "<script>alert(1)</script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


@pytest.mark.django_db
def test_knows_no_kind_that_nobody_registered() -> None:
    with pytest.raises(ValidationError, match="There is no such kind of message"):
        Template(kind="x", language="en", text="x").full_clean()
