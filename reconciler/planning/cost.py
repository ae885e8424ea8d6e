"""What a plan costs, and the guard that holds it to a ceiling. Prices and ceilings are those of the fleet.yaml that
judges: a pull request does not lower the prices it is judged by."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.kinds.catalog import kind_of
from reconciler.kinds.paths import value_at
from reconciler.kinds.pricebook import book_of
from reconciler.kinds.prices import FREE, Price, Pricer, traffic_of
from reconciler.kinds.spelling import integer
from reconciler.model.canonical import Body
from reconciler.model.cost import Driver, PlanCost
from reconciler.model.guards import CostCeilings, Guards
from reconciler.model.ids import FLEET, Address, Target, TargetKind, shard_target
from reconciler.model.money import MILLION, Micros, words
from reconciler.model.plan import Action, Change, GuardVerdict, Verdict
from reconciler.planning.facts import Facts

DRIVERS = 8
"""Most differences that a plan names; the others are one sum."""
_NAMED = 3
_MAKES = (Action.CREATE, Action.UPDATE, Action.REPLACE, Action.RUN)


def plan_cost(facts: Facts, changes: Sequence[Change]) -> PlanCost:
    """Of everything in the plan's scope. What does not change costs the same; what is gone costs nothing."""
    pricer = _pricer(facts)
    prices = dict(_live(facts, pricer))
    before, use_before = sum(p.fixed for p in prices.values()), sum(p.use for p in prices.values())
    steps = [_step(facts, pricer, change) for change in changes]
    for step in steps:
        prices[step.change.address] = step.after
        if step.change.address not in facts.desired.resources:  # a removal: not counted above
            before, use_before = before + step.before.fixed, use_before + step.before.use
    drivers = sorted(_drivers(steps), key=lambda d: (-abs(d.delta), d.kind, d.targets))
    unpriced = Counter(price.unpriced for price in prices.values() if price.unpriced)
    return PlanCost(
        before=before, after=sum(p.fixed for p in prices.values()),
        use_before=use_before, use_after=sum(p.use for p in prices.values()),
        drivers=tuple(drivers[:DRIVERS]), rest=sum(d.delta for d in drivers[DRIVERS:]),
        unpriced=tuple(f"{number:,} × {what}" for what, number in sorted(unpriced.items())),
        origin=pricer.book.origin if prices else "",
    )  # fmt: skip


def cost_ceiling(facts: Facts, changes: Sequence[Change], limits: Guards) -> Iterable[GuardVerdict]:
    """What a tenant, a shard and a plan may cost a month, while nobody visits. Of the changes that make it dearer, the
    cheapest are let through as far as they fit; what saves money, or costs nothing, is never refused."""
    pricer = _pricer(facts)
    steps = [step for step in (_step(facts, pricer, change) for change in changes) if step.delta]
    if not any(step.delta > 0 for step in steps):
        return
    now = _standing(facts, pricer)
    for ceiling in _ceilings(limits.cost):
        groups: dict[Target, list[_Step]] = defaultdict(list)
        for step in steps:
            if (target := ceiling.whose(step.change.address, step.change.shard)) is not None:
                groups[target].append(step)
        owned: Counter[Target] = Counter()
        for (address, shard), amount in now.items() if ceiling.counts_all else ():
            if (target := ceiling.whose(address, shard)) in groups and target is not None:
                owned[target] += amount
        for target, mine in sorted(groups.items()):
            out = _too_much(owned[target], mine, ceiling.usd * MILLION)
            if out:
                yield _refusal(ceiling, target, owned[target] + sum(s.delta for s in mine), out)
            steps = [s for s in steps if s.change.address not in out]


@dataclass(frozen=True, slots=True)
class _Step:
    """One change, with what its object costs before and after it."""

    change: Change
    before: Price
    after: Price

    @property
    def delta(self) -> Micros:
        return self.after.fixed - self.before.fixed


@dataclass(frozen=True, slots=True)
class _Ceiling:
    """Whole dollars a month. `whose`: (address, shard) -> the target it binds, or None. `counts_all`: what stands
    counts too, and not only what the plan adds."""

    usd: int
    setting: str
    whose: Callable[[Address, str], Target | None]
    counts_all: bool = True


