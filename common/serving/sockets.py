"""The server's own sockets, where it offers no option for what slow clients need."""

import os
import resource
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

# The kernel doubles it. Left to itself it buffers 4 MB for each reader that reads nothing.
SEND_BUFFER_BYTES = 131_072
# When the other side takes nothing, or is gone without a word, for so long.
STALLED_MILLISECONDS = 30_000
OPEN_FILES = 8192


def open_sockets() -> Iterator[socket.socket]:
    """A duplicate of each of this process's sockets for IP, closed after its turn."""
    for file in tuple(Path("/dev/fd").iterdir()):
        with suppress(OSError):
            number = int(file.name)
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                with closing(socket.socket(fileno=os.dup(number))) as duplicate:
                    if duplicate.family in (socket.AF_INET, socket.AF_INET6):
                        yield duplicate


def prepare_sockets() -> None:
    """Bounds what the kernel holds for a reader, for this process's present and later connections.

    To be called when the server listens: what is accepted inherits from the socket that listens.
    """
    ours = {
        each.getsockname()[1]
        for each in open_sockets()
        if each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    }
    for each in open_sockets():
        if each.getsockname()[1] in ours:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STALLED_MILLISECONDS)


def allow_many_connections() -> None:
    """Lets this process open as many files as it may; a shell's default is often 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def cut(client: tuple[str, int] | None) -> None:
    """Ends the connection from `client`.

    To stop sending is not enough: the server would wait for as long as the reader likes until
    what it has buffered is taken.
    """
    if client is None:
        return
    for each in open_sockets():
        with suppress(OSError):
            host, port = each.getpeername()[:2]
            if (host, port) == (client[0], int(client[1])):
                # With what the kernel still holds for it: the reader does not take that, either.
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                each.shutdown(socket.SHUT_RDWR)
