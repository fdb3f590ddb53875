from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from common.documents.operations import Operation
from common.viewsets import BaseViewSet, ListModelMixin
from notifications import examples
from notifications.filters import MessageFilter
from notifications.models import Message
from notifications.serializers import MessageSerializer
from notifications.services import resend


class MessageViewSet(ListModelMixin, BaseViewSet):
    """Notifications: every SMS, and what became of it."""

    resource = "notifications"
    queryset = Message.objects.all()
    serializer_class = MessageSerializer
    filterset_class = MessageFilter
    sample = examples.CONFIRMATION
    operations = {
        "resend": Operation(
            description="For one that is failed, undelivered or unknown. "
            "What is unknown may have arrived, and then arrives twice.",
            request=None,
        )
    }

    @action(detail=True, methods=["post"], required_permission="change")
    def resend(self, request: Request, pk: str) -> Response:
        """Sends a message again that did not arrive, or may not have."""
        message = resend(self.get_object(), by=str(request.auth))
        return Response(self.get_serializer(message).data)
