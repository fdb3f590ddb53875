"""CustOrder's item, for the documents."""

SHIRT = {
    "id": "0199f3a4-7c1e-7d20-9f4b-2a8b8f4f9a11",
    "uuid": "0199f3a4-7c1e-7d20-9f4b-2a8b8f4f9a11",
    "name": "Shirt",
    "size": "M",
    "price": "25.50",
    "currency": "KES",
    "created_at": "2025-09-20T10:30:00Z",
    "updated_at": "2025-09-20T10:30:00Z",
}
CREATE = {"An item with a size": {"name": "Shirt", "size": "M", "price": "25.50"}}
