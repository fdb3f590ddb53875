"""The rule, as DRF asks for it."""

from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from access.principals import Principal
from access.rule import PERMISSION_OF_METHOD, decide
from common.reach import Reach


class StaffAloneWrite(BasePermission):
    """For what no machine may change, whatever its scopes. Beside MayAccess, which asks more."""

    message = "Only staff may change this."

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method in SAFE_METHODS:
            return True
        user = getattr(request.auth, "user", None)
        return bool(user and user.is_staff)


class MayAccess(BasePermission):
    """Asks `access.rule` with what the view declares, and tells the view how far it reaches.

    The view's queryset is filtered by that reach, which is none until this has been asked:
    a forgotten check shows nothing rather than everything. The view is told as well how far the
    caller reads, which decides what an answer to a write may show.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, Principal):
            return False
        permission = view.required_permission or PERMISSION_OF_METHOD.get(
            request.method or "", "change"
        )
        decision = decide(
            request.auth,
            resource=view.resource,
            model=view.queryset.model,
            permission=permission,
        )
        # Nobody owns rows of a model whose view does not say by what.
        if decision.reach is Reach.NONE or (decision.reach is Reach.OWN and not view.owner):
            raise PermissionDenied(decision.reason or None)
        view.reach = decision.reach
        same = permission == "view" and view.shown_resource is None
        view.reads = view.reach if same else self.reads(request.auth, view)
        return True

    def reads(self, principal: Principal, view: Any) -> Reach:
        """How far a principal reads the rows that a view shows."""
        return decide(
            principal,
            resource=view.shown_resource or view.resource,
            model=view.queryset.model,
            permission="view",
        ).reach
