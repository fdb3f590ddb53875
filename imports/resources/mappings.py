from collections.abc import Sequence

from rest_framework import serializers

from common.bulk import Members, Result
from common.serializers import Id, NormalisedField, StrictSerializer, Text
from customers.normalise import LONGEST_DOMAIN, normalise_domain
from imports.resources.base import BulkResource
from mappings.bulk import NAMED_BY, upsert_mappings
from mappings.models import Mapping


class MappingRow(StrictSerializer):
    """A mapping as in the API; its customer can be named by code or by domain, too."""

    id = serializers.UUIDField(read_only=True)
    customer = Id(required=False)
    customer_code = Text(max_length=50, required=False)
    domain = NormalisedField(normalise_domain, max_length=LONGEST_DOMAIN, required=False)
    app = Text(max_length=50)
    customer_app_id = Text(max_length=255, trim_whitespace=False)
    app_id = serializers.CharField(read_only=True)
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)


class Mappings(BulkResource):
    name = "mappings"
    model = Mapping
    serializer = MappingRow
    partial = False
    needed = (("app",), ("customer_app_id",), tuple(NAMED_BY))

    def upsert(self, rows: Sequence[Members]) -> list[Result]:
        return upsert_mappings(rows)
