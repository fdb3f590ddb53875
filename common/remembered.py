"""An answer that is good for a few seconds, kept by each process for itself."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """Calls `compute` no more often than every so many seconds, however often it is called.

    Two threads may both compute. What raises is not remembered.
    """

    def __init__(self, compute: Callable[[], T], *, seconds: float) -> None:
        self.compute = compute
        self.seconds = seconds
        self._memory: tuple[float, T] | None = None

    def __call__(self) -> T:
        known = self._memory
        if known is None or time.monotonic() >= known[0]:
            known = self._memory = (time.monotonic() + self.seconds, self.compute())
        return known[1]

    def forget(self) -> None:
        """The next call computes."""
        self._memory = None
