"""What attempts and delivery reports came to, counted by the minute.

For monitoring, in a few thousand rows however many messages there are: neither a scrape nor a
page ever counts messages that have been dealt with. The counting follows the commit, in a
statement of its own: nobody waits with a transaction open for the row of the minute, and at the
worst a process that dies right then leaves some uncounted.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Sum
from django.utils import timezone

from notifications.models import Message, Tally

# The upper bounds, in milliseconds, of the time an attempt took.
BOUNDS = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000)
# Beyond them; and for what was no attempt.
BEYOND = 2_147_483_647
NO_ATTEMPT = 0
# The minute of all that is older than KEPT.
BEFORE = datetime(1970, 1, 1, tzinfo=UTC)
KEPT = timedelta(hours=25)

# Gateway, status and bound.
Kind = tuple[str, str, int]


def count_attempts(rows: Sequence[Message]) -> None:
    """Counts recorded messages by what they came to; what was only put off is not counted.

    To be called before anything else moves them on. Counted when the transaction commits.
    """
    counts: Counter[Kind] = Counter()
    took: dict[Kind, int] = defaultdict(int)
    for row in rows:
        if row.seconds is None and row.status == Message.Status.PENDING:
            continue
        milliseconds = round((row.seconds or 0) * 1000)
        # Which gateway refused is on no row: the first is asked first.
        taken = row.status == Message.Status.SENT
        gateway = row.gateway if taken else settings.SMS_GATEWAY
        bound = NO_ATTEMPT if row.seconds is None else bound_of(milliseconds)
        counts[gateway, row.status, bound] += 1
        took[gateway, row.status, bound] += milliseconds
    transaction.on_commit(partial(add, counts, took), robust=True)


def count_report(message: Message) -> None:
    """Counts a message that a report has moved on, when the transaction commits."""
    kind = message.gateway, message.status, NO_ATTEMPT
    transaction.on_commit(partial(add, {kind: 1}, {}), robust=True)


def bound_of(milliseconds: int) -> int:
    return next((bound for bound in BOUNDS if milliseconds <= bound), BEYOND)


def add(counts: dict[Kind, int], took: dict[Kind, int], minute: datetime | None = None) -> None:
    """Adds to the rows of a minute, the present one unless said, in one statement."""
    if not counts:
        return
    quote = connection.ops.quote_name
    table = quote(Tally._meta.db_table)
    columns = ("minute", "gateway", "status", "bound", "messages", "milliseconds")
    minute = minute or timezone.now().replace(second=0, microsecond=0)
    moment = connection.ops.adapt_datetimefield_value(minute)
    # In one order everywhere: two workers that count the same do not deadlock.
    rows = [(moment, *kind, counts[kind], took.get(kind, 0)) for kind in sorted(counts)]
    # Not by the ORM, whose upsert replaces values and cannot add to them.
    statement = f"""
        INSERT INTO {table} ({", ".join(map(quote, columns))})
        VALUES {", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(rows))}
        ON CONFLICT (minute, gateway, status, bound) DO UPDATE SET
        messages = {table}.messages + excluded.messages,
        milliseconds = {table}.milliseconds + excluded.milliseconds
    """  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, [value for row in rows for value in row])


def fold() -> int:
    """Adds up what is older than KEPT in one row of each kind; how many rows that took away.

    The sums over all rows stay what they are: for monitoring those are counters, which never fall.
    """
    with transaction.atomic():
        old = Tally.objects.filter(minute__lt=timezone.now() - KEPT).exclude(minute=BEFORE)
        ids = list(old.select_for_update().values_list("pk", flat=True))
        sums = Tally.objects.filter(pk__in=ids).values_list("gateway", "status", "bound")
        rows = list(sums.annotate(Sum("messages"), Sum("milliseconds")))
        add({row[:3]: row[3] for row in rows}, {row[:3]: row[4] for row in rows}, BEFORE)
        Tally.objects.filter(pk__in=ids).delete()
    return len(ids)
