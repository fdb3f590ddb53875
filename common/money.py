"""Money: Decimal, two decimals, a currency beside it."""

from decimal import Decimal

from django.conf import settings
from django.core.validators import RegexValidator

CENT = Decimal("0.01")
# What an amount column holds: 14 digits, two of them decimals.
MOST = Decimal("999999999999.99")

validate_currency = RegexValidator(
    r"\A[A-Z]{3}\Z", "Give the three letters of ISO 4217, such as KES.", code="currency"
)


def default_currency() -> str:
    """DEFAULT_CURRENCY; a function, so that migrations do not freeze one installation's."""
    return str(settings.DEFAULT_CURRENCY)


def cents(amount: Decimal | int) -> Decimal:
    """`amount` with exactly two decimals."""
    return Decimal(amount).quantize(CENT)