def _ceilings(limits: CostCeilings) -> Iterator[_Ceiling]:
    """The narrowest first, so that one item is refused once and the wider ones judge what is left."""
    if limits.tenant_usd is not None:
        yield _Ceiling(limits.tenant_usd, "guards.cost.tenantUsd", _tenant)
    if limits.shard_usd is not None:
        yield _Ceiling(limits.shard_usd, "guards.cost.shardUsd", _shard)
    if limits.increase_usd is not None:
        yield _Ceiling(limits.increase_usd, "guards.cost.increaseUsd", _everything, False)


def _everything(_address: Address, _shard: str) -> Target | None:
    return FLEET


def _tenant(address: Address, _shard: str) -> Target | None:
    return address.target if address.target.kind is TargetKind.TENANT else None


def _shard(_address: Address, shard: str) -> Target | None:
    return shard_target(shard) if shard else None


def _too_much(standing: Micros, steps: Sequence[_Step], ceiling: Micros) -> tuple[Address, ...]:
    """The changes that do not fit, when the cheapest go first and what is saved counts before all."""
    total = standing + sum(step.delta for step in steps if step.delta < 0)
    out = []
    for step in sorted((s for s in steps if s.delta > 0), key=lambda s: (s.delta, s.change.address)):
        if total + step.delta > ceiling:
            out.append(step.change.address)
        else:
            total += step.delta
    return tuple(sorted(out))


def _refusal(ceiling: _Ceiling, target: Target, total: Micros, out: tuple[Address, ...]) -> GuardVerdict:
    whose = f"{target} would cost" if ceiling.counts_all else "this plan would add"
    message = (
        f"{whose} {words(total)} a month before any use (ceiling {words(ceiling.usd * MILLION)}: {ceiling.setting} in "
        "fleet.yaml). Ask for less, raise the ceiling in a commit of its own, or --allow cost"
    )
    return GuardVerdict("cost", target, Verdict.REFUSE, message, out)


def _pricer(facts: Facts) -> Pricer:
    ruling = facts.ruling
    return Pricer(book_of(ruling.prices if ruling else None), traffic_of(facts.fleet))


def _live(facts: Facts, pricer: Pricer) -> Iterator[tuple[Address, Price]]:
    for address, resource in facts.desired.resources.items():
        found = facts.found(address)
        if found is not None:
            yield address, pricer.price(address.kind, resource.name, found.body)


def _step(facts: Facts, pricer: Pricer, change: Change) -> _Step:
    address, found = change.address, facts.found(change.address)
    before = pricer.price(address.kind, change.name, found.body) if found else FREE
    if change.action is Action.DELETE:
        return _Step(change, before, FREE)
    if change.action not in _MAKES:
        return _Step(change, before, before)
    body = change.body if found is None or change.action is Action.REPLACE else _grown(change, found.body)
    return _Step(change, before, pricer.price(address.kind, change.name, body))


def _grown(change: Change, live: Body) -> Body:
    """The body as it will be: what only grows (a disk) stays as large as it has become."""
    body: Any = change.body
    for path in kind_of(change.address.kind).grows_only:
        have, want = integer(value_at(live, path, None)), integer(value_at(body, path, None))
        if isinstance(have, int) and isinstance(want, int) and have > want:
            body = _with(body, path.split("."), str(have))
    return dict(body)


def _with(body: Mapping[str, Any], path: Sequence[str], value: str) -> dict[str, Any]:
    head, *rest = path
    return {**body, head: _with(body[head], rest, value) if rest else value}


def _drivers(steps: Iterable[_Step]) -> Iterator[Driver]:
    alike: dict[tuple[str, Micros, Micros], list[str]] = defaultdict(list)
    for step in steps:
        if step.delta:
            kind = step.change.address.kind
            alike[kind, step.before.fixed, step.after.fixed].append(str(step.change.address.target))
    for (kind, before, after), targets in alike.items():
        owners = tuple(dict.fromkeys(targets))
        yield Driver(kind, before, after, len(targets), owners[:_NAMED], len(owners))


def _standing(facts: Facts, pricer: Pricer) -> dict[tuple[Address, str], Micros]:
    """What everything in the shards in scope costs now: as seen where it was looked at, else as recorded."""
    found: dict[tuple[Address, str], Micros] = {}
    for address, (shard, applied) in facts.recorded().items():
        found[address, shard] = pricer.price(address.kind, applied.name, applied.body).fixed
    for address, price in _live(facts, pricer):
        found[address, facts.desired.resources[address].shard] = price.fixed
    return found
