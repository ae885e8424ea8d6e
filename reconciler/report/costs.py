"""What a fleet costs, as tables: for a terminal, as JSON, as CSV. What authors wrote is hostile everywhere."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from reconciler.kinds.pricebook import Book
from reconciler.model.money import Micros, number, words
from reconciler.report.cost import change
from reconciler.report.escape import plain
from reconciler.report.style import PLAIN, Style
from reconciler.report.tables import table
from reconciler.report.values import count

RULE = "What a shard shares is divided by the database connections that each of its tenants may hold."
USE = "Use is estimated, not measured: see `aipress cost --prices`."


_CSV = ("tenant", "shard", "tier", "own_fixed_usd", "own_use_usd", "shared_fixed_usd", "shared_use_usd", "usd")


@dataclass(frozen=True, slots=True)
class View:
    """`shards`: most of them in the table, the dearest."""

    shards: int = 20
    style: Style = PLAIN


class Amount(Protocol):
    """Millionths of a USD a month."""

    @property
    def fixed(self) -> Micros: ...
    @property
    def use(self) -> Micros: ...
    @property
    def whole(self) -> Micros: ...


class TenantRow(Protocol):
    @property
    def tenant(self) -> str: ...
    @property
    def shard(self) -> str: ...
    @property
    def tier(self) -> str: ...
    @property
    def own(self) -> Amount: ...
    @property
    def shared(self) -> Amount: ...
    @property
    def whole(self) -> Amount: ...


class ShardRow(Protocol):
    @property
    def shard(self) -> str: ...
    @property
    def shared(self) -> Amount: ...
    @property
    def sites(self) -> Amount: ...
    @property
    def whole(self) -> Amount: ...
    @property
    def tenants(self) -> Sequence[TenantRow]: ...


class FleetRow(Protocol):
    @property
    def own(self) -> Amount: ...
    @property
    def whole(self) -> Amount: ...
    @property
    def shards(self) -> Sequence[ShardRow]: ...
    @property
    def tenants(self) -> Sequence[TenantRow]: ...
    @property
    def unpriced(self) -> Mapping[str, int]: ...
    @property
    def basis(self) -> Mapping[str, Micros]: ...
    @property
    def origin(self) -> str: ...


def cost_tables(
    cost: FleetRow, tenants: Sequence[TenantRow], before: Mapping[str, Micros] | None, view: View = View()
) -> str:
    """The dearest shards, then the tenants given, in that order, then what it all comes to."""
    blocks = [_shards(cost, before, view), _tenants(tenants, before, view.style)]
    return "\n".join(block for block in [*blocks, _closing(cost, view.style)] if block)


def _shards(cost: FleetRow, before: Mapping[str, Micros] | None, view: View) -> str:
    head = ("SHARD", "TENANTS", "SHARED", "SITES", "FIXED", "+ USE", "= A MONTH", "PER TENANT", *_changed(before))
    rows = []
    for s in sorted(cost.shards, key=lambda s: (-s.whole.whole, s.shard))[: view.shards]:
        each = words(s.whole.whole // len(s.tenants)) if s.tenants else "–"
        cells = [words(s.shared.fixed), words(s.sites.fixed), words(s.whole.fixed), words(s.whole.use)]
        rows.append([s.shard, f"{len(s.tenants):,}", *cells, words(s.whole.whole), each])
        rows[-1] += _moved(f"shard/{s.shard}", s.whole.whole, before)
    left = len(cost.shards) - len(rows)
    more = view.style.dim(f"and {count(left, 'cheaper shard')}: --top {len(cost.shards)}, or --json") + "\n"
    return (table(head, rows, view.style) if rows else "") + (more if left else "")


def _tenants(tenants: Sequence[TenantRow], before: Mapping[str, Micros] | None, style: Style) -> str:
    head = ("TENANT", "SHARD", "TIER", "OWN", "SHARED PART", "FIXED", "+ USE", "= A MONTH", *_changed(before))
    rows = []
    for t in tenants:
        cells = [words(t.own.fixed), words(t.shared.fixed), words(t.whole.fixed), words(t.whole.use)]
        rows.append([t.tenant, t.shard, t.tier, *cells, words(t.whole.whole)])
        rows[-1] += _moved(f"tenant/{t.tenant}", t.whole.whole, before)
    return table(head, rows, style) if rows else ""


def _changed(before: Mapping[str, Micros] | None) -> tuple[str, ...]:
    return () if before is None else ("CHANGE",)


def _moved(target: str, now: Micros, before: Mapping[str, Micros] | None) -> list[str]:
    if before is None:
        return []
    then = before.get(target, 0)
    return ["–" if now == then else change(then, now)]


def _closing(cost: FleetRow, style: Style) -> str:
    whole, tenants = cost.whole, len(cost.tenants)
    each = f", {words(whole.whole // tenants)} for each of {count(tenants, 'tenant')}" if tenants else ""
    lines = [
        style.bold(f"{words(whole.fixed)} fixed + {words(whole.use)} use = {words(whole.whole)} a month{each}."),
        style.dim(f"Prices: {plain(cost.origin)} ({_basis(cost)}). {USE}"),
        style.dim(RULE),
    ]
    lines += [f"not priced: {number:,} × {plain(what)}" for what, number in cost.unpriced.items()]
    return "\n".join(lines) + "\n"


def _basis(cost: FleetRow) -> str:
    """ "71 % published, 29 % estimated": shares of the sum by how sure its prices are."""
    total = sum(cost.basis.values()) or 1
    parts = [f"{(100 * amount + total // 2) // total} % {name}" for name, amount in sorted(cost.basis.items())]
    return ", ".join(parts) if parts else "nothing has a price"


def amount_json(amount: Amount) -> dict[str, float]:
    return {"fixed_usd": number(amount.fixed), "use_usd": number(amount.use), "usd": number(amount.whole)}


def cost_json(cost: FleetRow, tenants: Sequence[TenantRow], before: Mapping[str, Micros] | None) -> dict[str, Any]:
    """Exact to a millionth of a dollar; sums add up."""

    def then(target: str) -> dict[str, float]:
        return {} if before is None else {"usd_before": number(before.get(target, 0))}

    return {
        "format": "aipress.cost/1", "prices": cost.origin, "monthly": amount_json(cost.whole),
        "fleet": amount_json(cost.own),
        "shards": [
            {
                "shard": s.shard, "tenants": len(s.tenants), "shared": amount_json(s.shared),
                "sites": amount_json(s.sites), "monthly": amount_json(s.whole), **then(f"shard/{s.shard}"),
            }
            for s in cost.shards
        ],
        "tenants": [
            {
                "tenant": t.tenant, "shard": t.shard, "tier": t.tier, "own": amount_json(t.own),
                "shared": amount_json(t.shared), "monthly": amount_json(t.whole), **then(f"tenant/{t.tenant}"),
            }
            for t in tenants
        ],
        "not_priced": [{"what": what, "objects": number} for what, number in cost.unpriced.items()],
        "basis_usd": {name: number(amount) for name, amount in sorted(cost.basis.items())},
    }  # fmt: skip


def cost_csv(tenants: Sequence[TenantRow]) -> str:
    """One line a tenant, amounts as plain numbers with six decimals. RFC 4180; a cell that a spreadsheet would take for
    a formula begins with an apostrophe."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\r\n")
    lines.writerow(_CSV)
    for t in tenants:
        amounts = (t.own.fixed, t.own.use, t.shared.fixed, t.shared.use, t.whole.whole)
        lines.writerow([*(_cell(text) for text in (t.tenant, t.shard, t.tier)), *(_plain(a) for a in amounts)])
    return out.getvalue()


