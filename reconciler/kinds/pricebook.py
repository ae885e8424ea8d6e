"""The price book: what one unit of everything costs, per region, with source, date and how sure it is.

`prices.json` beside this file holds the public list; `spec.prices` of fleet.yaml may say otherwise. Every kind is
priced (kinds/prices.py), free, or not priced, each said with its reason; nothing is zero in silence.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import Field, TypeAdapter

from reconciler.model.spec_prices import Amount, Assumed, Day, PriceName, PriceRegion, Prices
from reconciler.model.strict import Strict

FORMAT = "aipress.prices/1"
FLEET_FILE = "fleet.yaml"


class Basis(StrEnum):
    """How sure a price is, surest first."""

    MEASURED = "measured"
    """From an invoice or a contract of one's own."""
    PUBLISHED = "published"
    ESTIMATED = "estimated"


class BookPrice(Strict):
    """One line of the book: USD for one unit, in the book's region."""

    usd: Amount
    per: str
    basis: Basis = Field(strict=False)
    source: str
    date: Day


class _Factors(Strict):
    sql: Amount
    run: Amount
    storage: Amount


class _Regions(Strict):
    basis: Basis = Field(strict=False)
    source: str
    date: Day
    factors: dict[PriceRegion, _Factors]


class Assumption(Strict):
    value: Amount
    unit: str
    basis: Basis = Field(strict=False)


class _File(Strict):
    """prices.json as it is read: unknown fields, wrong types and unknown names are refused."""

    format: Literal["aipress.prices/1"]
    date: Day
    region: PriceRegion
    prices: dict[PriceName, BookPrice]
    regions: _Regions
    free: dict[str, str]
    not_priced: dict[str, str]
    assumptions: dict[Assumed, Assumption]


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """USD for one unit in one region, discount and factor in it."""

    usd: Decimal
    basis: Basis


@dataclass(frozen=True, slots=True)
class Book:
    """The public list with what fleet.yaml says otherwise. `region` is the one that the list's prices are of."""

    date: str
    region: str
    prices: Mapping[str, BookPrice]
    factors: Mapping[str, Mapping[str, Decimal]]
    """region -> first word of a price's name -> factor."""
    free: Mapping[str, str]
    """kind -> why it costs nothing by itself."""
    not_priced: Mapping[str, str]
    """kind, or something that no kind stands for -> why it has no price here."""
    assumptions: Mapping[str, Assumption]
    own: Prices = field(default_factory=Prices)

    def unit(self, name: str, region: str) -> UnitPrice | None:
        """None: the book does not know the region."""
        line = self.own.lines.get(name)  # type: ignore[call-overload]
        if line is not None:
            return UnitPrice(Decimal(line.regions.get(region, line.usd)), Basis.MEASURED)
        known = self.factors.get(region)
        if known is None:
            return None
        listed, factor = self.prices[name], known.get(name.partition(".")[0])
        kept = (Decimal(100) - Decimal(self.own.discount_percent)) / 100
        basis = listed.basis if factor is None or region == self.region else Basis.ESTIMATED
        return UnitPrice(Decimal(listed.usd) * (Decimal(1) if factor is None else factor) * kept, basis)

    def assumed(self, name: str) -> Decimal:
        own = {str(key): value for key, value in self.own.assumptions.items()}
        return Decimal(own.get(name, self.assumptions[name].value))

    @property
    def origin(self) -> str:
        """ "list prices of 2026-11-27 less 10 %, 2 of fleet.yaml": what a figure rests on."""
        less = f" less {self.own.discount_percent} %" if Decimal(self.own.discount_percent) else ""
        own = f", {len(self.own.lines)} from {FLEET_FILE}" if self.own.lines else ""
        return f"list prices of {self.date}{less}{own}"


@cache
def public() -> Book:
    """The book that comes with this release. Raises ValueError when the file is not one (a broken installation)."""
    return read_book(files("reconciler.kinds").joinpath("prices.json").read_text("utf-8"))


def read_book(text: str) -> Book:
    """Raises ValueError."""
    found = TypeAdapter(_File).validate_python(json.loads(text, object_pairs_hook=_once))
    factors = {
        region: {"sql": Decimal(f.sql), "run": Decimal(f.run), "storage": Decimal(f.storage)}
        for region, f in found.regions.factors.items()
    }
    return Book(
        date=found.date, region=found.region, prices={str(k): v for k, v in found.prices.items()}, factors=factors,
        free=found.free, not_priced=found.not_priced, assumptions={str(k): v for k, v in found.assumptions.items()},
    )  # fmt: skip


def book_of(prices: Prices | None) -> Book:
    """The public list, with what a fleet's own `spec.prices` says otherwise."""
    return public() if prices is None else replace(public(), own=prices)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("the price book has a key twice")
    return found
