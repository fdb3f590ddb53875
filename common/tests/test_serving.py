"""What slow clients may hold, how requests are described, and how answers leave."""

import asyncio
import errno
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import RequestDataTooBig

from common.serving.application import Application
from common.serving.environ import environ_of
from common.serving.limits import Limits
from common.serving.shared_room import SharedRoom

QUICK = Limits(
    small_body=10,
    grace=0.1,
    bytes_per_second=1000,
    piece=10,
    piece_seconds=0.1,
    spooled_in_memory=20,
    large_bodies=1,
)
Message = dict[str, Any]


def scope(method: str = "POST", path: bytes = b"/", *headers: tuple[bytes, bytes]) -> Any:
    return {
        "type": "http",
        "method": method,
        "scheme": "http",
        "http_version": "1.1",
        "path": path.decode(errors="replace"),
        "raw_path": path,
        "query_string": b"a=%FF",
        "headers": list(headers),
        "client": ("192.0.2.7", "1234"),
        "server": ("127.0.0.1", "8000"),
    }


def echo(environ: Message, start_response: Callable[..., None]) -> list[bytes]:
    """Answers with the body that it was sent."""
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [("X-Length", environ["CONTENT_LENGTH"])])
    return [body]


class Client:
    """Calls an application with the parts of a body; `waits` stands for a part that never comes."""

    def __init__(self, *parts: bytes | None, reads: bool = True) -> None:
        self.parts = list(parts) or [b""]
        self.reads = reads
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        part = self.parts.pop(0)
        if part is None:
            await asyncio.sleep(60)
        return {"type": "http.request", "body": part, "more_body": bool(self.parts)}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body" and not self.reads:
            await asyncio.sleep(60)
        self.sent.append(message)

    def call(self, application: Application, asked: Any) -> "Client":
        async def within() -> None:
            await asyncio.wait_for(application(asked, self.receive, self.send), 30)  # type: ignore[arg-type]

        asyncio.run(within())
        return self

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.sent[1:])


def application(wsgi: Any = echo, most: int = 10, **options: Any) -> Application:
    return Application(wsgi, most_bytes=lambda _: most, threads=1, **{"limits": QUICK, **options})


# --- The request ---------------------------------------------------------------------


def test_the_path_is_passed_on_byte_by_byte() -> None:
    environ = environ_of(scope("GET", b"/a%FF%C3%A9%2Fb"))

    assert environ["PATH_INFO"].encode("latin-1") == b"/a\xff\xc3\xa9/b"
    assert environ["QUERY_STRING"] == "a=%FF"
    assert environ["REMOTE_ADDR"] == "192.0.2.7"
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("127.0.0.1", "8000")


def test_repeated_headers_are_joined() -> None:
    headers = [(b"x-a", b"1"), (b"x-a", b"2"), (b"cookie", b"a=1"), (b"cookie", b"b=2")]
    environ = environ_of(scope("GET", b"/", *headers))

    assert environ["HTTP_X_A"] == "1,2"
    assert environ["HTTP_COOKIE"] == "a=1; b=2"


def test_a_header_with_an_underscore_is_dropped() -> None:
    headers = [(b"x_forwarded_for", b"192.0.2.1"), (b"x-forwarded-for", b"192.0.2.2")]
    environ = environ_of(scope("GET", b"/", *headers))

    assert environ["HTTP_X_FORWARDED_FOR"] == "192.0.2.2"


def test_without_a_host_the_server_does_not_name_itself() -> None:
    assert environ_of(scope("GET"))["HTTP_HOST"] == ""


def test_the_environment_of_the_process_stays_outside() -> None:
    assert "PATH" not in environ_of(scope("GET"))


# --- The body ------------------------------------------------------------------------


@pytest.mark.parametrize("announced", [b"9", None], ids=["with a length", "chunked"])
def test_a_body_arrives_whole_with_its_length(announced: bytes | None) -> None:
    header = (b"content-length", announced) if announced else (b"transfer-encoding", b"chunked")
    client = Client(b"abc", b"def", b"ghi").call(application(), scope("POST", b"/", header))

    assert (client.status, client.body) == (200, b"abcdefghi")
    assert client.headers[b"x-length"] == b"9"


@pytest.mark.parametrize("announced", [b"30", None], ids=["with a length", "chunked"])
def test_a_large_body_lies_in_a_file_until_it_is_processed(
    announced: bytes | None, tmp_path: Path
) -> None:
    inputs = []

    def keep(environ: Message, start_response: Any) -> list[bytes]:
        inputs.append(environ["wsgi.input"])
        return echo(environ, start_response)

    header = (b"content-length", announced) if announced else (b"transfer-encoding", b"chunked")
    client = Client(b"a" * 8, b"b" * 8, b"c" * 14).call(
        application(keep, most=30, directory=str(tmp_path)), scope("POST", b"/", header)
    )

    assert (client.status, client.body) == (200, b"a" * 8 + b"b" * 8 + b"c" * 14)
    assert not isinstance(inputs[0], BytesIO)
    assert inputs[0].closed
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("announced", [b"31", None], ids=["with a length", "chunked"])
def test_a_body_that_is_too_large_cannot_be_read(announced: bytes | None) -> None:
    raised = []

    def read(environ: Message, start_response: Any) -> list[bytes]:
        with pytest.raises(RequestDataTooBig) as caught:
            environ["wsgi.input"].read(1)
        raised.append(caught)
        start_response("413 Content Too Large", [])
        return [environ["CONTENT_LENGTH"].encode()]

    header = (b"content-length", announced) if announced else (b"transfer-encoding", b"chunked")
    client = Client(b"a" * 16, b"b" * 15, b"c").call(
        application(read, most=30), scope("POST", b"/", header)
    )

    assert (client.status, len(raised)) == (413, 1)
    assert int(client.body) > 0
    assert client.headers[b"connection"] == b"close"


