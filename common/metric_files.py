"""Where the web processes of one server count together, so that any of them can tell.

Nothing here may import prometheus_client: it looks at the environment when it is imported. It maps
a file into memory; on a full disk a write to a page that the disk has not given ends the process
(SIGBUS). So the room that it is about to use is written with zeros first, which fails as an
exception.
"""

import logging
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

logger = logging.getLogger(__name__)

# The variable by which prometheus_client is told.
DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
# Bytes of a new file; it is doubled when it is full.
FIRST_BYTES = 262_144
# More than one more kind of request takes.
MARGIN_BYTES = 16_384


class MetricFile:
    """This process's file, as prometheus_client names it; `trouble` says what is wrong with it."""

    def __init__(self) -> None:
        self.trouble: str | None = None
        self._path: Path | None = None
        self._number = -1
        self._mapped = False

    def share(self, directory: Path) -> None:
        """Makes the file. Raises OSError when there is no room for it."""
        path = directory / f"histogram_{os.getpid()}.db"
        self._number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._give(0, FIRST_BYTES)
        except OSError:
            with suppress(OSError):
                path.unlink()
            raise
        self._path = path

    def has_room(self) -> bool:
        """Whether one more kind of request can be counted without harm; makes room if it can."""
        if self._path is None:
            return True
        try:
            if not self._mapped and self._path.stat().st_ino != os.fstat(self._number).st_ino:
                raise FileNotFoundError(f"{self._path} is gone")
            # By now it stays in use, even when somebody removes its name.
            self._mapped = True
            used = int.from_bytes(os.pread(self._number, 4, 0), sys.byteorder)
            size = os.fstat(self._number).st_size
            if used + MARGIN_BYTES > size:
                self._give(size, size)
        except OSError as error:
            self.note(error)
            return False
        return True

    def is_shared(self) -> bool:
        """Whether other processes find what this one has counted."""
        if self._path is None:
            return False
        try:
            return bool(self._path.stat())
        except OSError as error:
            self.note(error)
            return False

    def note(self, error: Exception) -> None:
        """Says once, in the log and from then on in `/readyz`, that metrics are not complete."""
        if self.trouble is None:
            logger.warning("METRICS_DIR cannot be used (%s): each process counts alone", error)
            self.trouble = "METRICS_DIR cannot be used: numbers of requests are not complete."

    def _give(self, start: int, length: int) -> None:
        if os.pwrite(self._number, bytes(length), start) < length:
            raise OSError("There is no room for it")


metric_file = MetricFile()


def share_metrics(base: Path) -> None:
    """Has this process count in a directory below `base` with the others of its server.

    Those have one parent. A process that ended goes on counting for the sums, which would fall
    otherwise; so what goes is the whole directory of a server that has ended.
    """
    if DIRECTORY in os.environ or "prometheus_client" in sys.modules:
        # It has been decided already; too late for one process, like Django's development server.
        return
    ours = base / str(os.getppid())
    try:
        ours.mkdir(mode=0o700, parents=True, exist_ok=True)
        for each in base.iterdir():
            if each != ours and each.name.isdecimal() and not is_alive(int(each.name)):
                shutil.rmtree(each, ignore_errors=True)
        metric_file.share(ours)
    except OSError as error:
        metric_file.note(error)
        return
    os.environ[DIRECTORY] = str(ours)


def is_alive(pid: int) -> bool:
    """Whether there is such a process, of whomever."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
