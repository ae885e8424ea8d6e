"""Rules that can refuse a plan or items of it: one function each, over changes and facts; numbers from fleet.yaml.

Percentages bind from 100 live sites on; below that, absolute numbers. First creates do not count.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, datetime, timedelta

from reconciler.kinds.catalog import kind_of
from reconciler.model.ids import FLEET, Address, Target, TargetKind, shard_target, tenant_target
from reconciler.model.plan import Action, Change, GuardVerdict, Verdict
from reconciler.model.spec import Guards, PurgeApproval
from reconciler.model.version import Hold
from reconciler.planning.diff import Blocked, Why
from reconciler.planning.facts import Facts

PERCENT_FROM = 100
"""Live sites from which percentages bind (DESIGN §6)."""

_DESTROYS = (Action.DELETE, Action.REPLACE)
Guard = Callable[[Facts, Sequence[Change], Guards], Iterable[GuardVerdict]]


def judge(facts: Facts, changes: Sequence[Change], blocked: Sequence[Blocked]) -> tuple[GuardVerdict, ...]:
    """Every guard's verdict, in a fixed order."""
    limits = facts.fleet.fleet.document.spec.guards if facts.fleet.fleet else Guards()
    verdicts = [verdict for guard in GUARDS for verdict in guard(facts, changes, limits)]
    verdicts += _blocked(blocked)
    return tuple(sorted(verdicts, key=lambda v: (v.guard, str(v.target), v.message)))


def blast_radius(facts: Facts, changes: Sequence[Change], limits: Guards) -> Iterable[GuardVerdict]:
    """Live sites one plan may change (octoDNS's 30 %, here 1 %: reliability §4 row 5)."""
    live = facts.live_tenants()
    touched = _touched_sites(facts, changes, live)
    allowed = limits.blast_radius.sites
    if len(live) >= PERCENT_FROM:
        allowed = max(allowed, int(len(live) * limits.blast_radius.percent / 100))
    share = f"{100 * len(touched) / len(live):.1f} %" if live else "0 %"
    message = f"{len(touched)} of {len(live)} live sites change ({share}; limit {allowed})"
    verdict = Verdict.REFUSE if len(touched) > allowed else Verdict.PASS
    yield GuardVerdict("blast-radius", FLEET, verdict, message)


def data_deletes(facts: Facts, changes: Sequence[Change], _limits: Guards) -> Iterable[GuardVerdict]:
    """Deleting or replacing what holds data needs a written, unexpired approval, and the escrow window over.

    A purge is one thing: while its data may not go, nothing of what it approves goes, so that it can be taken back.
    """
    refused: dict[tuple[Target, str, str], list[Change]] = {}
    for change in changes:
        kind = kind_of(change.address.kind)
        if change.action not in _DESTROYS or not kind.data_bearing:
            continue
        why = _not_approved(facts, change)
        if change.action is Action.REPLACE:
            why = f"replacing this {kind.noun} would destroy what it holds"
        if why:
            refused.setdefault((change.address.target, change.approval, why), []).append(change)
    for (target, approval, why), held in refused.items():
        named = ", ".join(f"{c.address.kind}/{c.address.key}" for c in held)
        message = f"{named} {'holds' if len(held) == 1 else 'hold'} data and {_stay(len(held))} untouched: {why}"
        together = [c for c in changes if approval and (c.address.target, c.approval) == (target, approval)]
        items = tuple(c.address for c in changes if c in held or c in together)
        yield GuardVerdict("data-delete", target, Verdict.REFUSE, message, items)


def _stay(number: int) -> str:
    return "stays" if number == 1 else "stay"


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


def shrink(facts: Facts, _changes: Sequence[Change], limits: Guards) -> Iterable[GuardVerdict]:
    """Tenants that vanished from the documents: more than a few means that the fleet was misread."""
    for shard, version in sorted(facts.history.items()):
        if not shard or not version or not version.tenants:
            continue
        gone = sorted(name for name in version.tenants if name not in facts.fleet.where)
        left = len(version.tenants) - len(gone)
        percent = 100 * len(gone) / len(version.tenants)
        many = len(version.tenants) >= PERCENT_FROM and percent > limits.shrink_percent
        if gone and (left == 0 or many or len(gone) > limits.blast_radius.sites):
            message = f"{len(gone)} of {len(version.tenants)} tenants of shard {shard} vanished from the repository"
            yield GuardVerdict("shrink", shard_target(shard), Verdict.REFUSE, message)


def mass_drift(facts: Facts, changes: Sequence[Change], limits: Guards) -> Iterable[GuardVerdict]:
    """Many tenants drifted at once: suspect our reader, not a hundred people at consoles."""
    drifted = {c.address.target for c in changes if c.drift and c.address.target.kind is TargetKind.TENANT}
    live = len(facts.live_tenants())
    allowed = max(10, int(live * limits.mass_drift_percent / 100)) if live >= PERCENT_FROM else 10
    if len(drifted) > allowed:
        message = f"{len(drifted)} of {live} tenants drifted at once (limit {allowed}): check what changed them first"
        yield GuardVerdict("mass-drift", FLEET, Verdict.REFUSE, message)


def holds(facts: Facts, changes: Sequence[Change], _limits: Guards) -> Iterable[GuardVerdict]:
    """Pauses and other holds that people set."""
    return held(facts.holds, changes, facts.now)


