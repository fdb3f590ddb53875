from collections.abc import Sequence

from common.bulk import Members, Result
from common.serializers import Id
from customers.bulk import KEYS, upsert_customers
from customers.models import Customer
from customers.serializers import CustomerSerializer
from imports.resources.base import BulkResource


class CustomerRow(CustomerSerializer):
    """A customer as in the API; an id names one that is known."""

    id = Id(required=False)


class Customers(BulkResource):
    name = "customers"
    model = Customer
    serializer = CustomerRow
    partial = True
    needed = ((*KEYS, "name", "first_name", "last_name"),)

    def upsert(self, rows: Sequence[Members]) -> list[Result]:
        return upsert_customers(rows)
