"""The seven stages in order, once."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

from reconciler.cycle import noting
from reconciler.cycle.bounds import bounds_of, limits_of
from reconciler.cycle.contested import fleet_at
from reconciler.cycle.laws import laws_of
from reconciler.cycle.mending import lift
from reconciler.cycle.past import past_of
from reconciler.cycle.publishing import Publishing, Versions, made_of, shards_of
from reconciler.cycle.world import NO_TEXTS, Texts, Walk, World, read_fleet
from reconciler.desired.compile import compile_fleet
from reconciler.live.observe import Wanted, observe
from reconciler.model.ids import Scope
from reconciler.model.order import Order
from reconciler.model.outcome import Outcome
from reconciler.model.plan import Plan
from reconciler.model.policies import NO_BASE, Base
from reconciler.model.ports import (
    Current,
    Progress,
)
from reconciler.model.resource import Desired
from reconciler.model.version import Version, shard_label
from reconciler.planning.facts import Facts
from reconciler.planning.guards import refused_items
from reconciler.planning.narrow import narrow
from reconciler.planning.plan import make_plan
from reconciler.source.authorship import authorship
from reconciler.source.load import require_fleet
from reconciler.source.scope import describe, require_environments, shards_in


def look(world: World, commit: str, scope: Scope, base: Base = NO_BASE, texts: Texts = NO_TEXTS) -> Facts:
    """source -> desired -> live, with the history beside: everything a plan is computed from.

    `texts` stand in place of the commit's own files: what a commit that is not made yet would say. What the plan is
    held to comes from `base`, where there is one.
    Raises InputError for a commit or target that is not there, CorruptError for a history that does not hold together.
    """
    with world.observer.phase("look"):
        return _looked(world, commit, scope, base, texts)


def _looked(world: World, commit: str, scope: Scope, base: Base, texts: Texts) -> Facts:
    fleet = fleet_at(world, commit, shards_in(world.repository, commit, scope), texts)
    require_fleet(fleet)
    laws = laws_of(world, fleet, base)
    require_environments(fleet, scope)
    desired, context = narrow(compile_fleet(fleet), scope)
    rules = read_fleet(world.repository, base.commit, frozenset(), NO_TEXTS) if base.commit else fleet
    limits = limits_of(rules if rules.fleet else fleet)
    lately = world.clock.now() - timedelta(minutes=limits.tug_of_war_minutes)
    past = past_of(world, fleet, scope, texts, lately)
    wanted, now = _to_observe(desired, past.versions), world.clock.now()
    live = observe(world.cloud, wanted, now, partial_read_percent=limits.partial_read_percent)
    return Facts(
        desired=desired, live=live, fleet=fleet, history=past.versions, cloud=world.cloud.identity,
        now=world.clock.now(), holds=past.holds, poisons=past.poisons, scope=describe(scope), base=base.commit,
        rules=rules if rules.fleet else None,
        context=context, elsewhere=past.moves, former=past.former, two_way=past.two_way,
        authors=authorship(world.repository, fleet, desired.removals), vanished=past.vanished, healed=past.healed,
        sent=world.engine.begun(), waves=past.waves, laws=laws, expressions=world.expressions,
        author=base.author,
    )  # fmt: skip


def plan_once(world: World, commit: str, scope: Scope, base: Base = NO_BASE) -> Plan:
    """The plan for a scope at a commit. Writes nothing anywhere."""
    facts = look(world, commit, scope, base)
    with world.observer.phase("plan"):
        return make_plan(facts)


def apply_once(world: World, plan: Plan, walk: Walk) -> tuple[Outcome, Versions]:
    """plan -> outcome -> versions. Each shard is walked under its lease, which is taken when the walk comes to it; its
    version is published, still under the lease, as soon as it is settled."""
    skip = {**refused_items(plan.guards, plan.changes, walk.allow), **walk.skip}
    publishing = Publishing(world)
    order = Order(plan, skip, world.actor, walk.trigger, walk.texts)
    bounds = bounds_of(world, plan, publishing.fleet_of(order), walk.allow)
    lift(world, plan.fleet_head, walk.texts)
    order = replace(order, bounds=bounds)
    noting.begun(world, order, walk.allow)
    with world.observer.phase("apply"), world.fence.walking(plan.parents):
        outcome = world.engine.apply(order, walk.progress, publishing.settled) if plan.changes else Outcome({})
        for shard in sorted(shards_of(plan) - {change.shard for change in plan.changes}):
            publishing.settled(order, shard, Outcome({}))
    noting.ended(world, order, outcome)
    return outcome, publishing.versions()


def go_on(world: World, progress: Progress, current: Current) -> tuple[Sequence[tuple[Order, Outcome]], Versions]:
    """What a killed process left half done -> outcomes -> versions, as far as it is still current."""
    publishing = Publishing(world)
    with ExitStack() as walked:

        def goes_on(order: Order) -> bool:
            if not (made_by(world, order.plan) and current(order)):
                return False
            walked.enter_context(world.fence.walking(order.plan.parents))
            return True

        ended = world.engine.resume(goes_on, progress, publishing.settled)
    for order, outcome in ended:
        noting.ended(world, order, outcome)
    return ended, publishing.versions()


def made_by(world: World, plan: Plan) -> bool:
    """Whether the newest versions are a plan's parents, or what it made of them itself: only then it goes on."""
    return plan.cloud == world.cloud.identity and all(
        _is_parent(world.history.head("" if label == shard_label("") else label.removeprefix("shard/")), plan, parent)
        for label, parent in plan.parents.items()
    )


def _is_parent(head: Version | None, plan: Plan, parent: str | None) -> bool:
    return (head.id if head else None) == parent or made_of(head, plan, parent)


def _to_observe(desired: Desired, versions: Mapping[str, Version | None]) -> list[Wanted]:
    recorded = {a: applied for version in versions.values() if version for a, applied in version.resources.items()}
    wanted = [Wanted(a, r.name, r.parent, r.body, a in recorded) for a, r in desired.resources.items()]
    going = (recorded[r.address] for r in desired.removals if r.address in recorded)
    return wanted + [Wanted(g.address, g.name, g.parent, g.body, True) for g in going]
