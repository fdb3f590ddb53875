"""What this app stores about people: the answers that are kept for repeated requests."""

from django.db.models import Q

from common import personal
from common.mentions import Mentions
from common.models import Chore, IdempotencyRecord


def kept_answers(who: personal.Subject) -> personal.Rows:
    """The answers that were given to the person, or that show or name them.

    A name that is somebody else's as well is not looked for: a record that goes for nothing lets
    a request run a second time.
    """
    records = IdempotencyRecord.objects.all()
    names = (who.names - who.shared) | set(map(str, who.customers))
    showing = Mentions(frozenset(names), frozenset(who.phones))
    principals = [f"user:{user}" for user in who.users]
    about = showing.among(records, "body", "key").values("pk")
    return records.filter(Q(pk__in=about) | Q(principal__in=principals))


personal.declare(
    IdempotencyRecord,
    fields={"key": "What a client called its request.", "body": "The answer to a request."},
    # Of the answer, its ETag and Location; of the request, a digest.
    impersonal=("principal", "fingerprint", "headers"),
    rows=kept_answers,
    erase=personal.delete,
    counted="idempotency_records",
    last=True,
)
personal.declare_impersonal(Chore)
