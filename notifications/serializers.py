from rest_framework import serializers

from notifications.models import Message
from notifications.order_members import ShownStatusField


class MessageSerializer(serializers.Serializer[Message]):
    """An SMS, and what became of it."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    status = ShownStatusField()
    reason = serializers.CharField(source="last_error")
    to = serializers.CharField()
    text = serializers.CharField()
    order_id = serializers.UUIDField(allow_null=True)
    customer_id = serializers.UUIDField(allow_null=True)
    attempts = serializers.IntegerField()
    provider_id = serializers.CharField()
    sent_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
