"""A bound on what slow clients hold, at the cost of the slowest."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class SharedRoom:
    """Room that clients take while they are slow. One thread, the event loop's, may use it.

    When it is full, whoever has made no progress for the longest time is told to let go: an honest
    client moves on all the time, so the one that goes is an attacker or a broken connection.
    """

    def __init__(self, room: int) -> None:
        self.room = room
        self.taken = 0
        # In the order of their last progress.
        self._holders: dict[object, tuple[int, Callable[[], None]]] = {}

    @contextmanager
    def holding(self, size: int, let_go: Callable[[], None]) -> Iterator[Callable[[], None]]:
        """Holds `size` within the context, and yields what is to be called on progress.

        `let_go` is called at most once, to end it early.
        """
        holder = object()
        self._holders[holder] = (size, let_go)
        self.taken += size
        while self.taken > self.room and len(self._holders) > 1:
            slowest = next(iter(self._holders))
            end_early = self._holders[slowest][1]
            self._release(slowest)
            end_early()
        try:
            yield lambda: self._move_back(holder)
        finally:
            self._release(holder)

    def _move_back(self, holder: object) -> None:
        if holder in self._holders:
            self._holders[holder] = self._holders.pop(holder)

    def _release(self, holder: object) -> None:
        size, _ = self._holders.pop(holder, (0, None))
        self.taken -= size
