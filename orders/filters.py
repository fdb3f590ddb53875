import django_filters

from orders.models import Order


class OrderFilter(django_filters.FilterSet):
    """What a list of orders can be narrowed to."""

    customer_code = django_filters.CharFilter("customer__code", max_length=50)

    class Meta:
        model = Order
        fields: tuple[str, ...] = ()
