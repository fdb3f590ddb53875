import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import transaction

from common.bulk import REFUSALS, Outcome, Result, refusal
from common.errors import FieldError, Problem
from imports.reading import Record
from imports.resources.base import CONTRADICTION, REFUSED, Names, Resource, Together
from orders.models import Order
from orders.serializers import MOST_LINES, OrderRequestSerializer, OrderSerializer

# What a row says of its line; all else is the order's.
OF_A_LINE = ("item", "quantity", "amount")
LINE = re.compile(r"lines\[(?P<index>\d+)\]\.?(?P<member>.*)")
# How a row calls what a line of free text has.
COLUMNS = {"description": "item", "unit_price": "amount"}
NOT_BOTH = "These fields do not go together: amount, quantity."

Errors = dict[int, list[FieldError]]


class Orders(Resource):
    """Orders: placed one by one, exactly as the API does it.

    Rows that have the same code are the lines of one order, which is placed with the first of
    them. One whose code is known is changed as a PATCH changes it; the very same once more is not.
    """

    name = "orders"
    model = Order
    serializer = OrderRequestSerializer
    needed = (("customer", "customer_code", "code"), ("item", "amount", "quantity", "status"))
    batch = 100
    # One more than an order may have, so that it is told.
    most_together = MOST_LINES + 1

    def names(self, rows: Sequence[Mapping[str, Any]]) -> list[Names]:
        """By the code."""
        found = (self.stored_form(row, "code") for row in rows)
        return [Names([("code", keys["code"])]) if keys else Names() for keys in found]

    def write(self, records: Sequence[Record], together: Together, *, notify: bool) -> list[Result]:
        batch = Batch(self.orders_of(together.records), together.outcomes, announce=notify)
        codes = [self.code_of(record) for record in records]
        batch.find_known({code for code in codes if code})
        return [batch.write(record, code) for record, code in zip(records, codes, strict=True)]

    def code_of(self, record: Record) -> str | None:
        return self.stored_form(record.members, "code").get("code")

    def orders_of(self, records: Sequence[Record]) -> dict[str, "Joined"]:
        """The orders that have several rows, by their codes."""
        rows: defaultdict[str, list[Record]] = defaultdict(list)
        for record in records:
            if code := self.code_of(record):
                rows[code].append(record)
        return {code: self.join(several) for code, several in rows.items() if len(several) > 1}

    def join(self, rows: Sequence[Record]) -> "Joined":
        """One order of several rows."""
        joined = Joined(first=rows[0].line, lines=[row.line for row in rows])
        if any("lines" in row.members for row in rows):
            joined.members = rows[0].members
            if any(row.members != rows[0].members for row in rows):
                joined.contradict("lines", *joined.lines[:2])
                joined.errors |= dict.fromkeys(joined.lines, joined.errors[rows[0].line])
            return joined
        members: dict[str, Any] = {}
        lines = []
        for row in rows:
            for name in row.members.keys() - OF_A_LINE:
                value = row.members[name]
                if name not in members:
                    members[name] = value
                    joined.given_in[name] = row.line
                elif not self.are_the_same(name, members[name], value):
                    joined.contradict(name, joined.given_in[name], row.line)
            if {"amount", "quantity"} <= row.members.keys():
                joined.refuse(row.line, "amount", "quantity", code="clash", detail=NOT_BOTH)
            if row.members.keys() & set(OF_A_LINE):
                lines.append(line_of(row.members))
                joined.with_content.append(row.line)
        joined.members = members | ({"lines": lines} if lines else {})
        return joined

    def are_the_same(self, name: str, one: Any, other: Any) -> bool:
        """Whether two spellings of a member mean the same."""
        if one == other or name not in self.fields:
            return bool(one == other)
        stored = [self.stored_form({name: value}, name) for value in (one, other)]
        return bool(stored[0]) and stored[0] == stored[1]


