"""Savannah's and CustOrder's orders, for the documents."""

from typing import Any

ORDER_ID = "660e8400-e29b-41d4-a716-446655440001"
CUSTOMER_ID = "550e8400-e29b-41d4-a716-446655440000"
ITEM_ID = "0199f3a4-7c1e-7d20-9f4b-2a8b8f4f9a11"

SAVANNAH_ORDER = {
    "id": ORDER_ID,
    "code": None,
    "item": "Laptop Computer",
    "item_name": "Laptop Computer",
    "quantity": 1,
    "amount": "1299.99",
    "total": "1299.99",
    "currency": "KES",
    "status": "received",
    "order_time": "2025-09-20T11:00:00Z",
    "created_at": "2025-09-20T11:00:00Z",
    "updated_at": "2025-09-20T11:00:00Z",
    "customer": CUSTOMER_ID,
    "customer_id": CUSTOMER_ID,
    "customer_code": "CUST001",
    "customer_name": "John Doe",
    "customer_first_name": "",
    "customer_last_name": "",
    "customer_phone": "+254712345678",
    "lines": [
        {
            "item": None,
            "description": "Laptop Computer",
            "quantity": 1,
            "unit_price": "1299.99",
            "total": "1299.99",
        }
    ],
    "sms_status": "queued",
    "sms_sent": True,
    "sms_reason": None,
}
CREATE: dict[str, dict[str, Any]] = {
    "Free text": {"customer_code": "CUST001", "item": "Laptop Computer", "amount": 1299.99},
    "An item of the catalogue": {"customer": CUSTOMER_ID, "item": ITEM_ID, "quantity": 2},
    "Several lines": {
        "customer_code": "CUST001",
        "lines": [
            {"item": ITEM_ID, "quantity": 2},
            {"description": "Delivery", "quantity": 1, "unit_price": "5.00"},
        ],
    },
}
CHANGE = {"Another item": {"item": "Updated Item Name", "amount": 1499.99}}
