from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from rest_framework_api_key.admin import APIKeyModelAdmin
from rest_framework_api_key.models import APIKey as LibraryApiKey

from access.models import ApiKey, User

admin.site.site_header = "Klanten"
admin.site.site_title = "Klanten"
admin.site.index_title = "Customers, and what we have with them"

admin.site.register(User, UserAdmin)
# The library's own model comes with its app; ours, with scopes, takes its place.
admin.site.unregister(LibraryApiKey)


@admin.register(ApiKey)
class ApiKeyAdmin(APIKeyModelAdmin):
    """Keys are made here, shown once (the library's admin does that), and later revoked."""

    list_display = (  # type: ignore[assignment]
        "name",
        "prefix",
        "scopes",
        "created",
        "expiry_date",
        "_has_expired",
        "revoked",
    )
    list_filter = ("revoked", "created")  # type: ignore[assignment]
    search_fields = ("name", "prefix")
