"""`make fuzz`, its second half: what no document describes, asked for and tampered with.

Pages, logins, the OpenID provider, callbacks and every address of the admin, as a stranger, as
staff and as a superuser; with queries, forms, headers, cookies and bodies of every kind of wrong.
Never a fault (5xx), always an answer in time, and errors in a form that somebody can read.
"""

import json
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import requests

from tests.odd import NUMBERS, TEXTS, TOKENS

# Who logs in.
PEOPLE = ("fuzz-staff", "fuzz-superuser")
PASSWORD = "correct horse battery"

# Stands in the addresses of the callbacks.
CALLBACK_SECRET = "known-to-the-fuzzer-too"

TIMEOUT = 30
SERVER_FAULT = 500
# Of the requests so many that a session is looked after.
LOOK_AFTER = 100
LONGEST_QUERY = 6000

METHODS = ["GET"] * 9 + ["POST"] * 9 + ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "X"]
OF_LISTS = ["q", "o", "p", "all", "e", "_popup", "_to_field", "_facets", "_changelist_filters",
            "id__in", "id", "pk", "state", "status__exact", "created_at__gte", "created_at__year",
            "created_at__range", "user", "customer", "app_label", "model_name", "field_name",
            "term", "next", "action", "_selected_action", "select_across", "index", "post",
            "_save", "_continue", "_saveasnew", "customer__id__exact"]  # fmt: skip
OF_CLIENTS = ["response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "prompt",
              "code_challenge", "code_challenge_method", "max_age", "login_hint", "ui_locales",
              "request", "request_uri", "claims", "id_token_hint", "response_mode", "grant_type",
              "code", "code_verifier", "refresh_token", "username", "password", "client_secret",
              "token", "token_type_hint", "device_code", "user_code", "logout_token", "allow",
              "post_logout_redirect_uri", "assertion", "resource", "password1", "password2",
              "email", "phoneNumber", "status", "id", "failureReason", "from", "text", "to",
              "date", "linkId", "senderId"]  # fmt: skip
MEANINGFUL = ["code", "token", "S256", "plain", "openid read write", "none", "login", "consent",
              "authorization_code", "client_credentials", "refresh_token", "password", "Success",
              "urn:ietf:params:oauth:grant-type:device_code", "http://127.0.0.1/callback", "yes",
              "on", "1", "delete_selected", "name__icontains", "-1", "0.1.2"]  # fmt: skip
TYPES = ["application/x-www-form-urlencoded", "application/json", "multipart/form-data",
         "multipart/form-data; boundary=x", "application/x-www-form-urlencoded; charset=utf-16",
         "application/json; charset=punycode", "text/html; charset=zlib", "text/plain", "", "x",
         "application/x-www-form-urlencoded; charset=\xff", "multipart/form-data; boundary=\xe9",
         "application/json; charset=" + "x" * 900]  # fmt: skip
HEADERS: dict[str, list[str]] = {
    "Content-Type": TYPES,
    "Cookie": ['sessionid="aaaaaaaa\\000"', "sessionid=" + "x" * 3000, "csrftoken=x; a", "=;=,\xff",
               "messages=x", "sessionid=\x01", 'csrftoken="\\377"'],
    "Authorization": ["Basic", "Basic x", "Basic " + "x" * 3000, "Bearer", "Bearer \xff", "Api-Key",
                      "Api-Key .", "Basic Og==", "Basic /w==", "Digest x", "Bearer " + "a.b.c"],
    "Accept": ["x", "*/*;q=x", "text/html;" * 99, "application/json", "\xff"],
    "Accept-Language": ["x" * 900, "*", "sw;q=2", "\xff", "en-" * 200],
    "X-Forwarded-For": ["x", "::1, 1.2.3.4", "\xff", "1" * 900],
    "X-Forwarded-Proto": ["https", "x"],
    "Host": ["x", "a b", "::1", "127.0.0.1:x", ""],
    "Referer": ["x", "http://[", "\xff"],
    "Origin": ["null", "http://[", "x"],
    "If-Modified-Since": ["x", "Thu, 01 Jan 99999 00:00:00 GMT", "Thu, 99 Foo 0 99:99:99 GMT"],
    "If-None-Match": ["x", '"' * 9, "*"],
    "Range": ["bytes=-", "bytes=9-1", "x"],
    "X-Request-ID": ["\xff", "x" * 900],
    "X-CSRFToken": ["x", "\xff"],
    "X-HTTP-Method-Override": ["DELETE", "X"],
    "Content-Encoding": ["gzip", "x"],
}  # fmt: skip


