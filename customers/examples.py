"""Savannah's, Klanten's and CustOrder's customers, for the documents."""

from typing import Any

JOHN = {
    "id": "550e8400-e29b-41d4-a716-446655440000",
    "uuid": "550e8400-e29b-41d4-a716-446655440000",
    "code": "CUST001",
    "name": "John Doe",
    "first_name": "",
    "last_name": "",
    "phone_number": "+254712345678",
    "domain": None,
    "document": None,
    "language": "",
    "time_zone": "",
    "erased_at": None,
    "merged_from": None,
    "created_at": "2025-09-20T10:30:00Z",
    "updated_at": "2025-09-20T10:30:00Z",
}
CREATE = {
    "A person": {"code": "CUST001", "name": "John Doe", "phone_number": "+254712345678"},
    "A domain": {"domain": "ahmed.jazzar.com"},
    "First and last name": {
        "first_name": "John",
        "last_name": "Doe",
        "phone_number": "+254712345678",
    },
}
MERGE = {"Into another": {"into": JOHN["id"]}}
EXPORT: dict[str, Any] = {
    "exported_at": "2025-09-21T08:00:00Z",
    "tokens": [],
    "logins": [],
    "failed_logins": [],
    "login_attempts": [],
    "login": None,
    "history": [],
    "customer": JOHN,
    "former_phones": [{"created_at": "2025-09-20T11:00:00Z", "phone": "+254733000111"}],
    "merges": [],
    "mappings": [],
    "orders": [],
    "delivery_reports": [],
    "decisions": [],
    "notifications": [],
    "incoming_messages": [
        {
            "created_at": "2025-09-20T12:00:00Z",
            "phone": "+254712345678",
            "text": "STOP",
        }
    ],
    "opt_outs": [],
    "consents": [
        {
            "created_at": "2025-09-20T12:00:00Z",
            "opted_out": True,
            "source": "STOP",
            "phone": "+254712345678",
        }
    ],
    "imports": [],
    "import_problems": [],
}
ERASURE = {
    "id": "0199f3a4-7c1e-7d20-9f4b-2a8b8f4f9a13",
    "customer_id": JOHN["id"],
    "erased_at": "2025-09-21T08:00:00Z",
    "by": "user:1",
    "rows": {"customers": 1, "messages": 2},
}
