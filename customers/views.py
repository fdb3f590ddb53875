from typing import Any

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from common.viewsets import ResourceViewSet
from customers.models import Customer
from customers.serializers import CustomerSerializer


class CustomerViewSet(ResourceViewSet):
    """Customers: who they are."""

    resource = "customers"
    queryset = Customer.objects.all()
    serializer_class = CustomerSerializer

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Registers a customer; with a domain that is known already, answers the original (200)."""
        serializer = CustomerSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        created = status.HTTP_201_CREATED if serializer.created else status.HTTP_200_OK
        return Response(serializer.data, status=created)
