"""What is kept for a time only, by whoever keeps it."""

from collections.abc import Callable

from common.idempotency import prune

# Deletes what has had its time; how many rows those were.
Chore = Callable[[], int]

_chores: dict[str, Chore] = {"idempotency records": prune}


def register(name: str, chore: Chore) -> None:
    """Has `chore` done from now on. Called once, from an app's `ready()`."""
    _chores[name] = chore


def chores() -> list[tuple[str, Chore]]:
    """Everything to be done, by the name of what it deletes."""
    return list(_chores.items())
