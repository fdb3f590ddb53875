from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from common.admin import LockingAdmin
from common.personal import forget_history
from mappings.models import App, Mapping


@admin.register(App)
class AppAdmin(admin.ModelAdmin[App]):
    list_display = ("name", "slug", "active", "created_at")
    list_filter = ("active",)
    search_fields = ("name", "slug")
    readonly_fields = ("id", "created_at", "updated_at")
    fields = ("name", "slug", "active", "id", "created_at", "updated_at")


@admin.register(Mapping)
class MappingAdmin(LockingAdmin):
    list_display = ("customer_app_id", "app", "customer", "created_at")
    list_filter = ("app", "created_at")
    list_select_related = ("app", "customer")
    search_fields = ("=customer_app_id", "customer__name", "=customer__code", "=customer__domain")
    autocomplete_fields = ("customer",)
    readonly_fields = ("id", "created_at", "updated_at")
    fields = ("app", "customer_app_id", "customer", "id", "created_at", "updated_at")

    def delete_model(self, request: HttpRequest, obj: Mapping) -> None:
        """With what the log says of it: once it is gone, nobody knows whose id that names."""
        with transaction.atomic():
            forget_history(Mapping, [obj.pk])
            obj.delete()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Mapping]) -> None:
        with transaction.atomic():
            for mapping in queryset.order_by("pk"):
                self.delete_model(request, mapping)
