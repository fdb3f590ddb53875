"""The default engine: a loop that claims what is due and attempts it in threads.

Any number of these may run, on any number of machines.
"""

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait

from django.conf import settings
from django.core.management import call_command
from django.db import Error as DatabaseFailure
from django.db import close_old_connections

from outbox.jobs import jobs_beside
from outbox.models import Delivery
from outbox.outcomes import Outcome
from outbox.services import ClaimInDoubt, attempt, claim, delivery_models, record

logger = logging.getLogger(__name__)

# The wait before an outcome is written again while the database is away.
RECORD_AGAIN_SECONDS = 1.0
HOUSEKEEPING_EVERY_SECONDS = 3600


class Worker:
    """Delivers with `threads` attempts at a time until it is told to stop."""

    def __init__(self, *, threads: int) -> None:
        self.threads = threads
        self.models = delivery_models()
        self.stopping = threading.Event()
        self.idle = threading.Semaphore(threads)
        self.under_way: set[Future[None]] = set()
        self.in_doubt: list[ClaimInDoubt] = []
        self.house_kept_at = float("-inf")

    def stop(self) -> None:
        """Claims nothing more; what is under way is finished and recorded."""
        self.stopping.set()

    def run(self, *, once: bool = False) -> None:
        """Delivers until `stop()`; with `once`, until nothing is due."""
        with (
            jobs_beside(self.stopping, once=once),
            ThreadPoolExecutor(self.threads, thread_name_prefix="deliver") as pool,
        ):
            while not self.stopping.is_set():
                started = self.start_due(pool)
                if once and not self.under_way:
                    return
                if once:
                    # What fails now may be due again at once.
                    self.finish_under_way()
                elif not started:
                    self.keep_house()
                    self.stopping.wait(settings.DELIVERY_POLL_SECONDS)

    def start_due(self, pool: ThreadPoolExecutor) -> int:
        """Starts as many due deliveries as there are idle threads; how many those were.

        Claiming no more than can start at once keeps small what a killed worker leaves open.
        """
        started = 0
        for model in self.models:
            free = self.take_idle()
            if self.stopping.is_set():
                self.idle.release(free)
                break
            rows = self.claim_safely(model, free)
            if unused := free - len(rows):
                self.idle.release(unused)
            for row in rows:
                future = pool.submit(self.deliver, row)
                self.under_way.add(future)
                future.add_done_callback(self.under_way.discard)
            started += len(rows)
        return started

    def keep_house(self) -> None:
        """Prunes what has had its time, now and then, while there is nothing to deliver."""
        if time.monotonic() < self.house_kept_at + HOUSEKEEPING_EVERY_SECONDS:
            return
        self.house_kept_at = time.monotonic()
        try:
            call_command("housekeeping", verbosity=0)
        except DatabaseFailure:
            logger.exception("Housekeeping failed; the next one is later")
            close_old_connections()

    def finish_under_way(self) -> None:
        """Waits until what has been started is recorded."""
        wait(set(self.under_way))

    def take_idle(self) -> int:
        """Waits for an idle thread and takes all there are."""
        self.idle.acquire()
        taken = 1
        while self.idle.acquire(blocking=False):
            taken += 1
        return taken

    def claim_safely(self, model: type[Delivery], most: int) -> list[Delivery]:
        """Claims; while the database is away, nothing is due."""
        try:
            while self.in_doubt:
                self.in_doubt[-1].give_back()
                self.in_doubt.pop()
            return claim(model, most=most)
        except (DatabaseFailure, ClaimInDoubt) as error:
            if isinstance(error, ClaimInDoubt):
                self.in_doubt.append(error)
            logger.exception("Claiming failed; trying again")
            close_old_connections()
            self.stopping.wait(settings.DELIVERY_POLL_SECONDS)
            return []

    def deliver(self, delivery: Delivery) -> None:
        """One attempt and its outcome, in a thread of the pool."""
        try:
            self.record_safely(delivery, attempt(delivery))
        except Exception:
            # A pool keeps its tasks' errors to itself.
            logger.exception("The outcome of %s could not be recorded", delivery.pk)
        finally:
            self.idle.release()

    def record_safely(self, delivery: Delivery, outcome: Outcome) -> None:
        """Records, also when the database is away for less than the lease."""
        give_up = time.monotonic() + settings.DELIVERY_LEASE_SECONDS
        while True:
            try:
                record(delivery, outcome)
                return
            except DatabaseFailure:
                close_old_connections()
                if time.monotonic() > give_up:
                    # The row falls due with its claim still on it: it ends as unknown.
                    logger.exception("The outcome of %s is lost", delivery.pk)
                    return
                time.sleep(RECORD_AGAIN_SECONDS)
