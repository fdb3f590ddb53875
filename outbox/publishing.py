"""Asks Celery workers to look for what is due, without ever keeping a request waiting."""

import logging
import threading
import time

from django.conf import settings
from django.utils.module_loading import import_string

logger = logging.getLogger(__name__)

# A broker that is away is left alone for so long.
AFTER_FAILURE_SECONDS = 5.0
# One sweep serves all that was queued in so short a time.
BETWEEN_SECONDS = 0.1


class Publisher:
    """A thread of its own that publishes: a broker may be away, or not answer for a minute."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def ask(self) -> None:
        """Has a sweep published soon; returns at once. Many asks may come to one sweep."""
        self._asked.set()
        with self._starting:
            # A process that forked has no threads of its parent.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            time.sleep(self.publish())

    def publish(self) -> float:
        """Asks for a sweep; how many seconds the next one can wait."""
        try:
            publish_sweep()
        except Exception as error:  # noqa: BLE001 - whatever a broker's client raises
            logger.warning("The broker cannot be reached: %s", type(error).__name__)
            return AFTER_FAILURE_SECONDS
        return BETWEEN_SECONDS


def publish_sweep() -> None:
    """Puts one `sweep` into the queue. Celery is first imported here."""
    application = import_string(settings.CELERY_APPLICATION)
    application.send_task("outbox.sweep", retry=False)


publisher = Publisher()
