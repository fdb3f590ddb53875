"""HTTP to an outside service: one kept connection for each thread, one bounded attempt each.

What matters when an attempt breaks is whether the service may have got any of it. That is
known here as a fact, not guessed from an exception's name: `Attempt.written` says whether any
of the request was handed to a connected socket. The same exception
(`requests.exceptions.SSLError`, say) can come from before and from after that.
"""

import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPException, HTTPResponse
from http.cookiejar import DefaultCookiePolicy
from io import BufferedReader, RawIOBase
from time import monotonic
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# The head and the body together; a real answer to one SMS has 300 bytes.
MAX_ANSWER_BYTES = 64 * 1024
# A connection unused for longer is not used again: firewalls forget idle connections
# without a word, and a request into such a one is lost without anybody knowing that it is.
MAX_IDLE_SECONDS = 30.0
LONGEST_RETRY_AFTER = timedelta(hours=1)

# What requests, urllib3, http.client and the socket raise, and ValueError for what they
# find wrong with an address or a header.
TRANSPORT_ERRORS = (requests.RequestException, HTTPError, HTTPException, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `total` bounds one attempt, however the answer drips in."""

    connect: float = 3.05
    read: float = 9.05
    total: float = 15.0


DEFAULT_TIMEOUTS = Timeouts()


class Attempt:
    """One attempt: when it must end, and whether the service may have got any of it."""

    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds
        self.written = False

    def seconds_left(self) -> float:
        """More than zero; raises TimeoutError when the time is over."""
        left = self._end - monotonic()
        if left <= 0:
            raise TimeoutError("the time for one attempt is over")
        return left


# urllib3 makes the connections and the readers below; this is how they learn of it.
current_attempt: ContextVar[Attempt] = ContextVar("current_attempt")


class BoundedReader(RawIOBase):
    """Reads an answer from a socket, within the time of the attempt and a bounded size.

    A socket's own timeout bounds the wait for each piece only: a peer that sends a byte
    every few seconds, headers included, would outlast the lease of the delivery, and
    another worker would send the SMS again.
    """

    def __init__(self, sock: socket.socket, raw: RawIOBase) -> None:
        self._sock = sock
        self._raw = raw
        self._attempt = current_attempt.get()
        self._timeout = sock.gettimeout()
        self._room = MAX_ANSWER_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int | None:
        left = self._attempt.seconds_left()
        self._sock.settimeout(left if self._timeout is None else min(left, self._timeout))
        count = self._raw.readinto(buffer)
        self._room -= count or 0
        if self._room < 0:
            raise HTTPException(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class BoundedResponse(HTTPResponse):
    """An answer that is read through a `BoundedReader`."""

    def __init__(
        self,
        sock: socket.socket,
        debuglevel: int = 0,
        method: str | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        self.fp = BufferedReader(BoundedReader(sock, self.fp.detach()))


class AttemptConnection(HTTPConnection):
    """A connection that notes on the attempt when it begins to write.

    It begins nothing when the time is over: connecting has bounds of its own (for each
    address of the host, and the name server's), which together may exceed the lease.
    """

    response_class = BoundedResponse
    _last_used = 0.0

    def connect(self) -> None:
        current_attempt.get().seconds_left()
        super().connect()

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        attempt = current_attempt.get()
        if not attempt.written:
            attempt.seconds_left()
            attempt.written = True
        self._last_used = monotonic()
        super().send(data)

    @property
    def is_connected(self) -> bool:
        return super().is_connected and monotonic() - self._last_used < MAX_IDLE_SECONDS


class AttemptTlsConnection(AttemptConnection, HTTPSConnection):
    """The same over TLS."""


class AttemptPool(HTTPConnectionPool):
    """Makes the connections above."""

    ConnectionCls = AttemptConnection


class AttemptTlsPool(HTTPSConnectionPool):
    """Makes the connections above, over TLS."""

    ConnectionCls = AttemptTlsConnection


class AttemptAdapter(HTTPAdapter):
    """Uses the pools above, and tries again only what never connected."""

    def __init__(self) -> None:
        super().__init__(max_retries=Retry(connect=2, read=0, redirect=0, status=0, other=0))

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": AttemptPool, "https": AttemptTlsPool}


class KeptSession(requests.Session):
    """Keeps its connection, and nothing else.

    No cookies, no redirects, and nothing from the environment: no proxies, and no
    credentials from .netrc, which would go out beside the API key.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.headers["Accept-Encoding"] = "identity"
        self.mount("https://", AttemptAdapter())
        self.mount("http://", AttemptAdapter())

    def get_redirect_target(self, resp: requests.Response) -> None:
        """No target: even without following it, requests would read the body for it."""


def body_of(response: requests.Response) -> bytes:
    """The body, unpacked; raises HTTPException when it is too long."""
    body: bytes = response.raw.read(MAX_ANSWER_BYTES + 1, decode_content=True)
    if len(body) > MAX_ANSWER_BYTES:
        raise HTTPException(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
    return body


def explanation(response: requests.Response) -> str:
    """What the body of a refusal says, or "": the status holds without it."""
    with suppress(*TRANSPORT_ERRORS):
        return body_of(response).decode(errors="replace").strip()
    return ""


def wait_asked_for(headers: Mapping[str, str]) -> timedelta | None:
    """The wait that the header Retry-After asks for in seconds, at most an hour."""
    seconds = headers.get("Retry-After", "")
    if not re.fullmatch(r"[0-9]{1,9}", seconds):
        return None
    return min(timedelta(seconds=int(seconds)), LONGEST_RETRY_AFTER)
