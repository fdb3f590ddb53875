"""The SMS about Savannah's order, for the documents."""

CONFIRMATION = {
    "id": "0199f3a4-7c1e-7d20-9f4b-2a8b8f4f9a12",
    "kind": "order_received",
    "status": "sent",
    "reason": "",
    "to": "+254712345678",
    "text": "Hello John Doe! Your order for Laptop Computer worth KES 1299.99 has been received."
    " Thank you!",
    "order_id": "660e8400-e29b-41d4-a716-446655440001",
    "customer_id": "550e8400-e29b-41d4-a716-446655440000",
    "attempts": 1,
    "provider_id": "ATXid_1",
    "sent_at": "2025-09-20T11:00:01Z",
    "created_at": "2025-09-20T11:00:00Z",
    "updated_at": "2025-09-20T11:00:01Z",
}
