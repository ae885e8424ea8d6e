"""Rules that can refuse a plan or items of it: one function each, over changes and facts; numbers from fleet.yaml.

Percentages bind from 100 live sites on; below that, absolute numbers. First creates do not count.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence

from reconciler.kinds.catalog import kind_of
from reconciler.kinds.spelling import integer
from reconciler.model.guards import Guards
from reconciler.model.ids import FLEET, Address, Target, TargetKind, shard_target, tenant_target
from reconciler.model.plan import Action, Change, GuardVerdict, Verdict
from reconciler.planning.blast import BLAST_GUARDS
from reconciler.planning.care import CARE_GUARDS
from reconciler.planning.cost import cost_ceiling
from reconciler.planning.diff import Blocked, Why
from reconciler.planning.escrow import data_deletes, former_owners
from reconciler.planning.facts import Facts
from reconciler.planning.held import holds, poisoned
from reconciler.planning.policies import policies
from reconciler.planning.revision import REVISION_GUARDS

_DESTROYS = (Action.DELETE, Action.REPLACE)
Guard = Callable[[Facts, Sequence[Change], Guards], Iterable[GuardVerdict]]


def judge(facts: Facts, changes: Sequence[Change], blocked: Sequence[Blocked]) -> tuple[GuardVerdict, ...]:
    """Every guard's verdict, in a fixed order."""
    limits = facts.ruling.guards if facts.ruling else Guards()
    verdicts = [verdict for guard in GUARDS for verdict in guard(facts, changes, limits)]
    verdicts += _blocked(blocked)
    return tuple(sorted(verdicts, key=lambda v: (v.guard, str(v.target), v.message)))


def stateless_deletes(_facts: Facts, changes: Sequence[Change], limits: Guards) -> Iterable[GuardVerdict]:
    """How many objects without data one plan may delete; a purge's approval covers its own tenant."""
    gone = [
        c.address
        for c in changes
        if c.action in _DESTROYS and not kind_of(c.address.kind).data_bearing and not c.approval
    ]
    if len(gone) > limits.stateless_deletes:
        message = f"{len(gone)} objects would be deleted (limit {limits.stateless_deletes}: guards.statelessDeletes)"
        yield GuardVerdict("deletes", FLEET, Verdict.REFUSE, message, tuple(gone))


def never_replaced(_facts: Facts, changes: Sequence[Change], _limits: Guards) -> Iterable[GuardVerdict]:
    """Projects and folders are never replaced: their ids cannot come back."""
    for change in changes:
        kind = kind_of(change.address.kind)
        if change.action is Action.REPLACE and kind.never_replace and not kind.data_bearing:
            message = f"{change.address}: a {kind.noun} is never replaced; {change.reason}. Set it back in Git"
            yield GuardVerdict("never-replace", change.address.target, Verdict.REFUSE, message, (change.address,))


def lost_data(_facts: Facts, changes: Sequence[Change], _limits: Guards) -> Iterable[GuardVerdict]:
    """Something with data that a version recorded is gone: making it again would hide the loss."""
    for change in changes:
        if change.action is Action.CREATE and change.drift:
            kind = kind_of(change.address.kind)
            if kind.data_bearing:
                message = (
                    f"{change.address}: the {kind.noun} is gone. Restore it, or --allow lost-data for an empty one"
                )
                yield GuardVerdict("lost-data", change.address.target, Verdict.REFUSE, message, (change.address,))


def capacity(facts: Facts, changes: Sequence[Change], _limits: Guards) -> Iterable[GuardVerdict]:
    """No more tenants on a shard than it says it holds; and service accounts per project: 100 by default (google-facts,
    verified)."""
    placed = Counter(facts.fleet.where.values())
    touched = {c.shard for c in changes}
    connections = _connections(facts, touched & facts.fleet.shards.keys())
    for shard, written in sorted(facts.fleet.shards.items()):
        most, version = written.document.spec.capacity.tenants, facts.history.get(shard)
        known = version.tenants if version else {}
        fresh = tuple(c.address for c in changes if c.shard == shard and _is_new_tenant(c, known))
        if placed[shard] > most and fresh:
            message = f"shard {shard} holds {most} tenants at most, and {placed[shard]} are written on it"
            yield GuardVerdict("capacity", shard_target(shard), Verdict.REFUSE, message, fresh)
        elif shard in connections:
            held = f"{placed[shard]:,} of {most:,} sites, {connections[shard]}"
            yield GuardVerdict("capacity", shard_target(shard), Verdict.PASS, held)
    accounts: dict[str, int] = {}
    for address, resource in facts.desired.resources.items():
        if address.kind == "iam.service-account" and resource.shard:
            accounts[resource.shard] = accounts.get(resource.shard, 0) + 1
    for shard, count in sorted(accounts.items()):
        if count > 100 and shard in touched:
            message = f"shard {shard} needs {count} service accounts; Google's default quota is 100: have it raised"
            yield GuardVerdict("capacity", shard_target(shard), Verdict.WARN, message)


