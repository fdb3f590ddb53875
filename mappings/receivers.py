"""What becomes of mappings when customers are merged."""

from itertools import groupby
from operator import attrgetter
from typing import Any

from django.dispatch import receiver

from common.errors import FieldError
from customers.signals import Joining, merged, merging
from mappings.models import Mapping


@receiver(merging, dispatch_uid="mappings.merging")
def on_merging(sender: Any, *, about: Joining, **kwargs: Any) -> None:
    """Nobody has two ids in one application; which is right is for people to say."""
    theirs = Mapping.objects.filter(customer__in=[about.merged_id, about.survivor_id])
    rows = theirs.select_related("app").order_by("app__slug", "pk")
    for app, mappings in groupby(rows, key=attrgetter("app")):
        ids = [mapping.customer_app_id for mapping in mappings]
        if len(ids) > 1:
            detail = f"Both have an id in {app.slug}: {' and '.join(ids)}."
            about.clashes.append(FieldError("mappings", "clash", detail))


@receiver(merged, dispatch_uid="mappings.merged")
def on_merged(sender: Any, *, about: Joining, **kwargs: Any) -> None:
    """The survivor gets the mappings."""
    about.move(Mapping)
