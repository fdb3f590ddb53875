"""It writes no secret to the log, in whatever form one gets there, and leaves the rest alone."""

import json
import logging
from collections.abc import Callable
from io import StringIO
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import QueryDict

from common.logs import MASK, PERSONAL, MaskSecrets, mask_handlers, masked, route_of

KEY = "Ab3dEf7h.0123456789abcdefghijABCDEFGHIJ01"
TOKEN = "q8Zr5mXw2LkT9vBnC4yHs7PdJ1gFa6eU3iOoRxWt"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJib2IifQ.c2lnbmF0dXJl-_"
PASSWORD = 'correct, "horse"; battery\'s & staple}'
PLAIN = "hunter2"
NAMES = (
    "password",
    "password1",
    "password2",
    "old_password",
    "Password",
    "client_secret",
    "SECRET_KEY",
    "access_token",
    "refresh_token",
    "id_token",
    "code_verifier",
    "client_assertion",
    "api_key",
    "apiKey",
    "AFRICAS_TALKING_API_KEY",
    "sessionid",
    "csrftoken",
    "csrfmiddlewaretoken",
    "X-CSRFToken",
)


@pytest.mark.parametrize("scheme", ["Api-Key", "api-key", "Bearer", "BEARER", "JWT", "Token"])
@pytest.mark.parametrize("credential", [KEY, TOKEN, JWT, "dXNlcjpwYXNzd29yZA=="])
@pytest.mark.parametrize(
    "form",
    [
        "Authorization: {}",
        "authorization:{}",
        "{{'HTTP_AUTHORIZATION': '{}', 'x': 1}}",
        '{{"Authorization": "{}"}}',
        "[('Authorization', '{}')]",
        "sent {} and failed",
        "-H '{}'",
    ],
)
def test_masks_a_credential_behind_its_scheme(scheme: str, credential: str, form: str) -> None:
    text = masked(form.format(f"{scheme} {credential}"))

    assert credential not in text
    assert MASK in text


@pytest.mark.parametrize("separator", ["%20", "+"])
def test_masks_a_credential_in_a_query_string(separator: str) -> None:
    text = masked(f"GET /v1/?auth=Bearer{separator}{TOKEN}&limit=5")

    assert text == f"GET /v1/?auth=Bearer{separator}{MASK}&limit=5"


def test_masks_the_whole_of_a_header_that_is_garbage() -> None:
    text = masked("Authorization: Api-Key not a key at all\nAccept: */*")

    assert text == f"Authorization: {MASK}\nAccept: */*"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("{}: {}", "{}: {}"),
        ("{}={}", "{}={}"),
        ("{} = {}", "{} = {}"),
        ("a=1&{}={}&b=2", "a=1&{}={}&b=2"),
        ("GET /?{}={} HTTP/1.1", "GET /?{}={} HTTP/1.1"),
        ('{{"{}": "{}", "a": 1}}', '{{"{}": {}, "a": 1}}'),
        ('{{"{}":"{}"}}', '{{"{}":{}}}'),
        ("{{'{}': '{}', 'a': 1}}", "{{'{}': {}, 'a': 1}}"),
        ("{{b'{}': b'{}'}}", "{{b'{}': b{}}}"),
        ("<QueryDict: {{'{}': ['{}']}}>", "<QueryDict: {{'{}': [{}]}}>"),
        (r'"{{\"{}\": \"{}\", \"a\": 1}}"', r'"{{\"{}\": {}, \"a\": 1}}"'),
    ],
)
def test_masks_a_value_behind_its_name(name: str, form: str, expected: str) -> None:
    assert masked(form.format(name, PLAIN)) == expected.format(name, MASK)


@pytest.mark.parametrize(
    "form",
    [
        json.dumps,
        lambda body: json.dumps({"body": json.dumps(body)}),
        repr,
        lambda body: repr(json.dumps(body).encode()),
        urlencode,
        lambda body: repr(QueryDict(urlencode(body))),
    ],
    ids=["json", "json in json", "repr", "repr of json", "form", "repr of a form"],
)
@pytest.mark.parametrize(
    "password", [PASSWORD, "zig zag", "zig\\", 'zig"zag', "zig'zag", "zig\nzag"]
)
def test_masks_all_of_a_password_with_signs(
    form: Callable[[dict[str, str]], str], password: str
) -> None:
    text = masked(form({"username": "bob", "password": password, "remember": "yes"}))

    assert "bob" in text
    assert MASK in text
    for word in ("horse", "battery", "staple", "zig", "zag"):
        assert word not in text
    assert "remember" in text


