"""What this app stores about customers: by which id each application knows them."""

from common import personal
from common.personal import Rows, Section, Subject
from mappings.models import App, Mapping
from mappings.serializers import MappingSerializer


def learn_ids(mappings: Rows, who: Subject) -> None:
    """An id may be somebody's name, or address."""
    who.names |= set(mappings.values_list("customer_app_id", flat=True))


personal.declare(
    Mapping,
    fields={"customer_app_id": "What an application calls them."},
    rows=lambda who: Mapping.objects.filter(customer__in=who.customers),
    learn=learn_ids,
    erase=personal.delete,
    counted="mappings",
    section=Section(
        "mappings",
        MappingSerializer,
        prepare=lambda rows: rows.select_related("customer", "app").order_by("id"),
    ),
)
personal.declare_impersonal(App)
