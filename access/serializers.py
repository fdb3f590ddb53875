from rest_framework import serializers

from access.models import ExternalIdentity, User
from common.serializers import StrictSerializer


class LoginSerializer(StrictSerializer):
    """A user name and a password."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(
        max_length=1024, trim_whitespace=False, style={"input_type": "password"}
    )


class RefreshSerializer(StrictSerializer):
    """A refresh token."""

    refresh = serializers.CharField(max_length=1024)


class IdentitySerializer(serializers.Serializer[ExternalIdentity]):
    """Who the login is at another issuer."""

    issuer = serializers.CharField()
    subject = serializers.CharField()


class StoredLoginSerializer(serializers.Serializer[User]):
    """A customer's login."""

    username = serializers.CharField()
    email = serializers.CharField()
    first_name = serializers.CharField()
    last_name = serializers.CharField()
    date_joined = serializers.DateTimeField()
    last_login = serializers.DateTimeField(allow_null=True)
    external_identities = IdentitySerializer(many=True)