@pytest.mark.parametrize("name", ["token", "refresh", "access", "key", "code"])
@pytest.mark.parametrize("form", ["?{}={}&a=1", '{{"{}": "{}"}}', "{{'{}': ['{}']}}", "{}: {}"])
def test_masks_what_is_long_behind_a_name_that_may_be_harmless(name: str, form: str) -> None:
    assert masked(form.format(name, TOKEN)) == form.format(name, MASK)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"no such key {KEY}.", f"no such key {MASK}."),
        (f"cannot read {JWT}, sorry", f"cannot read {MASK}, sorry"),
        (f"'{JWT}'", f"'{MASK}'"),
        (
            "Not Found: /notifications/africastalking/s3cret/reports",
            f"Not Found: /notifications/africastalking/{MASK}/reports",
        ),
        (
            '"POST /notifications/africastalking/s3cret/reports/ HTTP/1.1" 200',
            f'"POST /notifications/africastalking/{MASK}/reports/ HTTP/1.1" 200',
        ),
        ("postgres://klanten:p%40ss@db:5432/x", f"postgres://klanten:{MASK}@db:5432/x"),
        ("redis://:pass@cache", f"redis://:{MASK}@cache"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEow+/=\n-----END RSA PRIVATE KEY-----",
            f"-----BEGIN RSA PRIVATE KEY-----{MASK}-----END RSA PRIVATE KEY-----",
        ),
        (
            "-----BEGIN PRIVATE KEY-----\\nMIIEow\\n-----END",
            f"-----BEGIN PRIVATE KEY-----{MASK}-----END",
        ),
    ],
)
def test_masks_what_it_knows_by_its_form(text: str, expected: str) -> None:
    assert masked(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "The Bearer credential is not valid.",
        "The Api-Key credential is not valid.",
        "Basic authentication and token introspection are two things.",
        "The refresh token is not valid.",
        "Missing required field: password2",
        "Unauthorized: /v1/orders/",
        "Set SECRET_KEY (or SECRET_KEY_FILE) in the environment",
        "code: CUST001",
        "customer_code=CUST001&limit=100",
        "Another customer has this code.",
        "https://issuer.example/.well-known/openid-configuration",
        "01890a5d-ac96-774b-bcce-b302099a8057",
        "2025-09-21 08:15:00,123 took 1250 ms, 4096 bytes of 12345678",
        "1758442500.123 seconds",
        'File "access/tokens.py", line 12, in issue',
        "authorization_code grant for client klanten-login",
        "DETAIL:  Key (code)=(CUST001) already exists.",
        "keys: 5, tokens: 7, passwords expire",
        "Zürich ☃ 東京",
    ],
)
def test_leaves_alone(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    "text",
    [
        f"password={PLAIN}&x=1",
        f"{{'password': ['{PLAIN}']}}",
        f"{{b'password': b'{PLAIN}'}}",
        f"Authorization: Bearer {TOKEN}",
        f'{{"token": "{TOKEN}", "password": "a b"}}',
        "redis://:pass@cache",
    ],
)
def test_changes_nothing_the_second_time(text: str) -> None:
    assert masked(masked(text)) == masked(text)


