"""The one rule for who may do what (api.md, "Who may do what").

A machine does what its scopes say. A person does what their Django permissions say; if
their token names resource scopes, no more than those. A permission to their *own* rows
(`orders.view_own_order`, which every customer's login has) reaches those and no others.
"""

from dataclasses import dataclass

from django.db.models import Model
from rest_framework.exceptions import PermissionDenied

from access.principals import Principal
from access.scopes import RESOURCE_SCOPES, covers
from common.reach import Reach, verb_of

PERMISSION_OF_METHOD = {
    "GET": "view",
    "HEAD": "view",
    "OPTIONS": "view",
    "POST": "add",
    "PUT": "change",
    "PATCH": "change",
    "DELETE": "delete",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """How far somebody reaches; for Reach.NONE a sentence that says what is missing."""

    reach: Reach
    reason: str = ""


def decide(principal: Principal, *, resource: str, model: type[Model], permission: str) -> Decision:
    """Whether `principal` may do `permission` (view, add, change, delete, ...) to `model`."""
    verb = verb_of(permission)
    limits = principal.scopes
    if principal.user is not None:
        # A token with identity scopes alone (openid profile email) is no limit (Savannah).
        limits = principal.scopes & RESOURCE_SCOPES
    if (limits or principal.user is None) and not covers(limits, resource, verb):
        return Decision(Reach.NONE, f"The credential lacks the scope {resource}:{verb}.")
    if principal.user is None:
        return Decision(Reach.ALL)
    return decide_for_person(principal, model, permission)


def may(principal: Principal, *, resource: str, model: type[Model], permission: str) -> bool:
    """Whether `principal` may do `permission` to every row of `model`."""
    decision = decide(principal, resource=resource, model=model, permission=permission)
    return decision.reach is Reach.ALL


def require(principal: Principal, *, resource: str, model: type[Model], permission: str) -> None:
    """Raises PermissionDenied, naming what is missing, unless `principal` may do it to every row.

    For what a request does to another resource than that of its view.
    """
    decision = decide(principal, resource=resource, model=model, permission=permission)
    if decision.reach is not Reach.ALL:
        raise PermissionDenied(
            decision.reason or f"You may {permission} {resource} of your own, not any."
        )


def decide_for_person(principal: Principal, model: type[Model], permission: str) -> Decision:
    """What the Django permissions of a person say."""
    app, name = model._meta.app_label, model._meta.model_name
    if principal.has_permission(f"{app}.{permission}_{name}"):
        return Decision(Reach.ALL)
    if principal.has_permission(f"{app}.{permission}_own_{name}"):
        return Decision(Reach.OWN)
    return Decision(Reach.NONE, f"Your user lacks the permission {app}.{permission}_{name}.")
