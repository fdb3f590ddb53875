"""The rule, as DRF asks for it."""

from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from access.principals import Principal
from access.rule import PERMISSION_OF_METHOD, refusal


class MayAccess(BasePermission):
    """Asks `access.rule` with what the view declares: `resource`, and its queryset's model."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, Principal):
            return False
        method = request.method or ""
        reason = refusal(
            request.auth,
            resource=view.resource,
            model=view.queryset.model,
            permission=view.required_permission or PERMISSION_OF_METHOD.get(method, "change"),
        )
        if reason:
            raise PermissionDenied(reason)
        return True
