"""Savannah's, Klanten's and CustOrder's customers, for the documents."""

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