def _cell(text: str) -> str:
    shown = plain(text)
    return f"'{shown}" if shown[:1] in ("=", "+", "-", "@") else shown


def _plain(amount: Micros) -> str:
    return f"{'-' if amount < 0 else ''}{abs(amount) // 1_000_000}.{abs(amount) % 1_000_000:06}"


def prices_table(book: Book, regions: Sequence[str], style: Style = PLAIN) -> str:
    """The book: every line in the regions asked for, how sure it is and where it is from; then what is assumed, and
    what has no price."""
    head = ("PRICE", *(region.upper() for region in regions), "FOR A", "BASIS", "DATE", "SOURCE")
    rows = []
    for name, line in book.prices.items():
        units = [book.unit(name, region) for region in regions]
        own = next((found for key, found in book.own.lines.items() if key == name), None)
        where = (own.date, own.source) if own else (line.date, line.source)
        basis = ", ".join(dict.fromkeys(str(unit.basis) for unit in units if unit)) or "–"
        shown = [f"{unit.usd.normalize():f}" if unit else "not priced" for unit in units]
        rows.append([name, *shown, line.per, basis, *where])
    told = [table(head, rows, style, 90)]
    assumed = [
        [name, f"{book.assumed(name):f}", a.unit, _whose(book, name, a.basis)] for name, a in book.assumptions.items()
    ]
    told.append(table(("ASSUMED", "VALUE", "UNIT", "BASIS"), assumed, style, 90))
    told.append(table(("NOT PRICED", "WHY"), [[what, why] for what, why in book.not_priced.items()], style, 100))
    return "\n".join(told)


def prices_json(book: Book, regions: Sequence[str]) -> dict[str, Any]:
    """Prices as texts: they are exact, and a float would not be."""
    rows = {}
    for name, line in book.prices.items():
        units = {region: book.unit(name, region) for region in regions}
        rows[name] = {
            "usd": {region: f"{unit.usd.normalize():f}" for region, unit in units.items() if unit}, "per": line.per,
            "basis": {region: str(unit.basis) for region, unit in units.items() if unit},
            "source": line.source, "date": line.date,
        }  # fmt: skip
    assumed = {name: {"value": f"{book.assumed(name):f}", "unit": a.unit} for name, a in book.assumptions.items()}
    return {
        "format": "aipress.prices/1", "date": book.date, "prices": rows, "assumptions": assumed,
        "free": dict(book.free), "notPriced": dict(book.not_priced),
        "discountPercent": book.own.discount_percent,
    }  # fmt: skip


def _whose(book: Book, name: str, basis: str) -> str:
    return "fleet.yaml" if any(key == name for key in book.own.assumptions) else str(basis)
