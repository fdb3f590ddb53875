"""The numbers in the form in which Prometheus takes them."""

from collections import defaultdict
from collections.abc import Iterator

from django.conf import settings
from django.db.models import Sum
from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)

from common import health, metrics
from common.remembered import Remembered
from notifications import numbers
from notifications.models import Message, Tally
from notifications.tallies import BEYOND, BOUNDS, NO_ATTEMPT

# A tally as it is read: gateway, status, bound, messages, milliseconds.
Row = tuple[str, str, int, int, int]


def read() -> list[Metric]:
    """All of them. Five queries."""
    return [*of_the_backlog(), *of_attempts(), *of_spending()]


collected = Remembered(read, seconds=numbers.SECONDS)


def register_numbers() -> None:
    """Has `/metrics` show them, and `/readyz` warn of a queue that is not served."""
    metrics.register(collected)
    health.register(numbers.late)


def gauge(name: str, text: str, **labels: float) -> GaugeMetricFamily:
    """A number for each value of the label `state`."""
    family = GaugeMetricFamily(name, text, labels=["state"])
    for state, value in labels.items():
        family.add_metric([state], value)
    return family


def of_the_backlog() -> Iterator[Metric]:
    """What is not settled, and for how long."""
    backlog = numbers.read_backlog()
    yield gauge(
        "klanten_messages_open",
        f"Messages that are not settled; no more than {numbers.MOST} are counted.",
        due=backlog.due,
        in_hand=backlog.in_hand,
        waiting=backlog.waiting,
        unknown=backlog.unknown,
    )
    yield GaugeMetricFamily(
        "klanten_messages_oldest_due_seconds",
        "For how long the message that is longest due has been so.",
        value=backlog.oldest_due_seconds,
    )
    yield GaugeMetricFamily(
        "klanten_gateway_paused",
        "1 while nothing is handed to the gateway because it was found away.",
        value=float(backlog.paused_until is not None),
    )


def of_attempts() -> Iterator[Metric]:
    """What messages came to since the beginning, and how long it took."""
    sums = Tally.objects.values_list("gateway", "status", "bound")
    rows = list(sums.annotate(Sum("messages"), Sum("milliseconds")).order_by("gateway", "status"))
    yield outcomes(rows)
    yield seconds(rows)


def outcomes(rows: list[Row]) -> Metric:
    """How many messages came to what; "retry" is an attempt to be repeated."""
    family = CounterMetricFamily(
        "klanten_message_outcomes",
        "What attempts and delivery reports came to.",
        labels=["gateway", "outcome"],
    )
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for gateway, status, _, messages, _ in rows:
        outcome = "retry" if status == Message.Status.PENDING else status
        counts[gateway, outcome] += messages
    for names, count in counts.items():
        family.add_metric(names, count)
    return family


def seconds(rows: list[Row]) -> Metric:
    """How long attempts took, by gateway."""
    family = HistogramMetricFamily(
        "klanten_message_attempt_seconds",
        "How long it took to hand a message to the gateway; with a fallback, to both.",
        labels=["gateway"],
    )
    counts: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    took: dict[str, int] = defaultdict(int)
    for gateway, _, bound, messages, milliseconds in rows:
        if bound != NO_ATTEMPT:
            counts[gateway][bound] += messages
            took[gateway] += milliseconds
    for gateway, by_bound in counts.items():
        family.add_metric([gateway], buckets(by_bound), took[gateway] / 1000)
    return family


def buckets(by_bound: dict[int, int]) -> list[tuple[str, float]]:
    """For each bound, what did not take longer."""
    total, found = 0, []
    for bound in (*BOUNDS, BEYOND):
        total += by_bound[bound]
        name = "+Inf" if bound == BEYOND else str(bound / 1000)
        found.append((name, float(total)))
    return found


def of_spending() -> Iterator[Metric]:
    """What today's messages came to, and what they may."""
    spent = GaugeMetricFamily(
        "klanten_message_spend_today",
        "What the messages of today cost, as the gateway says.",
        labels=["currency"],
    )
    for each in numbers.spent_today():
        spent.add_metric([each.currency], float(each.amount))
    yield spent
    yield GaugeMetricFamily(
        "klanten_message_spend_limit",
        "What the messages of a day may cost (SMS_DAILY_SPEND_LIMIT); 0 is anything.",
        value=float(settings.SMS_DAILY_SPEND_LIMIT),
    )
