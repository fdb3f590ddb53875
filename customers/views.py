from typing import Any

from django.db import transaction
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.throttling import LoginThrottle
from access.tokens import issue
from common.documents.operations import Operation
from common.viewsets import ResourceViewSet
from customers import examples
from customers.filters import CustomerFilter
from customers.models import Customer
from customers.registration import register_login
from customers.serializers import CustomerSerializer, RegistrationSerializer


class CustomerViewSet(ResourceViewSet):
    """Customers: who they are."""

    resource = "customers"
    queryset = Customer.objects.all()
    serializer_class = CustomerSerializer
    filterset_class = CustomerFilter
    ordering_fields = ("created_at", "name")
    sample = examples.JOHN
    operations = {
        "create": Operation(
            description="With a domain that is known already: 200 and the original, unchanged.",
            statuses=(200, 201),
            examples=examples.CREATE,
            links={
                "orders_customer": {"customer_id": "id"},
                "orders_by_customer": {"customer_code": "code"},
            },
        ),
    }

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Registers a customer; with a domain that is known already, answers the original (200)."""
        serializer = CustomerSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        serializer.save()
        created = status.HTTP_201_CREATED if serializer.created else status.HTTP_200_OK
        return Response(serializer.data, status=created)


class RegistrationView(APIView):
    """`POST /api/rest-auth/registration/`: a customer makes their own login (lori)."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (LoginThrottle,)

    def post(self, request: Request) -> Response:
        """Makes a login and its customer, and answers `{key, customer}`, a token to go on with."""
        given = RegistrationSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        members = given.validated_data
        with transaction.atomic():
            user = register_login(
                username=members["username"],
                email=members["email"],
                password=members["password1"],
            )
            key = issue(user).access
        # Their own id and code, which they need to order and can read nowhere else.
        customer = {"id": str(user.customer.pk), "code": user.customer.code}
        return Response({"key": key, "customer": customer}, status=status.HTTP_201_CREATED)
