"""`manage.py deliver [--once] [--threads N]`: the worker."""

import gc
import signal
from argparse import ArgumentParser, ArgumentTypeError
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from outbox.worker import Worker

MOST_THREADS = 256


def thread_count(text: str) -> int:
    """A number of threads from the command line."""
    if not text.isdecimal() or not 1 <= int(text) <= MOST_THREADS:
        raise ArgumentTypeError(f"a number from 1 to {MOST_THREADS} is needed, not {text!r}")
    return int(text)


class Command(BaseCommand):
    """Delivers what is due: SMS, and whatever else must leave the house."""

    help = "Deliver what is due, until stopped (SIGTERM or Ctrl-C finishes what is under way)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="stop when nothing is due")
        parser.add_argument(
            "--threads", type=thread_count, default=32, help="attempts at a time; default: 32"
        )

    def handle(self, *args: Any, once: bool, threads: int, **options: Any) -> None:
        worker = Worker(threads=threads)

        def stop(signum: int, frame: FrameType | None) -> None:
            worker.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        if not once:
            self.stdout.write(f"Delivering with {threads} threads.")
            # What is loaded by now stays, and a batch of rows is no garbage. Looking through them
            # again and again would cost an import a fifth of its time.
            gc.freeze()
            gc.set_threshold(50_000, 20, 20)
        worker.run(once=once)
