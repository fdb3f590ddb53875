"""It lets staff note who wants no messages, and keeps a record of every change."""

import pytest
from django.test import Client

from access.models import User
from notifications.models import ConsentChange, OptOut

LIST = "/admin/notifications/optout/"
PHONE = "+254712345678"


@pytest.fixture
def ada(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def changes() -> list[tuple[str, bool, str]]:
    return list(ConsentChange.objects.order_by("id").values_list("phone", "opted_out", "source"))


def test_opts_out_and_in_again(ada: Client, admin: User) -> None:
    by = f"user:{admin.pk}"

    ada.post(f"{LIST}add/", {"phone": "0712 345678"})
    assert (OptOut.objects.get().phone, OptOut.objects.get().source) == (PHONE, by)
    ada.post(f"{LIST}{OptOut.objects.get().pk}/delete/", {"post": "yes"})

    assert not OptOut.objects.exists()
    assert changes() == [(PHONE, True, by), (PHONE, False, by)]


def test_opts_several_in(ada: Client, admin: User) -> None:
    for phone in (PHONE, "+254722000111"):
        ada.post(f"{LIST}add/", {"phone": phone})
    selected = [str(row.pk) for row in OptOut.objects.all()]

    form = {"action": "delete_selected", "_selected_action": selected, "post": "yes"}
    ada.post(LIST, form)

    assert not OptOut.objects.exists()
    assert sorted(opted_out for _, opted_out, _ in changes()) == [False, False, True, True]


@pytest.mark.parametrize(
    ("phone", "says"),
    [
        (PHONE, "This phone has opted out already."),
        ("0712345678", "This phone has opted out already."),
        ("x", "This is no phone number."),
        ("", "This field is required."),
    ],
)
def test_opts_nobody_out_who_is_nobody_or_out(ada: Client, phone: str, says: str) -> None:
    ada.post(f"{LIST}add/", {"phone": PHONE})

    response = ada.post(f"{LIST}add/", {"phone": phone})

    assert says in response.content.decode()
    assert (OptOut.objects.count(), len(changes())) == (1, 1)


def test_changes_no_opt_out(ada: Client) -> None:
    ada.post(f"{LIST}add/", {"phone": PHONE})
    row = OptOut.objects.get()

    assert ada.post(f"{LIST}{row.pk}/change/", {"phone": "+254722000111"}).status_code == 403
    assert OptOut.objects.get().phone == PHONE
