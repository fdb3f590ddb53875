"""Who may write the members of customers, wherever these come in."""

from access.principals import Principal
from access.rule import require
from customers.models import Customer


def require_writer(principal: Principal, permission: str) -> None:
    """Raises PermissionDenied unless `principal` may `add` customers, or `change` any.

    For a request that carries a customer's members and is not made to `customers/` itself.
    """
    require(principal, resource="customers", model=Customer, permission=permission)
