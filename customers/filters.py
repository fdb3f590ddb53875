import django_filters
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from common.errors import FieldError, Invalid
from common.filters import CreatedFilter, NameSearch
from customers.models import Customer
from customers.normalise import normalise_document, normalise_domain, normalise_phone

NORMALISE = {
    "phone_number": normalise_phone,
    "domain": normalise_domain,
    "document": normalise_document,
}


class CustomerFilter(CreatedFilter):
    """What a list of customers can be narrowed to. Any spelling of a phone or domain will do."""

    code = django_filters.CharFilter(max_length=50, help_text="With this code.")
    phone_number = django_filters.CharFilter(
        method="normalised", max_length=40, help_text="In any spelling."
    )
    domain = django_filters.CharFilter(
        method="normalised", max_length=253, help_text="In any spelling."
    )
    document = django_filters.CharFilter(
        method="normalised", max_length=14, help_text="A CPF, with or without dots."
    )
    search = NameSearch()

    def normalised(self, rows: QuerySet[Customer], name: str, text: str) -> QuerySet[Customer]:
        try:
            return rows.filter(**{name: NORMALISE[name](text)})
        except ValidationError as error:
            raise Invalid(FieldError(name, "invalid", error.messages[0])) from error

    class Meta:
        model = Customer
        fields: tuple[str, ...] = ()
