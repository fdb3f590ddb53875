"""A person at a browser: pages, forms and cookies, over HTTP."""

from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests
from requests.cookies import RequestsCookieJar


class Forms(HTMLParser):
    """The forms of a page: where each goes, and what it would send as it stands."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.actions: list[str] = []
        self.fields: list[dict[str, str]] = []
        self.select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value") or ""
        if tag == "form":
            self.actions.append(given.get("action") or "")
            self.fields.append({})
        elif tag == "input" and name and given.get("type") not in {"submit", "checkbox"}:
            self.fields[-1][name] = value
        elif tag == "input" and name and "checked" in given:
            self.fields[-1][name] = value or "on"
        elif tag == "textarea":
            self.fields[-1][name] = ""
        elif tag == "select":
            self.select = name
            self.fields[-1][name] = ""
        elif tag == "option" and "selected" in given:
            self.fields[-1][self.select] = value

    def with_field(self, name: str) -> tuple[str, dict[str, str]]:
        """The address and the fields of the form that has a field called `name`."""
        found = [index for index, fields in enumerate(self.fields) if name in fields]
        assert found, f"no form with {name}, but {self.fields}"
        return self.actions[found[0]], self.fields[found[0]]


def form_fields(page: str, name: str) -> dict[str, str]:
    """What the form of `page` that has a field called `name` would send as it stands."""
    return Forms(page).with_field(name)[1]


def query_of(url: str) -> dict[str, str]:
    """The parameters of an address."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))


class Browser:
    """Somebody's browser. Follows redirects, but only as long as they stay at its `bases`."""

    def __init__(self, *bases: str) -> None:
        # With the slash: one port may begin like another.
        self.bases = tuple(f"{base}/" for base in bases)
        self.cookies = RequestsCookieJar()

    def call(self, method: str, url: str, **options: Any) -> requests.Response:
        """One request on a connection of its own.

        A connection that is kept keeps its thread of the server, and the database in use.
        """
        with requests.Session() as session:
            session.trust_env = False
            session.cookies = self.cookies
            return session.request(method, url, allow_redirects=False, timeout=10, **options)

    def get(self, url: str, **params: str) -> requests.Response:
        """The page at `url`, or the last redirect on the way: the one that leads elsewhere."""
        return self.follow(self.call("GET", urljoin(self.bases[0], url), params=params))

    def submit(self, page: requests.Response, field: str, **changes: str) -> requests.Response:
        """Sends the form that has `field`, with `changes`, and follows as `get` does."""
        action, fields = Forms(page.text).with_field(field)
        return self.follow(self.call("POST", urljoin(page.url, action), data={**fields, **changes}))

    def follow(self, answer: requests.Response) -> requests.Response:
        """Where the redirects of `answer` lead to."""
        for _ in range(10):
            there = urljoin(answer.url, answer.headers.get("Location", ""))
            if not answer.is_redirect or not there.startswith(self.bases):
                break
            answer = self.call("GET", there)
        return answer

    def log_in(self, page: requests.Response, username: str, password: str) -> requests.Response:
        """Fills in a login page."""
        return self.submit(page, "username", username=username, password=password)

    def consent(self, page: requests.Response) -> dict[str, str]:
        """Presses "Authorize", and gives back the parameters with which the client is called."""
        answer = self.submit(page, "client_id", allow="Authorize")
        assert answer.status_code == 302, answer.text
        return query_of(answer.headers["Location"])