def line_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The line that a row stands for: pieces of an item, or free text with an amount."""
    if "quantity" in row:
        return {name: row[name] for name in ("item", "quantity") if name in row}
    named = {COLUMNS[name]: name for name in COLUMNS}
    return {"quantity": 1} | {named[name]: row[name] for name in named if name in row}


@dataclass(slots=True)
class Joined:
    """An order of several rows: its members, and in which lines of the file they were given."""

    first: int
    lines: list[int]
    members: Mapping[str, Any] = field(default_factory=dict)
    given_in: dict[str, int] = field(default_factory=dict)
    # Of each of the order's lines, the line of the file.
    with_content: list[int] = field(default_factory=list)
    errors: Errors = field(default_factory=dict)

    def contradict(self, name: str, first: int, second: int) -> None:
        """Takes note of two rows that say different things of the order."""
        for line in (first, second):
            self.refuse(
                line, name, code="contradiction", detail=CONTRADICTION.format(first, second)
            )

    def refuse(self, line: int, *names: str, code: str, detail: str) -> None:
        """Takes note of what is wrong in a line of the file."""
        self.errors.setdefault(line, []).extend(FieldError(name, code, detail) for name in names)

    def take_errors(self, problem: Problem) -> None:
        """Takes note of why the order is refused, each error at the row that it comes from."""
        for error in problem.errors or (FieldError("", problem.code, str(problem.detail)),):
            line, name = self.first, error.field
            if match := LINE.fullmatch(name):
                line = self.with_content[int(match["index"])] if self.with_content else self.first
                name = COLUMNS.get(match["member"], match["member"])
            elif name in self.given_in:
                line = self.given_in[name]
            self.refuse(line, name, code=error.code, detail=error.detail)

    def refusal_of(self, line: int) -> Problem:
        """Why the row in `line` is refused: for itself, or with the others of its order."""
        others = sorted(self.errors) or [self.first]
        named = " and ".join(map(str, others[:2]))
        detail = f"It belongs to an order that is refused for line {named} of the file."
        errors = self.errors.get(line) or [FieldError("code", "together", detail)]
        return Problem(errors[0].detail, code=errors[0].code, errors=errors)


class Batch:
    """The orders of some rows, on their way."""

    def __init__(
        self, joined: Mapping[str, Joined], outcomes: Mapping[int, str], *, announce: bool
    ) -> None:
        self.joined = joined
        self.outcomes = dict(outcomes)
        self.context: dict[str, Any] = {"customers": None, "announce": announce}
        self.new = OrderRequestSerializer(context=self.context)
        self.known: set[str] = set()

    def find_known(self, codes: set[str]) -> None:
        found = Order.objects.filter(code__in=codes).values_list("code", flat=True)
        self.known = {code for code in found if code}

    def write(self, record: Record, code: str | None) -> Result:
        """What becomes of a row."""
        joined = self.joined.get(code) if code else None
        if joined is None:
            return self.placed(record.members, code)
        if record.line != joined.first:
            return self.followed(joined, record.line)
        if not joined.errors:
            result = self.placed(joined.members, code)
            if isinstance(result, Outcome):
                self.outcomes[joined.first] = result
                return result
            joined.take_errors(result)
        self.outcomes[joined.first] = REFUSED
        return joined.refusal_of(joined.first)

    def followed(self, joined: Joined, line: int) -> Result:
        """What became of a row with the order that an earlier one began."""
        outcome = self.outcomes.get(joined.first)
        if outcome == REFUSED and not joined.errors:
            self.find_errors(joined)
        if joined.errors or outcome not in set(Outcome):
            return joined.refusal_of(line)
        is_new = outcome == Outcome.CREATED and line in joined.with_content
        return Outcome.UPDATED if is_new or outcome == Outcome.UPDATED else Outcome.UNCHANGED

    def find_errors(self, joined: Joined) -> None:
        """Finds anew what the batch with the order's first row found wrong with the others."""
        try:
            self.new.run_validation(joined.members)
        except REFUSALS as error:
            joined.take_errors(refusal(error))

    def placed(self, members: Mapping[str, Any], code: str | None) -> Result:
        """What becomes of an order, in a savepoint of its own."""
        try:
            with transaction.atomic():
                if code and code in self.known:
                    return change(members, code, self.context)
                placed = self.new.create(self.new.run_validation(members)).code
            if placed:
                self.known.add(placed)
        except REFUSALS as error:
            return refusal(error)
        return Outcome.CREATED


def change(row: Mapping[str, Any], code: str, context: dict[str, Any]) -> Outcome:
    """Changes the order that has this code as far as the row says something else."""
    locked = Order.objects.select_for_update().only("pk").get(code=code)
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
