from typing import Any

from django.db import transaction
from drf_yasg.utils import swagger_auto_schema
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from access.throttling import LoginThrottle
from access.tokens import issue
from common.viewsets import ResourceViewSet
from customers.models import Customer
from customers.registration import register_login
from customers.serializers import CustomerSerializer, RegistrationSerializer


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


class RegistrationView(APIView):
    """`POST /api/rest-auth/registration/`: a customer makes their own login (lori)."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (LoginThrottle,)

    @swagger_auto_schema(request_body=RegistrationSerializer)
    def post(self, request: Request) -> Response:
        """Makes a login and its customer, and answers `{key}`, a token to go on with."""
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
        return Response({"key": key}, status=status.HTTP_201_CREATED)
