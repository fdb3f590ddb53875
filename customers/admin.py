from django.contrib import admin

from customers.models import Customer


@admin.register(Customer)
class CustomerAdmin(admin.ModelAdmin[Customer]):
    list_display = ("display_name", "code", "phone_number", "domain", "document", "created_at")
    list_display_links = ("display_name", "code")
    list_filter = ("created_at",)
    search_fields = ("name", "code", "phone_number", "domain", "document")
    autocomplete_fields = ("user",)
    readonly_fields = ("id", "created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("code", "name", ("first_name", "last_name"))}),
        ("Reached and known by", {"fields": ("phone_number", "domain", "document", "user")}),
        ("Record", {"fields": ("id", "created_at", "updated_at")}),
    )
