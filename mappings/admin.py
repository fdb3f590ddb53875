from django.contrib import admin

from mappings.models import App, Mapping


@admin.register(App)
class AppAdmin(admin.ModelAdmin[App]):
    list_display = ("name", "slug", "active", "created_at")
    list_filter = ("active",)
    search_fields = ("name", "slug")
    readonly_fields = ("id", "created_at", "updated_at")
    fields = ("name", "slug", "active", "id", "created_at", "updated_at")


@admin.register(Mapping)
class MappingAdmin(admin.ModelAdmin[Mapping]):
    list_display = ("customer_app_id", "app", "customer", "created_at")
    list_filter = ("app", "created_at")
    list_select_related = ("app", "customer")
    search_fields = ("=customer_app_id", "customer__name", "=customer__code", "=customer__domain")
    autocomplete_fields = ("customer",)
    readonly_fields = ("id", "created_at", "updated_at")
    fields = ("app", "customer_app_id", "customer", "id", "created_at", "updated_at")
