"""Requests as a web server hands them over: what is before Django's request sees them as well."""

import io
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.core.signals import request_finished, request_started
from django.db import close_old_connections


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and how many bytes of the body were read."""

    status: int
    content: bytes
    read: int

    def json(self) -> Any:
        return json.loads(self.content)


class Body(io.BytesIO):
    """A body that knows how much of it was read."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self.taken += len(content)
        return content


@cache
def application() -> Any:
    """Ours, as production has it; Django's alone would get a request that it cannot build."""
    from django.core.handlers.wsgi import WSGIHandler  # noqa: PLC0415 - loads the middleware

    from common.intake import readable  # noqa: PLC0415

    return readable(WSGIHandler())


def send(
    path: str,
    body: bytes = b"",
    *,
    method: str = "POST",
    kind: str = "",
    query: str = "",
    **headers: str,
) -> Answer:
    """The answer to a request; `headers` by the names that they have in WSGI's environ."""
    stream = Body(body)
    statuses: list[str] = []
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": kind,
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": stream,
        **headers,
    }

    def start_response(status: str, fields: Any) -> None:
        statuses.append(status)

    # The connection is the test's, as with Django's own test client.
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    try:
        response = application()(environ, start_response)
        content = b"".join(response)
        response.close()
    finally:
        for signal in signals:
            signal.connect(close_old_connections)
    return Answer(int(statuses[0][:3]), content, stream.taken)
