"""It takes a file from whoever may write its rows, and shows them how far it is."""

import threading
import time
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from access.models import User
from access.tokens import issue
from common.tests.problems import problem, wrong_fields
from customers.models import Customer
from customers.registration import register_login
from imports.models import Import, ImportChunk, ImportProblem
from imports.services import KEPT
from imports.sources import BLOCK
from imports.tests.uploads import IMPORTS, counts, hand_in, imported, report, work_all
from imports.work import work
from tests.cast import key_in_use

CUSTOMERS = "code,name\nC1,Ann\nC2,Bob\n"


def key_for(scopes: str, name: str = "Other") -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Api-Key {key_in_use(name=name, scopes=scopes)}")
    return client


def bearer_of(user: User) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue(user).access}")
    return client


def staff_with(*names: str) -> APIClient:
    """Somebody of the staff with these permissions."""
    user = User.objects.create_user(str(uuid4()), is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return bearer_of(user)


def test_answers_at_once_and_says_where_to_ask(partner: APIClient) -> None:
    answer = hand_in(partner, CUSTOMERS)

    one = Import.objects.get()
    url = f"http://127.0.0.1:8000/v1/imports/{one.pk}/"
    shown = answer.json()
    assert (answer.status_code, answer["Location"]) == (202, url)
    assert {name: shown[name] for name in shown if not name.endswith("_at")} == {
        "id": str(one.pk),
        "url": url,
        "resource": "customers",
        "mode": "good",
        "dry_run": False,
        "notify": True,
        "file_name": "rows.csv",
        "state": "queued",
        "rows": 0,
        "created": 0,
        "updated": 0,
        "unchanged": 0,
        "refused": 0,
        "percent": 0,
        "detail": "",
        "report_url": f"{url}report/",
    }
    assert shown["finished_at"] is None
    assert not Customer.objects.exists()


def test_is_worked_off_by_the_worker(partner: APIClient, transactional_db: None) -> None:
    url = hand_in(partner, CUSTOMERS).json()["url"]

    call_command("deliver", once=True)

    shown = partner.get(url.removeprefix("http://127.0.0.1:8000")).json()
    assert (shown["state"], shown["percent"]) == ("done", 100)
    assert counts(shown) == {"rows": 2, "created": 2}
    assert shown["updated_at"] >= shown["finished_at"] > shown["created_at"]
    assert not ImportChunk.objects.exists()


def test_shows_how_far_it_is(partner: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imports.resources.customers.Customers.batch", 1)
    answer = hand_in(partner, "name\nAnn\nBob\n")
    path = f"{IMPORTS}{answer.json()['id']}/"
    first = partner.get(path)

    assert work(threading.Event())
    second = partner.get(path, HTTP_IF_NONE_MATCH=first["ETag"])

    assert (second.json()["state"], second.json()["percent"]) == ("running", 69)
    assert counts(second.json()) == {"rows": 1, "created": 1}
    assert partner.get(path, HTTP_IF_NONE_MATCH=second["ETag"]).status_code == 304


def test_keeps_a_big_file_in_pieces(partner: APIClient) -> None:
    rows = "".join(f"C{number:06},{'x' * 400}\n" for number in range(2000))

    answer = hand_in(partner, f"code,name\n{rows}")

    sizes = [len(chunk.data) for chunk in ImportChunk.objects.order_by("number")]
    assert sizes == [BLOCK, BLOCK, BLOCK, 10 + 2000 * 409 - 3 * BLOCK]
    work_all()
    shown = partner.get(f"{IMPORTS}{answer.json()['id']}/").json()
    assert counts(shown) == {"rows": 2000, "created": 2000}


@pytest.mark.parametrize(
    ("members", "wrong"),
    [
        ({"resource": "apps"}, {"resource": "invalid_choice"}),
        ({"mode": "some"}, {"mode": "invalid_choice"}),
        ({"dry_run": "perhaps"}, {"dry_run": "invalid"}),
        ({"notify": "perhaps"}, {"notify": "invalid"}),
        ({"sort": "x"}, {"sort": "unknown"}),
    ],
)
def test_refuses_what_it_does_not_know(
    partner: APIClient, members: dict[str, Any], wrong: dict[str, str]
) -> None:
    assert wrong_fields(hand_in(partner, CUSTOMERS, **members)) == wrong
    assert not Import.objects.exists()


def test_refuses_a_form_without_a_file(partner: APIClient) -> None:
    answer = partner.post(IMPORTS, {"mode": "good"}, format="multipart")

    assert wrong_fields(answer) == {"file": "required", "resource": "required"}


def test_refuses_an_empty_file(partner: APIClient) -> None:
    assert wrong_fields(hand_in(partner, "")) == {"file": "empty"}


def test_refuses_json(partner: APIClient) -> None:
    answer = partner.post(IMPORTS, {"resource": "customers"}, format="json")

    assert problem(answer, 415)["code"] == "unsupported_media_type"


def test_refuses_a_file_that_is_too_large(partner: APIClient, settings: Settings) -> None:
    settings.MAX_UPLOAD_BYTES = 1000

    answer = hand_in(partner, "x" * 1000)

    assert problem(answer, 413)["code"] == "too_large"
    assert not Import.objects.exists()


def test_does_not_hold_a_file_to_the_bound_of_a_body(
    partner: APIClient, settings: Settings
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    rows = "".join(f"C{number}\n" for number in range(100))

    assert hand_in(partner, f"name\n{rows}").status_code == 202


def test_repeats_nothing_with_an_idempotency_key(partner: APIClient) -> None:
    first = hand_in(partner, CUSTOMERS, HTTP_IDEMPOTENCY_KEY="k")
    second = hand_in(partner, CUSTOMERS, HTTP_IDEMPOTENCY_KEY="k")
    other = hand_in(partner, CUSTOMERS + "C3,Carl\n", HTTP_IDEMPOTENCY_KEY="k")

    assert (second.status_code, second["Idempotency-Replayed"]) == (202, "true")
    assert (second.json(), second["Location"]) == (first.json(), first["Location"])
    assert problem(other, 422)["code"] == "idempotency_key_reused"
    assert (Import.objects.count(), ImportChunk.objects.count()) == (1, 1)


def test_counts_an_upload_as_bulk_and_a_look_as_a_read(
    partner: APIClient, settings: Settings
) -> None:
    settings.RATE_LIMITS = {"read": 100, "write": 0, "bulk": 1}
    while time.time() % 60 > 58:
        time.sleep(0.1)

    first, second = hand_in(partner, CUSTOMERS), hand_in(partner, CUSTOMERS)

    assert first["RateLimit-Policy"] == '"bulk";q=1;w=60'
    assert problem(second, 429)["code"] == "throttled"
    assert partner.get(IMPORTS)["RateLimit-Policy"] == '"read";q=100;w=60'


@pytest.mark.parametrize(
    ("resource", "scopes", "lacking"),
    [
        ("customers", "imports:write orders:write", "customers:write"),
        ("customers", "imports:write customers:read", "customers:write"),
        ("orders", "imports:write customers:write", "orders:write"),
        ("mappings", "imports:write customers:write", "mappings:write"),
        ("items", "imports:write", "items:write"),
        ("customers", "customers:write", "imports:write"),
    ],
)
def test_demands_the_right_to_write_the_rows(
    db: None, resource: str, scopes: str, lacking: str
) -> None:
    answer = hand_in(key_for(scopes), CUSTOMERS, resource)

    assert problem(answer, 403)["detail"] == f"The credential lacks the scope {lacking}."
    assert not Import.objects.exists()


def test_takes_it_from_who_has_both_scopes(db: None) -> None:
    client = key_for("imports:write imports:read customers:write")

    assert counts(imported(client, CUSTOMERS)) == {"rows": 2, "created": 2}


@pytest.mark.parametrize(
    ("permissions", "lacking"),
    [
        (["add_import"], "customers.add_customer"),
        (["add_import", "add_customer"], "customers.change_customer"),
        (["add_customer", "change_customer"], "imports.add_import"),
    ],
)
def test_demands_of_people_to_add_and_to_change(
    db: None, permissions: list[str], lacking: str
) -> None:
    answer = hand_in(staff_with(*permissions), CUSTOMERS)

    assert problem(answer, 403)["detail"] == f"Your user lacks the permission {lacking}."
    assert not Import.objects.exists()


def test_takes_it_from_people_who_may_add_and_change(db: None) -> None:
    client = staff_with("add_import", "view_import", "add_customer", "change_customer")

    assert counts(imported(client, CUSTOMERS)) == {"rows": 2, "created": 2}


def test_does_not_take_orders_from_who_may_place_their_own(db: None) -> None:
    login = register_login(username="jane", email="", password="correct horse battery")
    login.user_permissions.set(Permission.objects.filter(codename="add_import"))

    answer = hand_in(bearer_of(login), CUSTOMERS, "orders")

    assert problem(answer, 403)["detail"] == "You may add orders of your own, not any."


def test_shows_a_machine_its_own_alone(partner: APIClient) -> None:
    other = key_for("read write")
    mine, theirs = hand_in(partner, CUSTOMERS).json(), hand_in(other, CUSTOMERS).json()

    assert [each["id"] for each in partner.get(IMPORTS).json()] == [mine["id"]]
    assert [each["id"] for each in other.get(IMPORTS).json()] == [theirs["id"]]
    for path in ("", "report/"):
        refused = other.get(f"{IMPORTS}{mine['id']}/{path}")
        assert problem(refused, 404)["detail"] == "Import not found"


def test_shows_staff_all(partner: APIClient) -> None:
    mine = hand_in(partner, CUSTOMERS).json()

    assert [each["id"] for each in staff_with("view_import").get(IMPORTS).json()] == [mine["id"]]
    assert problem(staff_with().get(IMPORTS), 403)


def test_reports_so_that_no_spreadsheet_calculates(partner: APIClient) -> None:
    shown = imported(partner, '{"=1+1": 1}\n{"@x": 1, "name": "Ann"}\n{"code": "-1", "name": 1}')

    assert report(partner, shown) == [
        (1, "'=1+1", "unknown", "There is no such field."),
        (2, "'@x", "unknown", "There is no such field."),
        (3, "name", "invalid", "Not a valid string."),
    ]
    assert not Customer.objects.exists()


def test_reports_every_error_of_a_row(partner: APIClient) -> None:
    shown = imported(partner, "code,phone_number,document\nC1,x,1\n")

    assert [(line, field) for line, field, *_ in report(partner, shown)] == [
        (2, "phone_number"),
        (2, "document"),
    ]
    assert counts(shown) == {"rows": 1, "refused": 1}


def test_reports_no_more_than_can_be_read(
    partner: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imports.work.MOST_REPORTED", 3)
    monkeypatch.setattr("imports.report.MOST_REPORTED", 3)
    monkeypatch.setattr("imports.resources.customers.Customers.batch", 2)

    shown = imported(partner, "name\n" + "a,b\n" * 7)

    assert counts(shown) == {"rows": 7, "refused": 7}
    lines = report(partner, shown)
    assert [line for line, *_ in lines] == [2, 3, 4, 0]
    assert lines[-1] == (0, "", "more", "4 more rows are refused.")


def test_a_report_is_no_json(partner: APIClient) -> None:
    shown = imported(partner, CUSTOMERS)

    answer = partner.get(f"{IMPORTS}{shown['id']}/report/", HTTP_ACCEPT="application/json")

    assert problem(answer, 406)["code"] == "not_acceptable"


def test_is_forgotten_a_month_after_its_end(partner: APIClient) -> None:
    old = imported(partner, "name\na,b\n")
    Import.objects.update(finished_at=timezone.now() - KEPT)
    kept = imported(partner, "name\na,b\n")
    waiting = hand_in(partner, CUSTOMERS).json()

    call_command("housekeeping")

    assert {str(each.pk) for each in Import.objects.all()} == {kept["id"], waiting["id"]}
    assert str(ImportProblem.objects.get().owner_id) == kept["id"] != old["id"]


def test_takes_a_constant_number_of_statements(partner: APIClient) -> None:
    def statements(rows: int) -> int:
        hand_in(partner, "name\n" + "".join(f"N{number}\n" for number in range(rows)))
        with CaptureQueriesContext(connection) as captured:
            work_all()
        return len(captured)

    assert statements(10) == statements(2)


# --- What a proxy asks before it takes in a file ----------------------------------------------


@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        ("write", 204),
        ("imports:write", 204),
        ("read", 403),
        ("imports:read customers:write", 403),
    ],
)
def test_a_proxy_is_told_whether_a_key_may_hand_in_a_file(
    scopes: str, status: int, db: None
) -> None:
    assert key_for(scopes).get("/uploads/check").status_code == status


@pytest.mark.parametrize(("permission", "status"), [("add_import", 204), ("view_import", 403)])
def test_a_proxy_is_told_whether_staff_may(permission: str, status: int, db: None) -> None:
    assert staff_with(permission).get("/uploads/check").status_code == status


def test_a_proxy_is_told_that_strangers_may_not(db: None) -> None:
    assert APIClient().get("/uploads/check").status_code == 401
