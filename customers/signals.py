"""What customers announce to the apps above them, which answer for their own rows.

A receiver of either is given a `Joining` as `about`. What becomes of rows when a customer is
exported, erased or deleted is declared instead (`common/personal.py`).
"""

from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Model
from django.dispatch import Signal

from access.principals import Principal
from common.errors import FieldError
from common.models import touched

# Two customers may become one: say what stands in the way (`Joining.clashes`).
merging = Signal()
# They do: move your rows (`Joining.move`). Both customers are locked.
merged = Signal()


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
