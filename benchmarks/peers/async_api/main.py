"""The application: `uvicorn benchmarks.peers.async_api.main:app`, with DATABASE_URL."""

import hashlib
import hmac
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import joinedload, selectinload

from benchmarks.peers.async_api.models import (
    ApiKey,
    App,
    Customer,
    Mapping,
    Message,
    Order,
    OrderLine,
    now,
)
from benchmarks.peers.async_api.schemas import CustomerOut, OrderIn, OrderOut

url = os.environ["DATABASE_URL"].replace("postgres://", "postgresql+asyncpg://")
engine = create_async_engine(url, pool_size=10, max_overflow=10)
new_session = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


@app.exception_handler(RequestValidationError)
async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
    errors = [
        {"field": ".".join(map(str, each["loc"][1:])), "code": each["type"], "detail": each["msg"]}
        for each in error.errors()
    ]
    return JSONResponse({"detail": errors[0]["detail"], "errors": errors}, status_code=400)


async def session() -> AsyncIterator[AsyncSession]:
    async with new_session() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]


def key_for(scope: str) -> Callable[..., Coroutine[Any, Any, ApiKey]]:
    """Whoever may `scope`: a known key, not revoked, not expired. Read for each request."""

    async def check(session: Session, authorization: Annotated[str, Header()] = "") -> ApiKey:
        keyword, _, key = authorization.partition(" ")
        prefix = key.partition(".")[0]
        found = await session.scalar(select(ApiKey).where(ApiKey.prefix == prefix))
        digest = "sha512$$" + hashlib.sha512(key.encode()).hexdigest()
        known = found is not None and hmac.compare_digest(digest, found.hashed_key)
        expired = known and found.expiry_date is not None and found.expiry_date < now()
        if keyword.lower() != "api-key" or not known or found.revoked or expired:
            raise HTTPException(401, "The key is not valid.", {"WWW-Authenticate": "Api-Key"})
        if not {scope, scope.partition(":")[2]} & set(found.scopes.split()):
            raise HTTPException(403, f"The key needs the scope {scope}.")
        return found

    return check


def orders() -> Select[tuple[Order]]:
    """Orders with all that they show."""
    return select(Order).options(
        joinedload(Order.buyer), selectinload(Order.lines), selectinload(Order.messages)
    )


@app.post(
    "/v1/orders/",
    status_code=201,
    response_model=OrderOut,
    dependencies=[Depends(key_for("orders:write"))],
)
async def place_order(wanted: OrderIn, session: Session) -> Order:
    buyer = await session.scalar(select(Customer).where(Customer.code == wanted.customer_code))
    if buyer is None:
        raise HTTPException(400, "Customer not found")
    order = Order(
        buyer=buyer,
        code=wanted.code,
        description=wanted.item,
        amount=wanted.amount,
        currency=wanted.currency,
        order_time=wanted.order_time or now(),
    )
    line = OrderLine(position=0, description=wanted.item, quantity=1, unit_price=wanted.amount)
    order.lines.append(line)
    order.messages.append(confirmation(order, buyer))
    session.add(order)
    await session.commit()
    return order


def confirmation(order: Order, buyer: Customer) -> Message:
    """The row of the outbox, which Klanten's worker delivers."""
    text = (
        f"Hello {buyer.display_name}! Your order for {order.description} worth "
        f"{order.currency} {order.amount} has been received. Thank you!"
    )
    status, why = ("pending", "") if buyer.phone_number else ("skipped", "No phone number.")
    return Message(
        kind="order_received",
        customer_id=buyer.id,
        to=buyer.phone_number,
        text=text,
        status=status,
        last_error=why,
    )


@app.get(
    "/v1/orders/{order_id}/",
    response_model=OrderOut,
    dependencies=[Depends(key_for("orders:read"))],
)
async def get_order(order_id: UUID, session: Session) -> Order:
    order = await session.scalar(orders().where(Order.id == order_id))
    if order is None:
        raise HTTPException(404, "Order not found")
    return order


@app.get(
    "/v1/orders/",
    response_model=list[OrderOut],
    dependencies=[Depends(key_for("orders:read"))],
)
async def list_orders(
    request: Request,
    response: Response,
    session: Session,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: UUID | None = None,
) -> list[Order]:
    wanted = orders().order_by(Order.id.desc()).limit(limit + 1)
    if cursor:
        wanted = wanted.where(Order.id < cursor)
    rows = list(await session.scalars(wanted))
    page = rows[:limit]
    if len(rows) > limit:
        following = request.url.include_query_params(cursor=page[-1].id)
        response.headers["Link"] = f'<{following}>; rel="next"'
    return page


@app.get(
    "/v1/query/{slug}/{customer_app_id}/",
    response_model=CustomerOut,
    dependencies=[Depends(key_for("mappings:read"))],
)
async def query(slug: str, customer_app_id: str, session: Session) -> Customer:
    customer = await session.scalar(
        select(Customer)
        .join(Mapping, Mapping.customer_id == Customer.id)
        .join(App, App.id == Mapping.app_id)
        .where(App.slug == slug, Mapping.customer_app_id == customer_app_id)
    )
    if customer is None:
        raise HTTPException(404, "Customer not found")
    return customer
