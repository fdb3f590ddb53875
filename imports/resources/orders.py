from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction

from common.bulk import REFUSALS, Outcome, Result, refusal
from imports.resources.base import Resource
from orders.models import Order
from orders.serializers import OrderRequestSerializer, OrderSerializer


class Orders(Resource):
    """Orders: placed one by one, exactly as the API does it.

    One whose code is known is changed as a PATCH changes it; the very same once more is not.
    """

    name = "orders"
    model = Order
    serializer = OrderRequestSerializer
    needed = (("customer", "customer_code", "code"), ("item", "amount", "quantity", "status"))
    batch = 100

    def write(self, rows: Sequence[Mapping[str, Any]], *, notify: bool) -> list[Result]:
        codes = {row["code"] for row in rows if isinstance(row.get("code"), str)}
        known = set(Order.objects.filter(code__in=codes).values_list("code", flat=True))
        context: dict[str, Any] = {"customers": None, "announce": notify}
        new = OrderRequestSerializer(context=context)
        results: list[Result] = []
        for row in rows:
            code = row.get("code")
            try:
                with transaction.atomic():
                    if isinstance(code, str) and code in known:
                        results.append(change(row, context))
                        continue
                    known.add(new.create(new.run_validation(row)).code)
                results.append(Outcome.CREATED)
            except REFUSALS as error:
                results.append(refusal(error))
        return results


def change(row: Mapping[str, Any], context: dict[str, Any]) -> Outcome:
    """Changes the order that has the row's code as far as the row says something else."""
    locked = Order.objects.select_for_update().only("pk").get(code=row["code"])
    order = Order.objects.with_members().get(pk=locked.pk)
    order.announce = context["announce"]
    wanted = {name: row[name] for name in row if name != "lines" or new_lines(row, order)}
    serializer = OrderRequestSerializer(order, data=wanted, partial=True, context=context)
    serializer.is_valid(raise_exception=True)
    if not serializer.validated_data:
        return Outcome.UNCHANGED
    serializer.save()
    return Outcome.UPDATED


def new_lines(row: Mapping[str, Any], order: Order) -> bool:
    """Whether the lines of a row say anything that those of the order do not.

    Writing the same lines anew would price the catalogue's items anew.
    """
    present = OrderSerializer(order).data["lines"]
    given = row["lines"]
    if not isinstance(given, list) or len(given) != len(present):
        return True
    return not all(
        isinstance(line, dict) and all(same(line[name], was.get(name)) for name in line)
        for line, was in zip(given, present, strict=True)
    )


def same(given: Any, present: Any) -> bool:
    """Whether two spellings of a member of a line mean the same: `3.5` and `"3.50"`, say."""
    if given == present:
        return True
    try:
        return Decimal(str(given)) == Decimal(str(present))
    except InvalidOperation:
        return False