# Each is made to be tried from as many places, or for as long, as a pattern lets itself be.
@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "a-",
        " ",
        "\\",
        '"',
        "token ",
        "token+",
        "bearer a-",
        "password",
        "password=",
        'password="',
        "password='\\",
        "password: [",
        "secret\\",
        "secret \t",
        "authorization",
        "authorization:",
        "authorization' ",
        "key:",
        "key=a.",
        "eyJ",
        "eyJ-",
        "eyJa.",
        "Ab3dEf7h.",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "://",
        "://a:",
        "://:",
        ":",
        "a@",
        "a@a.",
        "a%40",
        "+1",
        "0 ",
        "0712 345 ",
        "1.",
        "GET /",
        "DETAIL:  Key (a",
        "DETAIL:  Key (a_id, ",
        "LINE 1: ",
        "COPY a, line 1",
    ],
)
def test_gets_through_a_long_line_of(piece: str) -> None:
    """Quadratic time would be minutes for each."""
    line = piece * (100_000 // len(piece))

    assert PLAIN not in masked(f"{line}\npassword={PLAIN}")


# --- The filter ----------------------------------------------------------------------


class Told:
    """A logger of its own with our filter, and what it wrote."""

    def __init__(self) -> None:
        self.stream = StringIO()
        handler = logging.StreamHandler(self.stream)
        handler.addFilter(MaskSecrets())
        self.logger = logging.getLogger("told")
        self.logger.propagate = False
        self.logger.handlers = [handler]

    @property
    def text(self) -> str:
        return self.stream.getvalue()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("sent %s", (f"Bearer {TOKEN}",)),
        ("sent Bearer %s", (TOKEN,)),
        ("password=%s&a=1", (PLAIN,)),
        ("body: %r", ({"password": PLAIN},)),
        ("%(name)s: %(value)s", ({"name": "password", "value": PLAIN},)),
        ("%s %s %s", ("a", f"api_key={PLAIN}", 5)),
    ],
)
def test_masks_the_message_with_its_arguments(
    told: Told, message: str, arguments: tuple[Any, ...]
) -> None:
    told.logger.warning(message, *arguments)

    assert MASK in told.text
    assert PLAIN not in told.text
    assert TOKEN not in told.text


def test_masks_a_message_that_is_no_text(told: Told) -> None:
    told.logger.warning({"password": PLAIN})

    assert told.text == f"{{'password': {MASK}}}\n"


def fail(because: Exception | None = None) -> None:
    raise ValueError(f"password={PLAIN}") from because


def test_masks_the_traceback_and_its_causes(told: Told) -> None:
    try:
        fail(because=KeyError(f"Api-Key {KEY}"))
    except ValueError:
        told.logger.exception("it broke")

    assert told.text.startswith(f"it broke\nKeyError: 'Api-Key {MASK}'\n")
    assert f"ValueError: password={MASK}\n" in told.text
    assert KEY not in told.text


def test_masks_the_stack(told: Told) -> None:
    # The stack shows this line.
    told.logger.warning("here", stack_info=bool("password=hunter2"))

    assert "Stack (most recent call last):" in told.text
    assert f'stack_info=bool("password={MASK}' in told.text
    assert PLAIN not in told.text


def test_masks_what_a_handler_before_it_has_formatted(told: Told) -> None:
    first = logging.StreamHandler(StringIO())
    told.logger.handlers.insert(0, first)
    try:
        fail()
    except ValueError:
        told.logger.exception("it broke")

    assert f"ValueError: password={MASK}\n" in told.text


