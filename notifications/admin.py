from django.contrib import admin

from common.admin import ReadOnlyAdmin
from notifications.models import Message


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ("to", "kind", "status", "attempts", "sent_at", "last_error", "created_at")
    list_filter = ("status", "kind", "created_at")
    search_fields = ("to", "text", "provider_id", "customer__name", "customer__code")
    date_hierarchy = "created_at"
