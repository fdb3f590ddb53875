from rest_framework import serializers

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
