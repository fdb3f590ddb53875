from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.http import HttpRequest
from rest_framework_api_key.admin import APIKeyModelAdmin
from rest_framework_api_key.models import APIKey as LibraryApiKey

from access.erasing import is_erased
from access.models import ApiKey, ExternalIdentity, User
from common.admin import LockingAdmin, ReadOnlyAdmin

admin.site.site_header = "Klanten"
admin.site.site_title = "Klanten"
admin.site.index_title = "Customers, and what we have with them"

# The library's own model comes with its app; ours, with scopes, takes its place.
admin.site.unregister(LibraryApiKey)


@admin.register(User)
class LoginAdmin(LockingAdmin, UserAdmin[User]):
    """Logins. One that was erased is not changed: a form of before would bring the name back."""

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return not (obj and is_erased(obj)) and super().has_change_permission(request, obj)


@admin.register(ApiKey)
class ApiKeyAdmin(APIKeyModelAdmin):
    """Keys are made here, shown once (the library's admin does that), and later revoked."""

    list_display = (  # type: ignore[assignment]
        "name",
        "owner",
        "prefix",
        "scopes",
        "last_used_at",
        "expiry_date",
        "_has_expired",
        "revoked",
    )
    list_filter = ("revoked", "created")  # type: ignore[assignment]
    search_fields = ("name", "owner", "prefix")  # type: ignore[assignment]
    fields = (
        "name",
        "owner",
        "scopes",
        "allowed_networks",
        "rate_class",
        "if_match_required",
        "expiry_date",
        "revoked",
        ("prefix", "created", "last_used_at", "revoked_at"),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        shown = ("created", "last_used_at", "revoked_at")
        return (*super().get_readonly_fields(request, obj), *shown)


@admin.register(ExternalIdentity)
class ExternalIdentityAdmin(ReadOnlyAdmin):
    list_display = ("subject", "issuer", "user", "created_at")
    list_select_related = ("user",)
    search_fields = ("subject", "user__username")
