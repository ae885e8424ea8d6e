"""How full the shards are that a plan touches, as the capacity guard found it."""

from reconciler.model.plan import GuardVerdict, Plan, Verdict
from reconciler.report.escape import cell, plain

MOST = 5


def capacity_lines(plan: Plan) -> list[str]:
    """For a terminal; nothing where the guard passed nothing (what it warns of or refuses is told with the guards)."""
    found = _passed(plan)
    lines = [f"Capacity: {plain(v.target.name)}: {plain(v.message)}" for v in found[:MOST]]
    return [*lines, f"and {len(found) - MOST:,} more shards"] if len(found) > MOST else lines


def capacity_markdown(plan: Plan) -> str:
    found = _passed(plan)
    if not found:
        return ""
    told = [f"{cell(v.target.name)} {cell(v.message)}" for v in found[:MOST]]
    more = f" · and {len(found) - MOST:,} more shards" if len(found) > MOST else ""
    return f"**Capacity:** {' · '.join(told)}{more}"


def _passed(plan: Plan) -> list[GuardVerdict]:
    return [v for v in plan.guards if v.guard == "capacity" and v.verdict is Verdict.PASS] if plan.changes else []