class Form(HTMLParser):
    """The fields of a page's forms, with the values that a browser would send."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in {"input", "select", "textarea"} and given.get("name"):
            self.values.setdefault(str(given["name"]), given.get("value") or "")


@dataclass
class Visitor:
    """Somebody who asks: with a session, or without."""

    url: str
    name: str
    session: requests.Session = field(default_factory=requests.Session)

    def log_in(self) -> bool:
        """Whether the form of the login lets them in."""
        self.session = requests.Session()
        if not self.name:
            return True
        address = f"{self.url}/admin/login/"
        form = Form(self.session.get(address, timeout=TIMEOUT).text).values
        form |= {"username": self.name, "password": PASSWORD, "next": "/admin/"}
        self.session.post(address, form, headers={"Referer": address}, timeout=TIMEOUT)
        return self.is_in()

    def is_in(self) -> bool:
        page = self.session.get(f"{self.url}/admin/", allow_redirects=False, timeout=TIMEOUT)
        return not self.name or page.status_code == requests.codes.ok


class Tamperer:
    """Makes up requests, the same ones for the same seed."""

    def __init__(self, seed: int, rows: Mapping[str, str]) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - to be repeatable
        self.rows = rows

    def text(self) -> str:
        """Some text, mostly one that means something to somebody."""
        kind = self.chance.random()
        if kind < 0.5:
            return self.chance.choice(TEXTS)[:LONGEST_QUERY]
        if kind < 0.8:
            return self.chance.choice([*MEANINGFUL, *self.rows.values()])
        points = (
            self.chance.choice([0, 1, 9, 10, 39, 65, 255, 8238, 55296, 128512]) for _ in "1234"
        )
        return "".join(map(chr, points))

    def pairs(self, names: list[str], most: int) -> list[tuple[str, str]]:
        """Some names with values; a name may come twice, or be none that is known."""
        return [
            (self.chance.choice([*names, self.text()[:99]]), self.text())
            for _ in range(self.chance.randint(0, most))
        ]

    def path(self, template: str) -> str:
        """An address: with the id of a row that is there, or with anything."""

        def value(match: re.Match[str]) -> str:
            secret = CALLBACK_SECRET if match[0] == "{secret}" else None
            known = secret or self.rows.get(template[: match.start()])
            if known and self.chance.random() < 0.7:
                return known
            return quoted(self.text()[:300] or "x")

        return re.sub(r"{\w+}", value, template)

    def query(self) -> str:
        return "&".join(
            f"{quoted(name)}={quoted(text)}" for name, text in self.pairs(OF_LISTS + OF_CLIENTS, 3)
        )[:LONGEST_QUERY]

    def headers(self) -> dict[str, bytes]:
        names = self.chance.sample(sorted(HEADERS), self.chance.choice([0, 0, 1, 2]))
        return {name: self.chance.choice(HEADERS[name]).encode("latin-1") for name in names}

    def body(self, form: Mapping[str, str]) -> tuple[bytes, str]:
        """A body and its type: the page's form with changes, or JSON, or anything."""
        kind = self.chance.random()
        if kind < 0.6:
            values = list(form.items()) + self.pairs(OF_CLIENTS + OF_LISTS, 3)
            for _ in range(self.chance.randint(0, 3)):
                if form:
                    name = self.chance.choice(sorted(form))
                    values = [(key, self.text() if key == name else old) for key, old in values]
            encoded = "&".join(f"{quoted(name)}={quoted(text)}" for name, text in values)
            return encoded.encode(), TYPES[0]
        if kind < 0.8:
            members = dict(self.pairs(OF_CLIENTS, 4)) | {"x": self.chance.choice(NUMBERS)}
            text = json.dumps(self.chance.choice([members, [members], list(members)]))
            return text.replace('"x"', self.chance.choice(['"x"', *TOKENS[:2]])).encode(), TYPES[1]
        return self.chance.randbytes(self.chance.randint(0, 200)), self.chance.choice(TYPES)


def quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def wrong_with(answer: requests.Response) -> str:
    """What must not be so about an answer; "" if nothing."""
    if answer.status_code >= SERVER_FAULT:
        return f"answers {answer.status_code}"
    if "Traceback (most recent call last)" in answer.text:
        return "shows a traceback"
    # Some errors of the OpenID provider and of the web server have no body.
    if answer.status_code < requests.codes.bad_request or not answer.content:
        return ""
    kind = answer.headers.get("Content-Type", "")
    if "json" in kind:
        try:
            content = answer.json()
        except ValueError:
            return "has an error that is no JSON"
        is_error = isinstance(content, dict) and content.keys() & {"detail", "error"}
        return "" if is_error else "has an error that says nothing"
    is_page = "html" in kind and "<" in answer.text
    return "" if is_page else f"has an error as {kind or 'nothing'}"


def ask(visitor: Visitor, method: str, path: str, **request: Any) -> tuple[str, Any]:
    """What is wrong with the answer to a request, and the answer."""
    try:
        answer = visitor.session.request(
            method, visitor.url + path, allow_redirects=False, timeout=TIMEOUT, **request
        )
    except requests.Timeout:
        return f"does not answer in {TIMEOUT} s", None
    except requests.RequestException as error:
        # What the client does not send, or the web server does not take for HTTP.
        return "", error
    return wrong_with(answer), answer


def fuzz_pages(
    url: str,
    described: Mapping[str, Any],
    make_people: Callable[[], Any],
    *,
    seconds: int,
    seed: int,
) -> list[str]:
    """What was wrong, as a line each. First every address as it is, then tampered ones."""
    print(f"\n=== Pages, with the seed {seed} ===", flush=True)
    end = time.monotonic() + seconds
    tamperer = Tamperer(seed, described["rows"])
    visitors = [Visitor(url, name) for name in ("", *PEOPLE)]
    wrong: dict[str, str] = {}
    asked = set()
    number = 0
    for template, visitor, method, request in plan(described["addresses"], visitors, tamperer):
        if time.monotonic() > end:
            break
        if number % LOOK_AFTER == 0 and (lost := [each for each in visitors if not each.is_in()]):
            # At the beginning all of them; later whom a tampered form has changed or logged out.
            make_people()
            for each in lost:
                if not each.log_in():
                    wrong[f"{each.name} cannot log in"] = f"after {number} requests"
        number += 1
        path = tamperer.path(template) + request.pop("query", "")
        what, _ = ask(visitor, method, path, **request)
        asked.add((template, visitor.name))
        if what:
            who = visitor.name or "a stranger"
            repeat = f"{path} {request!r}"[:700]
            wrong.setdefault(f"{method} {template} as {who} {what}", repeat)
    print(f"{number} requests to {len(asked)} of {3 * len(described['addresses'])} addresses.")
    return [f"{what}: {repeat}" for what, repeat in wrong.items()]


def plan(
    addresses: list[str], visitors: list[Visitor], tamperer: Tamperer
) -> Iterator[tuple[str, Visitor, str, dict[str, Any]]]:
    """Each address as it is, for each visitor; then any of them, tampered with, for ever."""
    every = [(template, visitor) for template in addresses for visitor in visitors]
    tamperer.chance.shuffle(every)
    for template, visitor in every:
        yield template, visitor, "GET", {}
    while True:
        template, visitor = tamperer.chance.choice(every)
        method = tamperer.chance.choice(METHODS)
        request: dict[str, Any] = {"query": f"?{tamperer.query()}", "headers": tamperer.headers()}
        if method not in {"GET", "HEAD"}:
            form = form_of(visitor, tamperer.path(template)) if method == "POST" else {}
            request["data"], kind = tamperer.body(form)
            request["headers"].setdefault("Content-Type", kind.encode("latin-1"))
            request["headers"].setdefault("Referer", f"{visitor.url}/".encode())
        yield template, visitor, method, request


def form_of(visitor: Visitor, path: str) -> dict[str, str]:
    """The fields of a page's forms; none if it is no page."""
    _, answer = ask(visitor, "GET", path)
    if not isinstance(answer, requests.Response) or "html" not in answer.headers.get(
        "Content-Type", ""
    ):
        return {}
    return Form(answer.text).values
