from django.contrib import admin

from items.models import Item


@admin.register(Item)
class ItemAdmin(admin.ModelAdmin[Item]):
    list_display = ("name", "size", "price", "currency", "updated_at")
    list_filter = ("size", "currency")
    search_fields = ("name",)
    readonly_fields = ("id", "created_at", "updated_at")
    fields = ("name", "size", ("price", "currency"), "id", "created_at", "updated_at")
