"""What becomes of mappings when customers are merged."""

from itertools import groupby
from operator import attrgetter
from typing import Any

from django.dispatch import receiver

from access.rule import may
from common.errors import FieldError
from customers.signals import Joining, merged, merging
from mappings.models import Mapping


@receiver(merging, dispatch_uid="mappings.merging")
def on_merging(sender: Any, *, about: Joining, **kwargs: Any) -> None:
    """Nobody has two ids in one application; which is right is for people to say.

    The ids, which may be names, are for those who may read mappings.
    """
    shown = about.reader is None or may(
        about.reader, resource="mappings", model=Mapping, permission="view"
    )
    theirs = Mapping.objects.filter(customer__in=[about.merged_id, about.survivor_id])
    rows = theirs.select_related("app").order_by("app__slug", "pk")
    for app, mappings in groupby(rows, key=attrgetter("app")):
        ids = [mapping.customer_app_id for mapping in mappings]
        if len(ids) > 1:
            which = f": {' and '.join(ids)}" if shown else ""
            detail = f"Both have an id in {app.slug}{which}."
            about.clashes.append(FieldError("mappings", "clash", detail))


@receiver(merged, dispatch_uid="mappings.merged")
def on_merged(sender: Any, *, about: Joining, **kwargs: Any) -> None:
    """The survivor gets the mappings."""
    about.move(Mapping)
