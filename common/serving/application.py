"""The ASGI application: a WSGI application behind buffers."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope

from common.errors import Problem, as_problem, fault, unavailable
from common.serving.answers import Answer, Answers, Wsgi, call, refusal
from common.serving.bodies import Bodies, DisconnectedError
from common.serving.environ import Environ, environ_of, has_body
from common.serving.limits import LIMITS, Limits
from common.serving.sockets import allow_many_connections, prepare_sockets

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Application:
    """Runs `wsgi` in `threads` threads, each of which keeps its own connection to the database.

    `most_bytes` says, in one of them, how long a request's body may be when it is not small.
    Temporary files lie in `directory`, the system's own if None.
    """

    def __init__(
        self,
        wsgi: Wsgi,
        *,
        most_bytes: Callable[[Environ], int],
        threads: int,
        directory: str | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        self.wsgi = wsgi
        self.limits = limits
        self.directory = directory
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix="request")
        self.waiting = 0
        self.prepared = False
        allow_many_connections()
        self.bodies = Bodies(limits, lambda environ: self.in_thread(most_bytes, environ), directory)
        self.answers = Answers(limits)

    async def __call__(
        self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if not self.prepared:
            # Now the server listens.
            self.prepared = True
            prepare_sockets()
        environ = environ_of(scope)
        try:
            all_read = not has_body(environ) or await self.bodies.take_in(environ, receive)
            answer = await self.in_thread(self.process, environ)
        except DisconnectedError:
            return
        except Problem as problem:
            answer, all_read = refusal(problem), False
        finally:
            environ["wsgi.input"].close()
        if not all_read:
            answer.close_connection()
        await self.answers.send(answer, send, scope["client"])

    def process(self, environ: Environ) -> Answer:
        """The application's answer."""
        return call(self.wsgi, environ, self.limits, self.directory)

    async def in_thread(self, function: Callable[[Environ], T], environ: Environ) -> T:
        """Calls a function in a processing thread. Whatever it raises becomes a Problem."""
        if self.waiting >= self.limits.waiting:
            raise unavailable(retry_after=5)
        self.waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self.threads, function, environ)
        except Exception as error:
            problem = as_problem(error)
            if problem is None:
                logger.exception("Unhandled error before or behind the application")
                problem = fault()
            raise problem from error
        finally:
            self.waiting -= 1
