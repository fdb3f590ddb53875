from typing import Any

from django.shortcuts import get_object_or_404
from rest_framework import generics
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response

from benchmarks.peers.django_api.models import Mapping, Order
from benchmarks.peers.django_api.serializers import (
    CustomerSerializer,
    NewOrderSerializer,
    OrderSerializer,
)


class Pages(CursorPagination):
    """DRF's own keyset pages, as plain arrays: the usual page numbers would count each time."""

    page_size = 100
    page_size_query_param = "limit"
    max_page_size = 1000
    ordering = "-id"

    def get_paginated_response(self, data: Any) -> Response:
        following = self.get_next_link()
        return Response(data, headers={"Link": f'<{following}>; rel="next"'} if following else {})


class OrderQuery:
    queryset = Order.objects.select_related("customer").prefetch_related("lines", "messages")
    serializer_class = OrderSerializer


class OrderList(OrderQuery, generics.ListCreateAPIView):
    pagination_class = Pages

    def get_serializer_class(self) -> type[Any]:
        return NewOrderSerializer if self.request.method == "POST" else OrderSerializer


class OrderDetail(OrderQuery, generics.RetrieveAPIView):
    pass


class Query(generics.RetrieveAPIView):
    serializer_class = CustomerSerializer

    def get_object(self) -> Any:
        mappings = Mapping.objects.select_related("customer")
        return get_object_or_404(
            mappings,
            app__slug=self.kwargs["app"],
            customer_app_id=self.kwargs["customer_app_id"],
        ).customer
