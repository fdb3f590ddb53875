"""Delivery reports, as the service posts them to the address that it was told.

A number of the form `+254711000NNN` whose NNN stands in `PLANS` is reported on in that way,
every other one as delivered. Whatever the service received is reported on, also when its
answer was lost.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from random import random
from urllib.parse import urlencode, urlsplit

from simulators.magic import PREFIX


@dataclass(frozen=True, slots=True)
class Step:
    """One report; it is posted `delays` times the reporter's delay after the SMS was received."""

    status: str
    failure_reason: str = ""
    delays: float = 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    """All reports on an SMS. With `first`, they come before the answer to the request."""

    steps: tuple[Step, ...] = ()
    first: bool = False


DELIVERED = Plan((Step("Success"),))
PLANS: Mapping[str, Plan] = {
    "800": Plan(),
    "801": DELIVERED,
    "802": Plan((Step("Failed", "DeliveryFailure"),)),
    "803": Plan((Step("Rejected", "UserInBlackList"),)),
    "804": Plan((Step("AbsentSubscriber"),)),
    "805": Plan((Step("Expired"),)),
    "806": Plan((Step("Sent"),)),
    # In good order, twice, out of order, late, and before the answer.
    "810": Plan((Step("Submitted"), Step("Buffered", delays=2), Step("Success", delays=3))),
    "811": Plan((Step("Success"), Step("Success", delays=2))),
    "812": Plan((Step("Success"), Step("Sent", delays=2))),
    "813": Plan((Step("Success", delays=10),)),
    "814": Plan((Step("Success"),), first=True),
}


def plan_for(phone: str) -> Plan:
    """How `phone` (E.164) is reported on."""
    return PLANS.get(phone.removeprefix(PREFIX), DELIVERED)


class Reporter:
    """Posts reports to `url` (http), `delay` seconds after each other. Lives in an event loop.

    `double_rate` is the share (0 to 1) of the reports that are posted twice.
    """

    def __init__(self, url: str, delay: float, *, double_rate: float = 0.0) -> None:
        self.url = urlsplit(url)
        self.delay = delay
        self.double_rate = double_rate
        self._later: set[asyncio.Task[None]] = set()
        self._first: list[asyncio.Task[None]] = []

    def schedule(self, phone: str, message_id: str) -> None:
        """Reports on an SMS that was just received."""
        plan = plan_for(phone)
        task = asyncio.create_task(self._carry_out(plan, phone, message_id))
        if plan.first:
            self._first.append(task)
        else:
            self._later.add(task)
            task.add_done_callback(self._later.discard)

    async def before_the_answer(self) -> None:
        """Waits for the reports that come before the answer."""
        tasks, self._first = self._first, []
        await asyncio.gather(*tasks)

    async def stop(self) -> None:
        """Drops what is still to be reported."""
        for task in self._later:
            task.cancel()
        await asyncio.gather(*self._later, return_exceptions=True)

    async def _carry_out(self, plan: Plan, phone: str, message_id: str) -> None:
        passed = 0.0
        for step in plan.steps:
            await asyncio.sleep((step.delays - passed) * self.delay)
            passed = step.delays
            form = {"id": message_id, "phoneNumber": phone, "status": step.status}
            if step.failure_reason:
                form["failureReason"] = step.failure_reason
            form |= {"networkCode": "63902", "retryCount": "0"}
            for _ in range(2 if random() < self.double_rate else 1):  # noqa: S311
                # Nobody there: the report is lost, as the service's would be.
                with suppress(OSError):
                    await self._post(form)

    async def _post(self, form: Mapping[str, str]) -> None:
        body = urlencode(form).encode()
        host, port = self.url.hostname, self.url.port or 80
        reader, writer = await asyncio.open_connection(host, port)
        try:
            head = (
                f"POST {self.url.path} HTTP/1.1\r\nHost: {self.url.netloc}\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + body)
            await reader.read()
        finally:
            writer.close()
