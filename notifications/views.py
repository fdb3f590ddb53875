from common.viewsets import BaseViewSet, ListModelMixin
from notifications import examples
from notifications.filters import MessageFilter
from notifications.models import Message
from notifications.serializers import MessageSerializer


class MessageViewSet(ListModelMixin, BaseViewSet):
    """Notifications: every SMS, and what became of it."""

    resource = "notifications"
    queryset = Message.objects.all()
    serializer_class = MessageSerializer
    filterset_class = MessageFilter
    sample = examples.CONFIRMATION
