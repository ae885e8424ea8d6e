"""What moved outside Git: live against last applied, field by field, beside what Git says."""

from dataclasses import dataclass
from typing import Any

from reconciler.kinds.catalog import kind_of
from reconciler.kinds.compare import declares, difference, lies_in, value_at, visible
from reconciler.model.canonical import Body
from reconciler.model.ids import Address
from reconciler.model.resource import Absent, Found, Unknown
from reconciler.planning.facts import Facts
from reconciler.planning.references import resolved


@dataclass(frozen=True, slots=True)
class Drift:
    """One field that is not as it was applied. `path` "" : the whole object is gone. `source`: "file:line" that asks
    for the value. `severity`: high when visitors notice, data is concerned or somebody may do more than before."""

    address: Address
    path: str
    git: Any
    last: Any
    live: Any
    since: str
    severity: str
    source: str
    sensitive: bool = False
    unread: str = ""
    """Why the object could not be read, so that nothing is known of it; then no side says anything."""
    forbidden: bool = False
    by: str = ""
    """Who changed the object last, as far as the cloud tells it ("" : it does not). Never guessed."""


def find_drift(facts: Facts) -> tuple[Drift, ...]:
    """Every drifted field of the resources in scope that a version records and Git still wants."""
    rows: list[Drift] = []
    for address, resource in sorted(facts.desired.resources.items()):
        applied = facts.applied(resource)
        if applied is None or address in facts.context:
            continue
        known = _known(facts)
        rows += _of(facts, address, resolved(applied.body, known), resolved(resource.body, known))
    return tuple(rows)


def _known(facts: Facts) -> Any:
    def known(address: Address) -> Body | None:
        found = facts.found(address)
        return found.body if found else None

    return known


def _of(facts: Facts, address: Address, last: Body, wanted: Body) -> list[Drift]:
    kind, resource, seen = kind_of(address.kind), facts.desired.resources[address], facts.seen(address)
    version = facts.history.get(resource.shard)
    since = version.at.isoformat() if version else ""
    if isinstance(seen, Absent):
        return [Drift(address, "", "there", "there", "gone", since, "high", resource.source)]
    if isinstance(seen, Unknown):
        why = (seen.reason, seen.forbidden)
        return [Drift(address, "", None, None, None, since, "unknown", resource.source, False, *why)]
    if not isinstance(seen, Found):
        return []
    open_ = [f.path for f in difference(kind, seen.body, wanted, None)]
    moved = (f for f in difference(kind, seen.body, last, None) if f.unknown is None)
    # What Git asks for by now is no drift any more (accepted, but no version has recorded it yet).
    fields = [
        f
        for f in moved
        if not declares(wanted, f.path) or any(lies_in(f.path, path) or lies_in(path, f.path) for path in open_)
    ]
    by = str(value_at(seen.body, kind.modifier) or "") if kind.modifier else ""
    grave = kind.data_bearing or kind.name.endswith((".iam", ".grant"))
    return [
        Drift(
            address=address, path=f.path, git=value_at(wanted, f.path), last=f.after, live=f.before, since=since,
            severity="high" if grave or visible(kind, [f]) else "low",
            source=resource.origins.get(f.path, resource.source), sensitive=f.sensitive, by=by,
        )
        for f in fields
    ]  # fmt: skip
