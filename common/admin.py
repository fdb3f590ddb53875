"""What the admins of several apps share."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """For rows that are the truth about what happened: looked at, never edited."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class LockingAdmin(admin.ModelAdmin[Any]):
    """For rows that the API changes at the same time: a saved form overwrites none of its work."""

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """The row; locked until the end of the request's transaction if it is to be saved.

        Without a transaction there is nothing to hold a lock: Django's history page, which saves
        nothing, answers a POST as well.
        """
        if request.method == "POST" and transaction.get_connection().in_atomic_block:
            try:
                # In a statement of its own: one that waits for a lock may return the row as it
                # was before the wait.
                self.model._default_manager.select_for_update().filter(pk=object_id).exists()
            except (ValueError, ValidationError):
                return None
        return super().get_object(request, object_id, from_field)
