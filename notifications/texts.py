"""What messages say: staff's templates, or the kind's own words, filled in."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from common.money import cents
from customers.models import Customer
from notifications.kinds import Kind, kind_of
from notifications.models import Template
from notifications.wording import check, fill
from orders.models import Order

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Words:
    """The text of a kind in one language, with its variables still in it."""

    text: str
    essential: bool


Known = Mapping[tuple[str, str], Words]

# How long a process believes the templates it has read: a template that was changed in another
# process is in use everywhere after so many seconds. No order waits for a query of its own.
CACHE_SECONDS = 5.0
_memory: tuple[float, Known] = (0.0, {})


def templates() -> Known:
    """Staff's templates in use, by kind and language."""
    until, known = _memory
    if time.monotonic() >= until:
        rows = Template.objects.filter(active=True).order_by()
        known = {
            (row.kind, row.language): Words(row.text, row.essential) for row in rows if usable(row)
        }
        remember(known)
    return known


def usable(template: Template) -> bool:
    """Whether its kind is still there and has all that the text names.

    A release may take a variable away; no order may fail for that.
    """
    try:
        check(template.text, kind_of(template.kind).variables)
    except (KeyError, ValueError):
        logger.exception("The template %s cannot be used; the kind's own words are", template)
        return False
    return True


def remember(known: Known, *, seconds: float = CACHE_SECONDS) -> None:
    """Believes `known` for so long."""
    global _memory  # noqa: PLW0603 - one memory for the process
    _memory = (time.monotonic() + seconds, known)


@receiver((post_save, post_delete), sender=Template, dispatch_uid="notifications.forget_templates")
def forget(**kwargs: Any) -> None:
    """A change is in use at once in the process that makes it."""
    remember({}, seconds=0)


def languages(wanted: str) -> list[str]:
    """The languages to try, the best first: `sw-KE`, then `sw`, then the house's."""
    return [wanted, wanted.partition("-")[0], settings.DEFAULT_LANGUAGE]


def words_of(kind: Kind, language: str) -> Words:
    """What a kind says in a language, or in the nearest one that it has.

    In each language, staff's template goes before the words of the code.
    """
    written = templates()
    for each in (*languages(language), *kind.default):
        if words := written.get((kind.name, each)):
            return words
        if each in kind.default:
            return Words(kind.default[each], kind.essential)
    raise LookupError(f"The kind {kind.name} has no words in any language.")


def rendered(kind: str, values: Mapping[str, str], *, customer: Customer | None) -> Words:
    """The text of a message, filled in, and whether it is essential."""
    words = words_of(kind_of(kind), customer.language if customer else "")
    return Words(fill(words.text, values), words.essential)


def values_of(order: Order) -> dict[str, str]:
    """What the kinds of orders may say about one."""
    return {
        "customer_name": order.customer.display_name,
        "item": order.description,
        "currency": order.currency,
        "amount": str(cents(order.amount)),
        "order_code": order.code or "",
    }
