"""The one rule for who may do what (api.md, "Who may do what").

A machine does what its scopes say. A person does what their Django permissions say; if
their token names resource scopes, no more than those.
"""

from django.db.models import Model

from access.principals import Principal
from access.scopes import RESOURCE_SCOPES

PERMISSION_OF_METHOD = {
    "GET": "view",
    "HEAD": "view",
    "OPTIONS": "view",
    "POST": "add",
    "PUT": "change",
    "PATCH": "change",
    "DELETE": "delete",
}


def refusal(
    principal: Principal, *, resource: str, model: type[Model], permission: str
) -> str | None:
    """Why `principal` may not do `permission` (view, add, change, delete) to `model`'s rows.

    A sentence that names the missing scope or permission; None when it may.
    """
    verb = "read" if permission == "view" else "write"
    if principal.user is None:
        return scope_refusal(principal.scopes or frozenset(), resource, verb)
    needed = f"{model._meta.app_label}.{permission}_{model._meta.model_name}"
    if not principal.user.has_perm(needed):
        return f"Your user lacks the permission {needed}."
    # A token with identity scopes alone (openid profile email) is no limit (Savannah).
    if limits := (principal.scopes or frozenset()) & RESOURCE_SCOPES:
        return scope_refusal(limits, resource, verb)
    return None


def scope_refusal(scopes: frozenset[str], resource: str, verb: str) -> str | None:
    """Why `scopes` do not cover `verb` (read, write) on `resource`; None when they do."""
    if scopes & {verb, f"{resource}:{verb}"}:
        return None
    return f"The credential lacks the scope {resource}:{verb}."
