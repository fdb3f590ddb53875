"""What a credential can be limited to. Read by the settings, so nothing here touches Django."""

RESOURCES = ("customers", "apps", "mappings", "items", "orders", "notifications", "imports")

# `read` and `write` stand for every resource (api.md, "Who may do what").
SCOPES = {
    "openid": "Know who you are",
    "profile": "See your name",
    "email": "See your e-mail address",
    "read": "Read everything that you may read",
    "write": "Change everything that you may change",
    **{f"{resource}:read": f"Read {resource}" for resource in RESOURCES},
    **{f"{resource}:write": f"Change {resource}" for resource in RESOURCES},
    # What neither of those covers.
    "customers:export": "Read everything that is held about a customer, orders and messages too",
    "customers:erase": "Erase a customer's personal data, for good",
    # RFC 7662: for resource servers that ask whether a token is valid.
    "introspection": "Ask about tokens",
}

IDENTITY_SCOPES = frozenset({"openid", "profile", "email"})
RESOURCE_SCOPES = frozenset(SCOPES) - IDENTITY_SCOPES


def parse_scopes(text: str) -> frozenset[str]:
    """The scopes in a space-separated list (RFC 6749, 3.3). ValueError names the unknown ones."""
    scopes = frozenset(text.split())
    if unknown := sorted(scopes - RESOURCE_SCOPES):
        raise ValueError(
            f"Unknown scope: {', '.join(unknown)}. Known are {', '.join(sorted(RESOURCE_SCOPES))}."
        )
    return scopes


def covers(scopes: frozenset[str], resource: str, verb: str) -> bool:
    """Whether `scopes` allow `verb` (read, write, export, erase) on `resource`."""
    return not scopes.isdisjoint({verb, f"{resource}:{verb}"})


def within(limit: frozenset[str]) -> frozenset[str]:
    """What `limit` allows: itself, and under `read` and `write` the same of each resource."""
    return limit | {
        f"{resource}:{verb}" for verb in limit & {"read", "write"} for resource in RESOURCES
    }