def held(holds: Iterable[Hold], changes: Sequence[Change], now: datetime) -> Iterable[GuardVerdict]:
    """What is on hold at a time: asked when a plan is made, and again when it is applied."""
    for hold in holds:
        if hold.until is not None and hold.until <= now:
            continue
        target = Target.parse(hold.target)
        items = tuple(c.address for c in changes if _covers(target, c))
        if items:
            until = f"until {hold.until:%Y-%m-%d %H:%M}Z" if hold.until else "until resumed"
            message = f"on hold by {hold.actor} {until}: {hold.reason}"
            yield GuardVerdict("hold", target, Verdict.REFUSE, message, items)


def capacity(facts: Facts, changes: Sequence[Change], _limits: Guards) -> Iterable[GuardVerdict]:
    """No more tenants on a shard than it says it holds; and service accounts per project: 100 by default (google-facts,
    verified)."""
    placed = Counter(facts.fleet.where.values())
    for shard, written in sorted(facts.fleet.shards.items()):
        most, version = written.document.spec.capacity.tenants, facts.history.get(shard)
        known = version.tenants if version else {}
        fresh = tuple(c.address for c in changes if c.shard == shard and _is_new_tenant(c, known))
        if placed[shard] > most and fresh:
            message = f"shard {shard} holds {most} tenants at most, and {placed[shard]} are written on it"
            yield GuardVerdict("capacity", shard_target(shard), Verdict.REFUSE, message, fresh)
    accounts: dict[str, int] = {}
    for address, resource in facts.desired.resources.items():
        if address.kind == "iam.service-account" and resource.shard:
            accounts[resource.shard] = accounts.get(resource.shard, 0) + 1
    touched = {c.shard for c in changes}
    for shard, count in sorted(accounts.items()):
        if count > 100 and shard in touched:
            message = f"shard {shard} needs {count} service accounts; Google's default quota is 100: have it raised"
            yield GuardVerdict("capacity", shard_target(shard), Verdict.WARN, message)


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


GUARDS: tuple[Guard, ...] = (
    blast_radius, data_deletes, stateless_deletes, never_replaced, lost_data, shrink, mass_drift, holds, capacity,
    moves,
)  # fmt: skip

ALLOWABLE = frozenset({"blast-radius", "deletes", "lost-data", "shrink", "mass-drift", "capacity", "hold"})
"""Guards that `--allow` may pass by name. The others have their own way: an approval in fleet.yaml, a label, a mend."""


def _blocked(blocked: Sequence[Blocked]) -> Iterable[GuardVerdict]:
    names = {Why.STRANGER: "ownership", Why.UNREADABLE: "partial-read", Why.FORBIDDEN: "forbidden"}
    for item in blocked:
        if item.why in names:
            yield GuardVerdict(names[item.why], item.address.target, Verdict.REFUSE, item.message, (item.address,))


def _touched_sites(facts: Facts, changes: Sequence[Change], live: frozenset[str]) -> frozenset[str]:
    touched: set[str] = set()
    for change in changes:
        target = change.address.target
        if change.action is Action.ADOPT:
            continue
        if target.kind is TargetKind.TENANT:
            touched.add(target.name)
        elif change.action is not Action.CREATE and target.kind is TargetKind.SHARD:
            version = facts.history.get(target.name)
            touched.update(version.tenants if version else ())
    return frozenset(touched & live)


def _covers(hold: Target, change: Change) -> bool:
    target = change.address.target
    if hold.kind is TargetKind.FLEET:
        return True
    if hold.kind is TargetKind.SHARD:
        return change.shard == hold.name
    return target == hold.whole and hold.environment in ("", change.address.key)


def _not_approved(facts: Facts, change: Change) -> str:
    """Why a written deletion may not happen yet; "" when it may."""
    fleet, name = facts.fleet.fleet, change.address.target.name
    version = facts.history.get(change.shard)
    tenant = version.tenants.get(name) if version else None
    if not change.approval or fleet is None:
        return (
            f"approve its purge in fleet.yaml `spec.purges` (tenant: {name}, uid: {change.owner}, expires, approvers)"
        )
    approval = next((p for p in fleet.document.spec.purges if p.tenant == name and p.uid == change.owner), None)
    if approval is None:
        return "the approval names another tenant or uid"
    if tenant is None or tenant.state != "deleted":
        return "no version records the tenant as deleted; its escrow has not begun"
    removal = next((r for r in facts.desired.removals if r.address == change.address), None)
    for address in removal.after if removal else ():
        backup, recorded = facts.found(address), version.resources.get(address) if version else None
        if backup is not None and (recorded is None or recorded.uid != backup.uid):
            return f"{address} is not the one that was recorded with this deletion; apply once more to record it"
    return _too_early(facts.now, approval, datetime.fromisoformat(tenant.since), fleet.document.spec.escrow.days)


def _too_early(now: datetime, approval: PurgeApproval, since: datetime, days: int) -> str:
    today: date = now.date()
    if approval.last_day < today:
        return f"the approval expired on {approval.expires}"
    if approval.last_day > today + timedelta(days=7):
        return f"the approval's expiry {approval.expires} is more than 7 days ahead"
    end = since + timedelta(days=days)
    return f"its escrow ends on {end:%Y-%m-%d}" if end > now else ""


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
