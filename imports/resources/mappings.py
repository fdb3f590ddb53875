from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from rest_framework import serializers

from common.bulk import Members, Result
from common.serializers import ForeignId, Id, NormalisedField, StrictSerializer, Text
from customers.normalise import LONGEST_DOMAIN, normalise_domain
from imports.resources.base import BulkResource, Names
from mappings.bulk import NAMED_BY, find_customers, upsert_mappings
from mappings.models import Mapping


class MappingRow(StrictSerializer):
    """A mapping as in the API; its customer can be named by code or by domain, too."""

    id = serializers.UUIDField(read_only=True)
    customer = Id(required=False)
    customer_code = Text(max_length=50, required=False)
    domain = NormalisedField(normalise_domain, max_length=LONGEST_DOMAIN, required=False)
    app = Text(max_length=50)
    customer_app_id = ForeignId(max_length=255, trim_whitespace=False)
    app_id = serializers.CharField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)


class Mappings(BulkResource):
    name = "mappings"
    model = Mapping
    serializer = MappingRow
    partial = False
    needed = (("app",), ("customer_app_id",), tuple(NAMED_BY))

    def names(self, rows: Sequence[MappingOf[str, Any]]) -> list[Names]:
        """By the id in an application, and by the customer there: each has one of the other."""
        return [
            Names(
                [
                    ("id", one["app"], one["customer_app_id"]),
                    ("customer", one["app"], one["customer"]),
                ]
            )
            if one
            else Names()
            for one in self.said(rows)
        ]

    def said(self, rows: Sequence[MappingOf[str, Any]]) -> list[Members]:
        named = [self.stored_form(row, "app", "customer_app_id", *NAMED_BY) for row in rows]
        customers = find_customers(named)
        return [resolved(row, customers) for row in named]

    def upsert(self, rows: Sequence[Members]) -> list[Result]:
        return upsert_mappings(rows)


def resolved(row: Members, customers: MappingOf[tuple[str, Any], UUID]) -> Members:
    """A row with the id of its customer; nothing of one that lacks something, or says nobody."""
    owners = {customers.get((name, row[name])) for name in NAMED_BY if name in row}
    if not {"app", "customer_app_id"} <= row.keys() or len(owners) != 1 or None in owners:
        return {}
    members = {name: row[name] for name in ("app", "customer_app_id")}
    return {**members, "customer": owners.pop()}
