"""The tables that are Klanten's, mapped declaratively."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, Numeric, SmallInteger, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from uuid_utils.compat import uuid7

REACHING = {"queued", "sent", "delivered"}


def now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    type_annotation_map = {datetime: DateTime(timezone=True), Decimal: Numeric(14, 2)}


class Row(Base):
    __abstract__ = True

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)


class ApiKey(Base):
    __tablename__ = "access_apikey"

    id: Mapped[str] = mapped_column(String(150), primary_key=True)
    prefix: Mapped[str] = mapped_column(String(8))
    hashed_key: Mapped[str] = mapped_column(String(150))
    revoked: Mapped[bool]
    expiry_date: Mapped[datetime | None]
    scopes: Mapped[str] = mapped_column(String(500))


class Customer(Row):
    __tablename__ = "customers_customer"

    code: Mapped[str] = mapped_column(String(50))
    name: Mapped[str] = mapped_column(String(501))
    first_name: Mapped[str] = mapped_column(String(250))
    last_name: Mapped[str] = mapped_column(String(250))
    phone_number: Mapped[str] = mapped_column(String(16))
    domain: Mapped[str | None] = mapped_column(String(253))
    document: Mapped[str | None] = mapped_column(String(11))
    language: Mapped[str] = mapped_column(String(12))
    time_zone: Mapped[str] = mapped_column(String(64))
    erased_at: Mapped[datetime | None]

    @property
    def uuid(self) -> UUID:
        return self.id

    @property
    def display_name(self) -> str:
        return self.name or self.domain or self.code


class App(Row):
    __tablename__ = "mappings_app"

    slug: Mapped[str] = mapped_column(String(50))
    name: Mapped[str] = mapped_column(String(200))
    active: Mapped[bool]


class Mapping(Row):
    __tablename__ = "mappings_mapping"

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers_customer.id"))
    app_id: Mapped[UUID] = mapped_column(ForeignKey("mappings_app.id"))
    customer_app_id: Mapped[str] = mapped_column(String(255))
    customer: Mapped[Customer] = relationship()
    app: Mapped[App] = relationship()


class Order(Row):
    __tablename__ = "orders_order"

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("customers_customer.id"))
    code: Mapped[str | None] = mapped_column(String(50))
    description: Mapped[str] = mapped_column(String(300))
    amount: Mapped[Decimal]
    currency: Mapped[str] = mapped_column(String(3))
    status: Mapped[str] = mapped_column(String(9), default="received")
    order_time: Mapped[datetime] = mapped_column(default=now)

    buyer: Mapped[Customer] = relationship()
    lines: Mapped[list["OrderLine"]] = relationship(order_by="OrderLine.position")
    messages: Mapped[list["Message"]] = relationship()

    @property
    def item(self) -> str:
        only_item = self.lines[0].item_id if len(self.lines) == 1 else None
        return str(only_item) if only_item else self.description

    @property
    def quantity(self) -> int:
        return sum(line.quantity for line in self.lines)

    @property
    def confirmation(self) -> "Message | None":
        return next((each for each in self.messages if each.kind == "order_received"), None)

    @property
    def sms_status(self) -> str | None:
        if self.confirmation is None:
            return None
        status = self.confirmation.status
        return "queued" if status == "pending" else status

    @property
    def sms_sent(self) -> bool:
        return self.sms_status in REACHING

    @property
    def sms_reason(self) -> str | None:
        return (self.confirmation.last_error or None) if self.confirmation else None


class OrderLine(Base):
    __tablename__ = "orders_orderline"

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders_order.id"))
    position: Mapped[int] = mapped_column(SmallInteger)
    item_id: Mapped[UUID | None]
    description: Mapped[str] = mapped_column(String(250))
    quantity: Mapped[int]
    unit_price: Mapped[Decimal]

    @property
    def total(self) -> Decimal:
        return (self.unit_price * self.quantity).quantize(Decimal("0.01"))


class Message(Row):
    __tablename__ = "notifications_message"

    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    next_attempt_at: Mapped[datetime] = mapped_column(default=now)
    claimed_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(String(500), default="")
    provider_id: Mapped[str] = mapped_column(String(200), default="")
    sent_at: Mapped[datetime | None]
    kind: Mapped[str] = mapped_column(String(50))
    to: Mapped[str] = mapped_column(String(16))
    text: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16), default="pending")
    order_id: Mapped[UUID | None] = mapped_column(ForeignKey("orders_order.id"))
    customer_id: Mapped[UUID | None] = mapped_column(ForeignKey("customers_customer.id"))
