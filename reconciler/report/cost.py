"""What a plan costs, in words: the line, what drives it, what has no price."""

from reconciler.model.cost import Driver, PlanCost
from reconciler.model.money import Micros, cents, words
from reconciler.model.plan import Plan
from reconciler.report.escape import cell, cut, plain

_TARGETS = 3


def cost_line(plan: Plan) -> str:
    """ "Cost: $1,204.00 → $1,210.50 a month (+$6.50, list prices of 2026-11-27)."; "" when there is none."""
    cost = plan.cost
    if not cost.before and not cost.after:
        return ""
    origin = cost.origin or "list prices"
    if not cost.delta:
        return f"Cost: {words(cost.after)} a month, unchanged ({plain(origin)})."
    moved = change(cost.before, cost.after)
    return f"Cost: {words(cost.before)} → {words(cost.after)} a month ({moved}, {plain(origin)})."


def cost_lines(plan: Plan) -> list[str]:
    """For a terminal, under the plan: the line, and where something changes what drives it."""
    line, cost = cost_line(plan), plan.cost
    lines = [line] if line else []
    if cost.delta or any(d.delta for d in cost.drivers):
        lines += [f"  {told}" for told in _drivers(cost)]
    if use := _use(cost):
        lines.append(f"  {use}")
    if plan.changes:
        lines += [f"  not priced: {cut(plain(what), 140)}" for what in cost.unpriced]
    return lines


def cost_markdown(plan: Plan) -> str:
    """The drivers as a list under a line; "" where the plan changes no cost."""
    cost = plan.cost
    lines = [f"- {cell(told, 240)}" for told in _drivers(cost)]
    if use := _use(cost):
        lines.append(f"- {cell(use, 240)}")
    lines += [f"- not priced: {cell(what, 240)}" for what in cost.unpriced] if plan.changes else []
    if not lines:
        return ""
    return "\n".join(["**What drives the cost a month:**", "", *lines])


def signed(amount: Micros) -> str:
    return f"+{words(amount)}" if amount > 0 else words(amount)


def change(before: Micros, after: Micros) -> str:
    """The difference of two amounts as they are shown, so that the line adds up for whoever reads it."""
    return signed(cents(after) - cents(before)) if cents(after) != cents(before) else signed(after - before)


def _drivers(cost: PlanCost) -> list[str]:
    told = [_driver(driver) for driver in cost.drivers]
    return [*told, f"{signed(cost.rest)} all others together"] if cost.rest else told


def _driver(driver: Driver) -> str:
    """ "+$9.86 run.service of tenant/acme-bakery ($0.00 → $9.86)"; several alike: "12 × run.service (…)"."""
    listed = ", ".join(plain(name) for name in driver.targets[:_TARGETS])
    left = driver.whole - len(driver.targets[:_TARGETS])
    more = f" and {left:,} more" if left > 0 else ""
    each = f"{words(driver.before)} → {words(driver.after)}" + (" each" if driver.count > 1 else "")
    what = plain(driver.kind) if driver.count == 1 else f"{driver.count:,} × {plain(driver.kind)}"
    return f"{signed(driver.delta)}  {what} of {listed}{more} ({each})"


def _use(cost: PlanCost) -> str:
    if cost.use_before == cost.use_after:
        return ""
    return (
        f"use, estimated beside that: {words(cost.use_before)} → {words(cost.use_after)} a month "
        f"({change(cost.use_before, cost.use_after)}; assumptions: aipress cost --prices)"
    )


__all__ = ["cost_line", "cost_lines", "cost_markdown", "signed"]
