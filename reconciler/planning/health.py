"""Whether what is live is well: one word for a target, from what was read."""

from collections.abc import Iterable

from reconciler.kinds.compare import value_at
from reconciler.model.ids import Target, TargetKind
from reconciler.model.resource import Found, Unknown
from reconciler.planning.facts import Facts

HEALTH = ("Unknown", "Missing", "Degraded", "Progressing", "Healthy")
"""The worst first."""
SICK = frozenset({"Missing", "Degraded"})
QUIET = frozenset({"Healthy", "Suspended", "Deleted"})


def health_of(facts: Facts, target: Target) -> str:
    """A tenant's is that of its Cloud Run services; a shard's that of all it shares. A tenant that is suspended or
    deleted is just that."""
    if target.kind is not TargetKind.TENANT:
        return _worst(_of_object(facts.live.of(a)) for a in facts.desired.resources if a.target == target)
    written = facts.fleet.tenants.get(target.name)
    state = str(written.document.spec.state or "active") if written else "active"
    if state in ("suspended", "deleted"):
        return state.capitalize()
    services = [a for a in facts.desired.resources if a.target == target and a.kind == "run.service"]
    return _worst(_of_object(facts.live.of(a)) for a in services)


def _of_object(seen: object) -> str:
    """Ready, its terminal condition not failed, and the newest revision is the one that serves."""
    if not isinstance(seen, Found):
        return "Unknown" if isinstance(seen, Unknown) else "Missing"
    if not seen.ready:
        return "Progressing"
    if value_at(seen.body, "terminalCondition.state") == "CONDITION_FAILED":
        return "Degraded"
    made, serving = (value_at(seen.body, f"latest{word}Revision") for word in ("Created", "Ready"))
    return "Degraded" if isinstance(made, str) and made and made != serving else "Healthy"


def _worst(healths: Iterable[str]) -> str:
    return min(healths, key=HEALTH.index, default="Unknown")
