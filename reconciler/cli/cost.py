"""`aipress cost`: what a site, a shard and the fleet cost a month."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from reconciler.cli.invocation import Given, Invocation
from reconciler.model.errors import UsageError

if TYPE_CHECKING:
    from reconciler.actions.cost import Costed
    from reconciler.desired.cost import TenantCost

WRONG = 3
SHOWN = 20
"""Shards and tenants in the tables, where no other number is asked for; all of them in JSON and CSV."""


def cost(
    *targets: Annotated[str, Parameter(help="Which shards or tenants; default the whole fleet.")],
    rev: Annotated[str, Parameter(help="The revision that is priced; default HEAD.")] = "HEAD",
    base: Annotated[str, Parameter(help="Tell the change since this revision too, both at the prices of --rev.")] = "",
    top: Annotated[int | None, Parameter(help="How many of each, dearest first; default 20; JSON, CSV: all.")] = None,
    csv: Annotated[bool, Parameter(help="One line a tenant, comma-separated.")] = False,
    prices: Annotated[bool, Parameter(help="Print the price book instead: each price, its source, its date.")] = False,
    given: Given,
) -> int:
    """What is written costs a month: by tenant, by shard, in all. No cloud is asked, and nothing is changed.

    Fixed is what runs and is stored while nobody visits; use is estimated from what each tier allows. Exit 3 when some
    of the files are wrong: what they are about is in no sum.
    """
    from reconciler.actions.cost import cost as count
    from reconciler.assemble import repository
    from reconciler.report.costs import View, cost_csv, cost_json, cost_tables
    from reconciler.report.text import diagnostic_line

    if top is not None and top < 0:
        raise UsageError("--top is a number of tenants, 0 or more", "leave it out for the first 20")
    terminal = given.terminal
    if csv and (terminal.json or prices):
        raise UsageError("--csv goes with neither --json nor --prices", "choose one")
    made = count(repository(given.settings()), given.targets(targets), rev, base)
    if prices:
        return _book(made, given)
    chosen = _chosen(made)
    listed = chosen[: SHOWN if top is None and not (csv or terminal.json) else top]
    if terminal.json:
        terminal.out_json({"commit": made.commit, **cost_json(made.cost, listed, made.before)})
    elif csv:
        terminal.out(cost_csv(listed))
    else:
        view = View(SHOWN if top is None else top, terminal.style)
        terminal.out(cost_tables(made.cost, listed, made.before, view))
        if len(chosen) > len(listed):
            left = len(chosen) - len(listed)
            terminal.note(f"{left:,} cheaper tenants are not listed: --top {len(chosen)}, or --csv.")
    for line in made.errors[:SHOWN]:
        terminal.warn(diagnostic_line(line, terminal.aside))
    return WRONG if made.errors else 0


def _chosen(made: "Costed") -> "list[TenantCost]":
    """Dearest first."""
    asked = [t for t in made.cost.tenants if not made.tenants or t.tenant in made.tenants]
    return sorted(asked, key=lambda t: (-t.whole.whole, t.tenant))


def _book(made: "Costed", given: Invocation) -> int:
    from reconciler.report.costs import prices_json, prices_table

    regions = tuple(dict.fromkeys([made.book.region, *made.regions]))
    if given.terminal.json:
        given.terminal.out_json(prices_json(made.book, regions))
    else:
        given.terminal.out(prices_table(made.book, regions, given.terminal.style))
    return 0
