"""Klanten's own applications and mappings, for the documents."""

AMC = {
    "id": "0199f3a4-7c1e-7d20-9f4b-2a8b8f4f9a20",
    "slug": "amc",
    "name": "AMC",
    "active": True,
    "created_at": "2025-09-20T10:00:00Z",
    "updated_at": "2025-09-20T10:00:00Z",
}
USERNAME = {
    "id": "0199f3a4-7c1e-7d20-9f4b-2a8b8f4f9a21",
    "customer": "1e6e817d-c3d7-432f-ae47-ed75b4744fce",
    "customer_app_id": "username",
    "app": "amc",
    "app_id": "username",
    "domain": "ahmed.jazzar.com",
    "created_at": "2025-09-20T10:30:00Z",
    "updated_at": "2025-09-20T10:30:00Z",
}
MAP = {
    "A customer": {
        "customer": "1e6e817d-c3d7-432f-ae47-ed75b4744fce",
        "customer_app_id": "username",
        "app": "amc",
    }
}
UPSERT = {
    "A customer": {"customer": "1e6e817d-c3d7-432f-ae47-ed75b4744fce"},
    "A customer's members": {"domain": "ahmed.jazzar.com", "name": "Ahmed Jazzar"},
}
PAIRS = [
    {"app": "amc", "customer_app_id": "username"},
    {"app": "edx", "customer_app_id": "nobody"},
]
