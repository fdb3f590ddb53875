"""What customers announce to the apps above them, which answer for their own rows.

A receiver of any of these is given, as `about`, one of the classes below.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q, QuerySet
from django.dispatch import Signal
from django.utils import timezone
from rest_framework import serializers

from access.principals import Principal
from common.errors import FieldError

# Two customers may become one: say what stands in the way (`Joining.clashes`).
merging = Signal()
# They do: move your rows (`Joining.move`). Both customers are locked.
merged = Signal()
# Somebody asks for everything that is held about a customer (`Export.add`).
exporting = Signal()
# A customer's personal members are to go (`Erasing`). The customer is locked.
erasing = Signal()

ERASED = "erased"


@dataclass
class Joining:
    """A customer who is to become part of another."""

    merged_id: UUID
    survivor_id: UUID
    # Who is told of clashes, if not somebody who may read everything.
    reader: Principal | None = None
    clashes: list[FieldError] = field(default_factory=list)
    # The ids of the rows that were moved, by `app.Model.field`: what is undone later.
    moved: dict[str, list[str]] = field(default_factory=dict)

    def move(self, model: type[Model], by: str = "customer") -> None:
        """Gives the survivor the rows of `model` whose foreign key `by` names the other one."""
        rows = model._default_manager.filter(**{by: self.merged_id})
        # Locked, so that what is on record is what is moved. No row comes in between: its
        # foreign key would have to wait for our lock on the customer.
        ids = list(rows.select_for_update().order_by("pk").values_list("pk", flat=True))
        rows.update(**{by: self.survivor_id}, **touched(model))
        self.moved[f"{model._meta.label}.{by}"] = [str(pk) for pk in ids]


@dataclass(frozen=True)
class Section:
    """A part of an export: rows, and how their app shows them."""

    serializer: type[serializers.BaseSerializer[Any]]
    rows: QuerySet[Any]


@dataclass
class Export:
    """Everything about a customer, by the name of its member. Nothing is read before it is shown.

    The documents ask, too, about a customer who does not exist.
    """

    customer_id: UUID
    sections: dict[str, Section] = field(default_factory=dict)

    def add(
        self, name: str, serializer: type[serializers.BaseSerializer[Any]], rows: QuerySet[Any]
    ) -> None:
        """Puts `rows` under `name`, as `serializer` shows them."""
        self.sections[name] = Section(serializer, rows)


@dataclass
class Erasing:
    """A customer who is to be forgotten, and how many rows of each kind have been so far."""

    customer_id: UUID
    # What they are called: to be found where it has been written down.
    names: tuple[str, ...]
    rows: Counter[str] = field(default_factory=Counter)

    def forget_history(
        self, model: type[Model], ids: Iterable[Any], *, only_named: bool = False
    ) -> None:
        """Overwrites what the admin's log says about these rows; `only_named`: that say a name."""
        kind = ContentType.objects.get_for_model(model)
        about = LogEntry.objects.filter(content_type=kind, object_id__in=[str(pk) for pk in ids])
        if only_named:
            named = Q(pk__in=[])
            for name in self.names:
                named |= Q(object_repr__icontains=name) | Q(change_message__icontains=name)
            about = about.filter(named)
        self.rows["log_entries"] += about.update(object_repr=ERASED, change_message="")


def touched(model: type[Model]) -> dict[str, Any]:
    """What an `update()` must set, besides what it is for."""
    names = {each.name for each in model._meta.concrete_fields}
    return {"updated_at": timezone.now()} if "updated_at" in names else {}
