"""What comes in and what goes out, as Pydantic models."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import AliasPath, BaseModel, ConfigDict, Field

Money = Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=2)]


class OrderIn(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    customer_code: str = Field(min_length=1, max_length=50)
    item: str = Field(min_length=1, max_length=250)
    amount: Money
    currency: str = Field("KES", pattern="^[A-Z]{3}$")
    order_time: datetime | None = None
    code: str | None = Field(None, min_length=1, max_length=50)


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True, populate_by_name=True)


class LineOut(Out):
    item: UUID | None = Field(validation_alias="item_id")
    description: str
    quantity: int
    unit_price: Decimal
    total: Decimal


class OrderOut(Out):
    id: UUID
    code: str | None
    item: str
    item_name: str = Field(validation_alias="description")
    quantity: int
    amount: Decimal
    total: Decimal = Field(validation_alias="amount")
    currency: str
    status: str
    order_time: datetime
    created_at: datetime
    updated_at: datetime
    customer: UUID = Field(validation_alias="customer_id")
    customer_id: UUID
    customer_code: str = Field(validation_alias=AliasPath("buyer", "code"))
    customer_name: str = Field(validation_alias=AliasPath("buyer", "display_name"))
    customer_first_name: str = Field(validation_alias=AliasPath("buyer", "first_name"))
    customer_last_name: str = Field(validation_alias=AliasPath("buyer", "last_name"))
    customer_phone: str = Field(validation_alias=AliasPath("buyer", "phone_number"))
    lines: list[LineOut]
    sms_status: str | None
    sms_sent: bool
    sms_reason: str | None


class CustomerOut(Out):
    id: UUID
    uuid: UUID
    code: str
    name: str
    first_name: str
    last_name: str
    phone_number: str
    domain: str | None
    document: str | None
    language: str
    time_zone: str
    erased_at: datetime | None
    merged_from: UUID | None = None
    created_at: datetime
    updated_at: datetime
