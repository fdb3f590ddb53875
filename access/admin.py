"""Users, groups, keys and clients in the admin. What staff may give there: access/granting.py."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangosGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangosUserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from oauth2_provider import admin as toolkit
from oauth2_provider.forms import ApplicationForm
from oauth2_provider.models import (
    get_access_token_model,
    get_grant_model,
    get_id_token_model,
    get_refresh_token_model,
)
from rest_framework_api_key.admin import APIKeyModelAdmin
from rest_framework_api_key.models import APIKey as LibraryApiKey

from access.erasing import is_erased
from access.granting import Grantor, grantor_of
from access.models import ApiKey, Application, ExternalIdentity, User
from common.admin import LockingAdmin, ReadOnlyAdmin

admin.site.site_header = "Klanten"
admin.site.site_title = "Klanten"
admin.site.index_title = "Customers, and what we have with them"

# The libraries' own: ours take their places. The first is a model without scopes.
admin.site.unregister(
    [
        LibraryApiKey,
        Group,
        Application,
        get_access_token_model(),
        get_grant_model(),
        get_id_token_model(),
        get_refresh_token_model(),
    ]
)


class GuardedAdmin(LockingAdmin):
    """For rows that carry rights: changed and deleted only by those who have these rights."""

    # Columns that no filter in an address may guess at, letter by letter.
    secrets: tuple[str, ...] = ()

    def is_covered(self, request: HttpRequest, obj: Any) -> bool:
        """Whether the user of the page has the rights that `obj` carries."""
        raise NotImplementedError

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = super().has_change_permission(request, obj)
        return may and (obj is None or self.is_covered(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        may = super().has_delete_permission(request, obj)
        return may and (obj is None or self.is_covered(request, obj))

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        if lookup.partition("__")[0] in self.secrets:
            return False
        return super().lookup_allowed(lookup, value, request)

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        """Groups and permissions are offered, and taken, as far as one can give them."""
        if db_field.related_model is Group:
            kwargs["queryset"] = grantor_of(request).groups()
        elif db_field.name in {"permissions", "user_permissions"}:
            kwargs["queryset"] = grantor_of(request).permissions()
        return super().formfield_for_manytomany(db_field, request, **kwargs)


@admin.register(User)
class UserAdmin(GuardedAdmin, DjangosUserAdmin[User]):
    """Whoever can set somebody's password, address or name can be that person.

    A login that was erased is not changed: a form that was opened before would bring the name back.
    """

    def is_covered(self, request: HttpRequest, obj: User) -> bool:
        return grantor_of(request).covers_user(obj)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return not (obj and is_erased(obj)) and super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if grantor_of(request).is_unlimited else (*fields, "is_superuser")

    @transaction.atomic
    def user_change_password(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Sets a password, in one transaction with the lock of the user's row.

        Django opens none here, unlike for the other forms.
        """
        return super().user_change_password(request, *args, **kwargs)


@admin.register(Group)
class GroupAdmin(GuardedAdmin, DjangosGroupAdmin):
    def is_covered(self, request: HttpRequest, obj: Group) -> bool:
        return grantor_of(request).covers_group(obj)


class GrantedScopesForm(forms.ModelForm[Any]):
    """For keys and clients: with scopes that the one who fills it in can give."""

    # Set by the admin for each request.
    grantor: Grantor

    def clean_scopes(self) -> str:
        scopes: str = self.cleaned_data["scopes"]
        try:
            beyond = self.grantor.beyond(scopes)
        except ValueError:
            # The model's own validator says which of them is unknown.
            return scopes
        if beyond:
            raise forms.ValidationError(
                f"You cannot give what you may not do yourself: {', '.join(beyond)}."
            )
        return scopes


class CredentialAdmin(GuardedAdmin):
    """Keys and clients."""

    form = GrantedScopesForm

    def is_covered(self, request: HttpRequest, obj: ApiKey | Application) -> bool:
        return grantor_of(request).covers_credential(obj)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"grantor": grantor_of(request)})


@admin.register(ApiKey)
class ApiKeyAdmin(CredentialAdmin, APIKeyModelAdmin):
    """Keys are made here, shown once (the library's admin does that), and later revoked.

    Who may change keys may revoke any of them: that gives nobody a right.
    """

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

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        shown = ("created", "last_used_at", "revoked_at")
        fields = (*super().get_readonly_fields(request, obj), *shown)
        if obj is None or self.is_covered(request, obj):
            return fields
        return (*fields, *(each for each in self.fields[:-1] if each != "revoked"))


class ClientForm(GrantedScopesForm, ApplicationForm):  # type: ignore[misc]  # untyped
    pass


@admin.register(Application)
class ApplicationAdmin(CredentialAdmin, toolkit.ApplicationAdmin):  # type: ignore[misc]  # untyped
    """Clients of the OpenID provider."""

    form = ClientForm
    secrets = ("client_secret",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if grantor_of(request).is_unlimited else (*fields, "skip_authorization")

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:
        """A secret that is kept in clear is for those who may change the client."""
        exclude = super().get_exclude(request, obj) or ()
        return exclude if self.has_change_permission(request, obj) else (*exclude, "client_secret")


class IssuedAdmin(admin.ModelAdmin[Any]):
    """For what the provider hands out: with another user or scope in it, it would be a forgery."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        if lookup.partition("__")[0] in {"token", "code"}:
            return False
        return super().lookup_allowed(lookup, value, request)


@admin.register(get_access_token_model())
class AccessTokenAdmin(IssuedAdmin, toolkit.AccessTokenAdmin):  # type: ignore[misc]  # untyped
    pass


@admin.register(get_refresh_token_model())
class RefreshTokenAdmin(IssuedAdmin, toolkit.RefreshTokenAdmin):  # type: ignore[misc]  # untyped
    pass


@admin.register(get_grant_model())
class GrantAdmin(IssuedAdmin, toolkit.GrantAdmin):  # type: ignore[misc]  # untyped
    pass


@admin.register(get_id_token_model())
class IDTokenAdmin(IssuedAdmin, toolkit.IDTokenAdmin):  # type: ignore[misc]  # untyped
    pass


@admin.register(ExternalIdentity)
class ExternalIdentityAdmin(ReadOnlyAdmin):
    list_display = ("subject", "issuer", "user", "created_at")
    list_select_related = ("user",)
    search_fields = ("subject", "user__username")