@pytest.mark.parametrize("length", [b"9", b"30"], ids=["small", "large"])
def test_a_body_that_stops_coming_is_408(length: bytes) -> None:
    client = Client(b"abc", None).call(
        application(most=30), scope("POST", b"/", (b"content-length", length))
    )

    assert client.status == 408
    assert client.headers[b"connection"] == b"close"
    assert client.headers[b"content-type"] == b"application/problem+json"


def test_a_sender_that_leaves_gets_no_answer_and_calls_nothing() -> None:
    class Leaving(Client):
        async def receive(self) -> Message:
            return {"type": "http.disconnect"}

    header = (b"transfer-encoding", b"chunked")
    assert Leaving().call(application(), scope("POST", b"/", header)).sent == []


def test_a_large_body_that_drips_makes_room_for_another() -> None:
    async def two() -> list[int]:
        app = application(most=30, limits=replace(QUICK, grace=5.0))
        asked = scope("POST", b"/", (b"content-length", b"30"))
        slow, second = Client(b"abc", None), Client(b"a" * 30)
        first = asyncio.create_task(app(asked, slow.receive, slow.send))  # type: ignore[arg-type]
        await asyncio.sleep(0.1)
        await app(asked, second.receive, second.send)  # type: ignore[arg-type]
        await asyncio.wait_for(first, 1)
        return [slow.status, second.status]

    assert asyncio.run(two()) == [408, 200]


def test_a_directory_that_cannot_take_a_body_is_507(tmp_path: Path) -> None:
    client = Client(b"a" * 30).call(
        application(most=30, directory=str(tmp_path / "missing")),
        scope("POST", b"/", (b"content-length", b"30")),
    )

    assert client.status == 507
    assert client.headers[b"retry-after"] == b"60"


# --- The answer ----------------------------------------------------------------------


def stream(environ: Message, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/csv")])
    return (b"x" * 9 for _ in range(5))


def test_a_stream_is_sent_whole_in_pieces_with_its_length() -> None:
    client = Client().call(application(stream), scope("GET"))

    assert client.body == b"x" * 45
    assert client.headers[b"content-length"] == b"45"
    assert [len(message["body"]) for message in client.sent[1:]] == [10, 10, 10, 10, 5, 0]


def test_a_reader_of_nothing_is_given_up() -> None:
    client = Client(reads=False).call(application(stream), scope("GET"))

    assert len(client.sent) == 1


def test_an_answer_is_closed_after_it_was_collected() -> None:
    class Response(list[bytes]):
        closed = False

        def close(self) -> None:
            self.closed = True

    response = Response([b"one"])

    def one(environ: Message, start_response: Any) -> Response:
        start_response("200 OK", [])
        return response

    assert Client().call(application(one), scope("GET")).body == b"one"
    assert response.closed


def test_a_stream_that_breaks_is_a_500_and_not_half_an_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def breaks(environ: Message, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"one"
        yield b"two"
        raise ValueError("It broke.")

    client = Client().call(application(breaks), scope("GET"))

    assert client.status == 500
    assert b"It broke" not in client.body
    assert "It broke." in caplog.text


def test_a_stream_for_which_there_is_no_room_is_a_507() -> None:
    def full(environ: Message, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"one"
        raise OSError(errno.ENOSPC, "No space left on device")

    assert Client().call(application(full), scope("GET")).status == 507


def test_more_requests_than_can_wait_are_503() -> None:
    client = Client().call(application(limits=Limits(waiting=0)), scope("GET"))

    assert client.status == 503
    assert client.headers[b"retry-after"] == b"5"


# --- The bound -----------------------------------------------------------------------


def test_whoever_has_held_for_longest_is_let_go() -> None:
    held, gone = SharedRoom(10), []
    with held.holding(4, lambda: gone.append("first")), held.holding(4, lambda: gone.append("2nd")):
        assert gone == []
        with held.holding(5, lambda: gone.append("third")):
            assert gone == ["first"]
            assert held.taken == 9
    assert held.taken == 0


def test_whoever_moves_on_may_stay() -> None:
    held, gone = SharedRoom(10), []
    with (
        held.holding(4, lambda: gone.append("first")) as go_on,
        held.holding(4, lambda: gone.append("second")),
    ):
        go_on()
        with held.holding(5, lambda: gone.append("third")):
            assert gone == ["second"]


def test_one_that_is_larger_than_all_room_is_let_be() -> None:
    held, gone = SharedRoom(10), []
    with held.holding(50, lambda: gone.append("it")):
        assert gone == []
    assert held.taken == 0


def test_the_oldest_of_too_many_small_bodies_is_given_up() -> None:
    async def three() -> list[int]:
        app = application(limits=Limits(small_bodies=2, grace=0.5))
        asked = scope("POST", b"/", (b"content-length", b"3"))
        clients = [Client(b"a", None), Client(b"a", None), Client(b"a", b"bc")]
        tasks = []
        for client in clients:
            tasks.append(asyncio.create_task(app(asked, client.receive, client.send)))  # type: ignore[arg-type]
            await asyncio.sleep(0.05)
        status_of_oldest = clients[0].status
        await asyncio.gather(*tasks)
        return [status_of_oldest, clients[2].status]

    assert asyncio.run(three()) == [408, 200]
