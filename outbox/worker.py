"""The default engine: a loop that claims what is due and attempts it in threads.

Any number of these may run, on any number of machines. The loop alone talks to the database,
over one connection; the threads talk to the outside service, and to nobody else.
"""

import logging
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from queue import Empty, SimpleQueue
from threading import Event

from django.conf import settings
from django.db import Error as DatabaseFailure
from django.db import close_old_connections, connections

from common.housekeeping import keep_house_aside
from outbox.jobs import jobs_beside
from outbox.models import Delivery
from outbox.recording import AGAIN_SECONDS, Result, record_apart, report_lost
from outbox.services import ClaimInDoubt, attempt, claim, delivery_models, screen
from outbox.wakeup import Bell

logger = logging.getLogger(__name__)

# While there is work, outcomes and idle threads gather for so long: a batch costs little more
# than a row. Whoever waits for work starts without this pause.
GATHER_SECONDS = 0.02
HOUSEKEEPING_EVERY_SECONDS = 3600
# The bucket of the rate holds a second's worth: whoever comes later loses some of it.
LONGEST_WAIT_FOR_RATE_SECONDS = 0.5


class Worker:
    """Delivers with `threads` attempts at a time until it is told to stop."""

    def __init__(self, *, threads: int) -> None:
        self.models = deque(delivery_models())
        # Of the threads; a thread is idle again when its outcome is recorded, so that a
        # worker that is killed leaves no more rows open than it has threads.
        self.idle = threads
        self.threads = threads
        self.stopping = Event()
        self.bell = Bell()
        self.finished: SimpleQueue[Result] = SimpleQueue()
        self.unrecorded: list[Result] = []
        self.in_doubt: list[ClaimInDoubt] = []
        self.away_since: float | None = None
        self.house_kept_at = float("-inf")

    def stop(self) -> None:
        """Claims nothing more; what is under way is finished and recorded."""
        self.stopping.set()
        self.bell.ring()

    def run(self, *, once: bool = False) -> None:
        """Delivers until `stop()`; with `once`, until nothing is due."""
        with (
            jobs_beside(self.stopping, once=once),
            self.bell,
            ThreadPoolExecutor(self.threads, thread_name_prefix="deliver") as pool,
        ):
            while True:
                if not once:
                    self.keep_house()
                moved = self.step(pool, patient=not once)
                if self.idle == self.threads and (self.stopping.is_set() or (once and not moved)):
                    return
                self.rest(moved=moved)

    def step(self, pool: ThreadPoolExecutor, *, patient: bool) -> int:
        """Records what has finished, starts what is due; how many rows that moved.

        While the database is away nothing is due, and outcomes are kept.
        """
        self.gather()
        try:
            self.bell.listen()
            moved = self.record_gathered() + self.start_due(pool)
        except (DatabaseFailure, ClaimInDoubt) as error:
            self.note_away(error)
            if not patient or self.stopping.is_set():
                self.give_up_in_time()
            return 0
        self.away_since = None
        return moved

    def rest(self, *, moved: int) -> None:
        """Waits until there may be something to do."""
        if self.away_since is not None:
            time.sleep(AGAIN_SECONDS)
        elif moved:
            time.sleep(GATHER_SECONDS)
        else:
            longest = settings.DELIVERY_POLL_SECONDS
            if settings.DELIVERY_RATE_PER_SECOND:
                longest = min(longest, LONGEST_WAIT_FOR_RATE_SECONDS)
            self.bell.wait(longest)

    # --- Starting ------------------------------------------------------------------------

    def start_due(self, pool: ThreadPoolExecutor) -> int:
        """Starts as many due deliveries as there are idle threads; how many those were.

        Claiming no more than can start at once keeps small what a killed worker leaves open.
        """
        while self.in_doubt:
            self.in_doubt[-1].give_back()
            self.in_doubt.pop()
        # The first is served first: each model is in turn.
        self.models.rotate()
        return sum(self.start_due_of(model, pool) for model in self.models)

    def start_due_of(self, model: type[Delivery], pool: ThreadPoolExecutor) -> int:
        """The same for one kind."""
        if not self.idle or self.stopping.is_set():
            return 0
        try:
            rows = claim(model, most=self.idle)
        except ClaimInDoubt as doubt:
            self.in_doubt.append(doubt)
            raise
        self.idle -= len(rows)
        known = screen(rows)
        for row in rows:
            if row.pk in known:
                self.finished.put((row, known[row.pk]))
            else:
                pool.submit(self.deliver, row)
        return len(rows)

    def deliver(self, delivery: Delivery) -> None:
        """One attempt, in a thread of the pool."""
        self.finished.put((delivery, attempt(delivery)))
        self.bell.ring()
        # An attempt that asked the database keeps none of its connections.
        connections.close_all()

    # --- Recording -----------------------------------------------------------------------

    def gather(self) -> None:
        """Takes what the threads have finished."""
        while True:
            try:
                self.unrecorded.append(self.finished.get_nowait())
            except Empty:
                return

    def record_gathered(self) -> int:
        """Writes the outcomes, each model's in one transaction; how many those were.

        What is not written because the database is away remains.
        """
        self.unrecorded.sort(key=lambda result: type(result[0])._meta.label)
        count = 0
        for _, results in groupby(self.unrecorded[:], key=lambda result: type(result[0])):
            batch = list(results)
            record_apart(batch)
            self.let_go(len(batch))
            count += len(batch)
        return count

    def let_go(self, count: int) -> None:
        """The first of the outcomes need not be kept any longer, and their threads are idle."""
        del self.unrecorded[:count]
        self.idle += count

    # --- The database is away --------------------------------------------------------------

    def note_away(self, error: Exception) -> None:
        """Says so, and drops the connection if it is dead."""
        if self.away_since is None:
            self.away_since = time.monotonic()
        logger.warning("The database does not answer (%s); trying again", error)
        close_old_connections()

    def give_up_in_time(self) -> None:
        """A worker that is to end keeps outcomes for as long as a lease and no longer."""
        away_for = time.monotonic() - (self.away_since or time.monotonic())
        if self.unrecorded and away_for > settings.DELIVERY_LEASE_SECONDS:
            report_lost(self.unrecorded)
            self.let_go(len(self.unrecorded))

    # --- Besides ---------------------------------------------------------------------------

    def keep_house(self) -> None:
        """Has done what is to be done every hour, besides the deliveries."""
        if time.monotonic() >= self.house_kept_at + HOUSEKEEPING_EVERY_SECONDS:
            self.house_kept_at = time.monotonic()
            keep_house_aside()