def _connections(facts: Facts, shards: Collection[str]) -> dict[str, str]:
    """shard -> how many connections its tenants may hold together, by their grants, of those its instance takes."""
    bodies = {a: (shard, applied.body) for a, (shard, applied) in facts.recorded().items()}
    bodies |= {a: (resource.shard, resource.body) for a, resource in facts.desired.resources.items()}
    promised, most = Counter[str](), dict[str, str]()
    for address, (shard, body) in bodies.items():
        if shard in shards and address.kind == "sql.grant":
            each = integer(body.get("maxUserConnections", 0))
            promised[shard] += each if isinstance(each, int) else 0
        elif shard in shards and address.kind == "sql.instance":
            flags = body.get("settings", {}).get("databaseFlags", ())
            most[shard] = next((str(f.get("value")) for f in flags if f.get("name") == "max_connections"), "")
    told = {shard: f" of {int(n):,}" if n.isdigit() else "" for shard, n in most.items()}
    return {shard: f"{promised[shard]:,}{told.get(shard, '')} database connections promised" for shard in shards}


def _is_new_tenant(change: Change, known: Collection[str]) -> bool:
    target = change.address.target
    return target.kind is TargetKind.TENANT and target.name not in known


def moves(facts: Facts, changes: Sequence[Change], _limits: Guards) -> Iterable[GuardVerdict]:
    """A tenant that appears under another shard is a move, never a delete and a create."""
    for name, recorded_in in sorted(facts.elsewhere.items()):
        items = tuple(c.address for c in changes if c.address.target == tenant_target(name))
        message = (
            f"tenant/{name} is recorded in shard {recorded_in} and written in shard {facts.fleet.where.get(name)}: "
            "a move, which this release cannot do yet. Put its folder back"
        )
        yield GuardVerdict("move", tenant_target(name), Verdict.REFUSE, message, items)


def field_ownership(facts: Facts, changes: Sequence[Change], _limits: Guards) -> Iterable[GuardVerdict]:
    """Somebody changed a field that fleet.yaml gives to others: of the base branch, and only in a pull request."""
    for one in facts.laws.trespasses:
        items = tuple(c.address for c in changes if _covers(one.target, c))
        yield GuardVerdict("field-ownership", one.target, Verdict.REFUSE, one.message, items)


GUARDS: tuple[Guard, ...] = (
    *BLAST_GUARDS, data_deletes, stateless_deletes, never_replaced, lost_data, *REVISION_GUARDS, former_owners, holds,
    poisoned, capacity, moves, cost_ceiling, *CARE_GUARDS, policies, field_ownership,
)  # fmt: skip

ALLOWABLE = frozenset(
    {
        "blast-radius", "shard-share", "deletes", "lost-data", "shrink", "mass-drift", "capacity", "hold",
        "project-share", "tug-of-war", "cost",
    }
)  # fmt: skip
"""Guards that `--allow` may pass by name. The others have their own way: an approval in fleet.yaml, a label, a mend."""


def _blocked(blocked: Sequence[Blocked]) -> Iterable[GuardVerdict]:
    names = {Why.STRANGER: "ownership", Why.UNREADABLE: "partial-read", Why.FORBIDDEN: "forbidden"}
    unsecured: dict[tuple[Target, str], list[Blocked]] = {}
    for item in blocked:
        if item.why is Why.BACKUP:  # a purge is one thing, so it is told once
            unsecured.setdefault((item.address.target, item.message.partition(" ")[2]), []).append(item)
        elif item.why in names:
            yield GuardVerdict(names[item.why], item.address.target, Verdict.REFUSE, item.message, (item.address,))
    for (target, _), items in unsecured.items():
        addresses = tuple(item.address for item in items)
        yield GuardVerdict("data-delete", target, Verdict.REFUSE, items[0].message, addresses)


def _covers(hold: Target, change: Change) -> bool:
    if hold.kind is TargetKind.FLEET:
        return True
    if hold.kind is TargetKind.SHARD:
        return change.shard == hold.name
    return change.address.belongs_to(hold)


def refused_items(
    verdicts: Iterable[GuardVerdict], changes: Iterable[Change], allowed: Iterable[str]
) -> dict[Address, str]:
    """Addresses that may not run, and why; a refusal without items refuses everything in its target."""
    allow = frozenset(allowed) & ALLOWABLE
    result: dict[Address, str] = {}
    chosen = tuple(changes)
    for verdict in verdicts:
        if verdict.verdict is not Verdict.REFUSE or verdict.guard in allow:
            continue
        whole = tuple(c.address for c in chosen if _covers(verdict.target, c))
        for address in verdict.items or whole:
            result.setdefault(address, f"{verdict.guard}: {verdict.message}")
    return result