class Unspeakable:
    """Something that cannot be written."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("message", "arguments"),
    [
        ("%d orders", ("many",)),
        ("%s", (1, 2)),
        ("%s and %s", (1,)),
        ("100%! %s", (1,)),
        ("%(name)s", ({"other": 1},)),
        ("%s", (Unspeakable(),)),
    ],
)
def test_writes_a_line_whose_arguments_do_not_fit(
    told: Told, capsys: pytest.CaptureFixture[str], message: str, arguments: tuple[Any, ...]
) -> None:
    told.logger.warning("password=hunter2 " + message, *arguments)  # noqa: G003

    assert told.text == f"password={MASK} {message} (its arguments do not fit)\n"
    assert capsys.readouterr().err == ""


def test_leaves_a_harmless_line_as_it_is(told: Told) -> None:
    told.logger.warning("%d orders for %s", 5, "CUST001")

    assert told.text == "5 orders for CUST001\n"


def test_stands_before_the_console(settings: Any) -> None:
    console = settings.LOGGING["handlers"]["console"]

    assert settings.LOGGING["filters"][console["filters"][0]] == {"()": "common.logs.MaskSecrets"}
    assert settings.LOGGING["root"]["handlers"] == ["console"]


@pytest.mark.parametrize(
    "name", ["phone_number", "domain", "document", "search", "to", "customer_code"]
)
def test_says_nothing_of_whom_a_list_was_asked_about(name: str) -> None:
    line = f'"GET /v1/customers/?limit=5&{name}=%2B254712345678&count=true HTTP/1.1" 200 2'

    text = masked(line)

    assert text == f'"GET /v1/customers/?limit=5&{name}={MASK}&count=true HTTP/1.1" 200 2'
    assert masked(text) == text


@pytest.mark.parametrize(
    ("detail", "shown"),
    [
        ("Key (domain)=(doe.example) already exists.", f"Key (domain)={MASK}"),
        (
            "Key (app_id, customer_app_id)=(1, johnny) already exists.",
            f"Key (app_id, customer_app_id)={MASK}",
        ),
        ("Failing row contains (1, John Doe, null).", f"Failing row contains {MASK}"),
    ],
)
def test_says_nothing_of_who_stands_in_a_row_that_was_refused(detail: str, shown: str) -> None:
    error = 'duplicate key value violates unique constraint "x"\nDETAIL:  {}\nthe next line'

    assert masked(error.format(detail)) == error.format(shown)
    assert masked(error.format(shown)) == error.format(shown)


@pytest.mark.parametrize(
    "value",
    [
        *("john.doe@acme.example", "john%40acme.example", "j+sms@mail.acme.co.ke"),
        *("+254712345678", "%2B254712345678", "+254 712 345 678", "+1 (212) 555-0123"),
        *("254712345678", "0712345678", "0712 345 678", "0712-345-678"),
        *("529.982.247-25", "52998224725"),
    ],
)
@pytest.mark.parametrize("form", ["{}", "no such number: {}.", "'{}'", "?email={}&a=1", "({})"])
def test_masks_what_is_personal_by_its_form(value: str, form: str) -> None:
    text = masked(form.format(value))

    assert text == form.format(PERSONAL)
    assert masked(text) == text


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/v1/query/amc/jane/", "/v1/query/{app}/{customer_app_id}/"),
        ("/api/mappings/amc/a/b", "/api/mappings/{app}/{customer_app_id}/"),
        ("/v1/customers/jane", "/v1/customers/{pk}/"),
        ("/admin/customers/customer/jane/change/", "/admin/customers/customer/{object_id}/change/"),
        ("/admin/jane/", "/admin/{url}"),
        ("/v1/orders/by-customer", "/v1/orders/by-customer"),
        ("/v1/jane/doe", "/v1/..."),
        ("/jane", "/..."),
        ("/nowhere/jane", "/nowhere/..."),
        ("/login/", "/login/"),
        ("/", "/"),
    ],
)
def test_writes_the_pattern_of_an_address(path: str, route: str) -> None:
    assert route_of(path) == route
    line = masked(f'"GET {path}?limit=5 HTTP/1.1" 404 2')
    assert line == f'"GET {route}?limit=5 HTTP/1.1" 404 2'
    assert masked(line) == line


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('CONTEXT:  COPY customers_customer, line 1, column name: "Jane"', "Jane"),
        ("LINE 1: SELECT * FROM x WHERE name = 'Jane'", "Jane"),
        ('invalid input syntax for type uuid: "Jane"', "Jane"),
        ("DETAIL:  Key (phone)=(Jane) already exists.", "Jane"),
        ("DETAIL:  Key (lower(name::text))=(Jane) already exists.", "Jane"),
        ("DETAIL:  Key (app_id, name)=(1, Jane) already exists.", "Jane"),
    ],
)
def test_says_nothing_of_the_values_that_the_database_refused(line: str, shown: str) -> None:
    text = masked(f"it failed\n{line}\nHINT:  none")

    assert shown not in text
    assert text.startswith("it failed\n")
    assert text.endswith("\nHINT:  none")
    assert masked(text) == text


def test_masks_what_a_servers_own_handlers_write() -> None:
    stream = StringIO()
    logger = logging.getLogger("a.server")
    logger.handlers, logger.propagate = [logging.StreamHandler(stream)], False

    mask_handlers("a.server")
    logger.warning("GET %s by %s", "/v1/query/amc/Jane/", "jane@doe.example")

    assert stream.getvalue() == f"GET /v1/query/{{app}}/{{customer_app_id}}/ by {PERSONAL}\n"
