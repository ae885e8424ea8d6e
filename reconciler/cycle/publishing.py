"""What an apply came to, onto the history: a version of each shard as soon as it is settled, once only."""

from dataclasses import dataclass, field, replace

from reconciler.cycle.contested import fleet_at
from reconciler.cycle.world import World
from reconciler.history.record import context_of, record
from reconciler.model.errors import RefusedError
from reconciler.model.fleet import Fleet
from reconciler.model.order import Order
from reconciler.model.outcome import ItemOutcome, Outcome, Result
from reconciler.model.plan import Plan
from reconciler.model.version import FLEET_SHARD, Version, shard_label

Versions = tuple[Version, ...]


def made_of(head: Version | None, plan: Plan, parent: str | None) -> bool:
    """The plan's own version of this shard."""
    return head is not None and (head.parent, head.plan) == (parent, plan.digest)


def shards_of(plan: Plan) -> frozenset[str]:
    """Those that something is done in, or to be recorded of."""
    return frozenset({*(c.shard for c in (*plan.changes, *plan.unrecorded)), *plan.late})


@dataclass(slots=True)
class Publishing:
    """Each shard's version is published as soon as that shard is settled, and once only."""

    world: World
    published: list[Version] = field(default_factory=list)
    fleets: dict[str, Fleet] = field(default_factory=dict)

    def settled(self, order: Order, shard: str, walked: Outcome) -> None:
        outcome = _with_unrecorded(order.plan, shard, walked)
        plan, history = order.plan, self.world.history
        head, parent = history.head(shard), plan.parents.get(shard_label(shard))
        if made_of(head, plan, parent):
            return  # a process published it, and was killed before it could say so
        if (head.id if head else None) != parent:
            message = (
                f"{shard_label(shard)} got another version while this plan was applied: what was done is not recorded"
            )
            raise RefusedError(message, "plan and apply again: what is there already is adopted")
        again = head is not None and head.plan == plan.digest and head.result == "failed"
        if outcome.count(Result.DONE) or shard in plan.late or (outcome.count(Result.FAILED) and not again):
            entered = self.world.fence.enter(shard)
            if not isinstance(entered, int):
                raise RefusedError(f"what was done is not recorded: {entered.why}", "what is there already is adopted")
            who = (self.world.clock.now(), order.actor, order.trigger)
            context = context_of(self.fleet_of(order), shard, plan, outcome, who)
            self.published.append(history.publish(record(head, plan, outcome, context)))
        for hold in self.world.limits.settled(order, walked):
            history.set_hold(hold)
        if not any(item.result is Result.INTERRUPTED and item.attempts for item in outcome.items.values()):
            self.world.fence.leave(shard)  # else something may be under way there: the lease runs out by itself

    def fleet_of(self, order: Order) -> Fleet:
        """The documents that the order's plan was made from."""
        plan = order.plan
        if plan.digest not in self.fleets:
            shards = shards_of(plan) - {FLEET_SHARD}
            self.fleets[plan.digest] = fleet_at(self.world, plan.fleet_head, shards, order.texts)
        return self.fleets[plan.digest]

    def versions(self) -> Versions:
        return tuple(sorted(self.published, key=lambda version: version.shard))


def _with_unrecorded(plan: Plan, shard: str, walked: Outcome) -> Outcome:
    """What was walked, and what needed no step but stands in no version yet."""
    noted = [c for c in plan.unrecorded if c.shard == shard]
    items = {c.address: ItemOutcome(c, Result.DONE, uid=c.uid, body=c.body, attempts=0) for c in noted}
    return replace(walked, items={**items, **walked.items})
