from collections.abc import Mapping, Sequence
from typing import Any

from common.bulk import Members, Result
from common.serializers import Id
from customers.bulk import KEYS, ids_named, upsert_customers
from customers.models import Customer
from customers.serializers import CustomerSerializer
from imports.resources.base import BulkResource, Names


class CustomerRow(CustomerSerializer):
    """A customer as in the API; an id names one that is known."""

    id = Id(required=False)


class Customers(BulkResource):
    name = "customers"
    model = Customer
    serializer = CustomerRow
    partial = True
    needed = ((*KEYS, "name", "first_name", "last_name"),)

    def names(self, rows: Sequence[Mapping[str, Any]]) -> list[Names]:
        """By the first of id, code, domain, document; by the id, if somebody has that already."""
        found = [list(self.stored_form(row, *KEYS).items()) for row in rows]
        known = ids_named([keys[0] for keys in found if keys])
        return [
            Names([("id", known[keys[0]]) if keys[0] in known else keys[0]], keys[1:])
            if keys
            else Names()
            for keys in found
        ]

    def said(self, rows: Sequence[Mapping[str, Any]]) -> list[Members]:
        return [without_name(members) for members in self.readable(rows)]

    def upsert(self, rows: Sequence[Members]) -> list[Result]:
        return upsert_customers(rows)


def without_name(members: Members) -> Members:
    """What a row says of its customer, whom the first of KEYS names."""
    naming = next((key for key in KEYS if members.get(key)), None)
    return {name: value for name, value in members.items() if name != naming}
