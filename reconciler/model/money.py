"""Money: whole millionths of a US dollar. No float ever counts money; JSON's numbers are made and read at the border.

Rounding: every line of a price (a quantity times a unit price) is rounded once, half up, to a millionth; sums are
exact. Only what people read is rounded again, half up, to the cent.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

Micros = int
"""Millionths of a US dollar."""

MILLION = 1_000_000
MOST = 10**12 * MILLION
"""A month; what a saved document says beyond it is damage."""


def micros(usd: Decimal) -> Micros:
    """Rounded half up. Exact for what the price book holds (Decimal keeps 28 digits)."""
    return int((usd * MILLION).quantize(Decimal(1), ROUND_HALF_UP))


def number(amount: Micros) -> float:
    """As JSON's number, with at most six decimals: for documents only."""
    return float(Decimal(amount) / MILLION)


def read(value: float | int) -> Micros:
    """What `number` wrote. Raises ValueError for what is no amount of money."""
    if isinstance(value, bool):
        raise ValueError("`cost` is no amount of money")
    amount = Decimal(str(value))
    if not amount.is_finite() or abs(amount) > MOST // MILLION:
        raise ValueError("`cost` is beyond any price")
    return micros(amount)


def cents(amount: Micros) -> Micros:
    """Rounded to whole cents, half up (a half away from zero), as people read it."""
    whole = int((Decimal(abs(amount)) / 10_000).quantize(Decimal(1), ROUND_HALF_UP)) * 10_000
    return -whole if amount < 0 else whole


def words(amount: Micros) -> str:
    """ "$1,204.00", "-$0.25", in cents. What rounds to nothing and is not nothing is "<$0.01"."""
    whole, sign = abs(cents(amount)) // 10_000, "-" if amount < 0 else ""
    if amount and not whole:
        return f"{sign}<$0.01"
    return f"{sign}${whole // 100:,}.{whole % 100:02}"


def shares(amount: Micros, weights: Sequence[int]) -> tuple[Micros, ...]:
    """An amount divided by weight, so that the parts add up to it exactly: each is rounded down, and what is left over
    goes, a millionth each, to the first ones. Equal parts where no weight is above zero."""
    if not weights:
        return ()
    by = weights if sum(weights) else [1] * len(weights)
    parts = [amount * weight // sum(by) for weight in by]
    left = amount - sum(parts)
    return tuple(part + (1 if index < left else 0) for index, part in enumerate(parts))
