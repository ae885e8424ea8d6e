"""`aipress apply`: a reviewed plan, or one made now and confirmed. What was shown is what runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from reconciler.actions import waves as under_way
from reconciler.actions.holds import binding_now, settle
from reconciler.actions.plan import PlanRequest, make
from reconciler.actions.selftest import require_guards
from reconciler.cycle.bounds import limits_of
from reconciler.cycle.loop import apply_once, go_on, plan_once
from reconciler.cycle.noting import refusals
from reconciler.cycle.world import NO_TEXTS, Texts, Walk, World, read_fleet
from reconciler.model.bounds import Bounds
from reconciler.model.errors import InputError, RefusedError, UsageError
from reconciler.model.hold import Hold
from reconciler.model.ids import Address, Scope, Target
from reconciler.model.order import Order
from reconciler.model.outcome import Event, Outcome, Result
from reconciler.model.plan import Plan
from reconciler.model.policies import Base
from reconciler.model.ports import Progress
from reconciler.model.version import Version, past_guards, shard_label
from reconciler.model.wave import Waves
from reconciler.planning.approved import destructive, taken_back, unapproved_items
from reconciler.planning.guards import ALLOWABLE, refused_items
from reconciler.planning.held import held
from reconciler.planning.standing import waiting
from reconciler.source.scope import scope_from

NOTHING = Plan("", "", "", {}, ())


def _silent(_event: Event) -> None:
    return


@dataclass(frozen=True, slots=True)
class ApplyRequest:
    """A saved plan (never confirmed again), or targets. `expect` is a digest the plan must have ("" : any)."""

    plan: Plan | None = None
    targets: tuple[Target, ...] = ()
    scope: Scope | None = None
    expect: str = ""
    allow: frozenset[str] = frozenset()
    reason: str = ""
    """Why those guards are passed: it stands in the versions that come of it."""
    trigger: str = "apply"
    progress: Progress = _silent
    confirm: Callable[[Plan], bool] | None = None
    withhold: Callable[[Plan], Mapping[Address, str]] = lambda _plan: {}
    """Hears the plan before it is walked, and says what of it is left out, and why."""


@dataclass(frozen=True, slots=True)
class Applied:
    """`skipped`: what was not run, and why (guards, a plan gone stale, a later wave). `waves`: those that bear on the
    plan, as they stand after it. `exit_code` follows DESIGN §5."""

    plan: Plan
    outcome: Outcome
    versions: tuple[Version, ...] = ()
    skipped: Mapping[Address, str] = field(default_factory=dict)
    exit_code: int = 0
    waves: tuple[Waves, ...] = ()
    lifted: tuple[Hold, ...] = ()
    """Rollback holds that are over, since Git says the same."""


def apply(world: World, request: ApplyRequest) -> Applied:
    """Raises RefusedError (another apply runs, the plan is for another cloud, it is not the expected one, declined),
    UsageError for a guard that nobody may pass by name."""
    require_guards()
    if unknown := sorted(request.allow - ALLOWABLE):
        raise UsageError(
            f"--allow {unknown[0]}: no such guard can be passed", f"these can: {', '.join(sorted(ALLOWABLE))}"
        )
    with refusals(world, request.trigger, request.plan), world.lease.hold("apply"):
        earlier = _gone_on(world, request)
        if earlier.exit_code:
            return earlier
        plan, unapproved = _chosen(world, request)
        if request.expect and plan.digest != request.expect:
            raise RefusedError(
                f"the plan is {plan.digest}, not the expected {request.expect}: something changed since it was made",
                "look at the new plan: aipress plan",
            )
        if plan.two_way:
            raise RefusedError("the history cannot be reached, so this plan is two-way and cannot be applied")
        if plan.changes and request.plan is None and request.confirm is not None:
            _confirmed(world, plan, request.confirm)
        lifted = settle(world)
        unapproved |= _held_since(world, plan, request.allow)
        unapproved |= request.withhold(plan)
        refused = refused_items(plan.guards, plan.changes, request.allow)
        request = replace(request, trigger=past_guards(request.trigger, request.allow, request.reason))
        turn = under_way.begin(world, plan, request.trigger, request.allow)
        outcome, versions = _walked(world, plan, request, {**turn.skip, **unapproved})
        waves = under_way.finish(world, turn, plan, outcome, {**refused, **unapproved})
    waits = {} if under_way.AT_ONCE in request.allow else waiting(waves, plan.changes, turn.early)
    skipped = {**waits, **refused, **unapproved}
    skipped |= {a: i.message for a, i in outcome.items.items() if i.result is Result.SKIPPED and a not in skipped}
    code = exit_code(plan, outcome, request.allow, bool(unapproved or turn.skip))
    return Applied(plan, outcome, (*earlier.versions, *versions), skipped, code, waves, lifted)


def _confirmed(world: World, plan: Plan, confirm: Callable[[Plan], bool]) -> None:
    """Raises RefusedError when it is declined, or when the answer took so long that the cloud may be another one."""
    shown = world.clock.now()
    if not confirm(plan):
        raise RefusedError("not applied: the plan was declined")
    guards = limits_of(read_fleet(world.repository, plan.fleet_head, frozenset(), NO_TEXTS))
    if Bounds(guards, at=shown).aged(world.clock.now()):
        raise RefusedError(
            f"not applied: the plan was shown more than {guards.plan_age_minutes} min ago (guards.planAgeMinutes)",
            "run it again and look at the new plan",
        )


def _gone_on(world: World, request: ApplyRequest) -> Applied:
    """What an earlier apply was cut off in: it was approved then, and is gone on with first. The last of it, and every
    version that came of it; nothing where there was none."""
    ended, versions = go_on(world, request.progress, lambda order: _still_approved(world, order))
    order, outcome = ended[-1] if ended else (Order(NOTHING), Outcome({}))
    cut = 130 if outcome.interrupted else 5 if outcome.stopped else 0
    return Applied(order.plan, outcome, versions, {}, cut)


def _still_approved(world: World, order: Order) -> bool:
    """It was begun lately; nothing that is still to run was put on hold since, or taken back at HEAD, or is of waves
    that stand still."""
    if order.bounds.aged(world.clock.now()):
        return False
    plan, nothing = order.plan, frozenset[str]()
    stopped = _held_since(world, plan, nothing, order.texts) | waiting(world.history.waves(), plan.changes)
    return {**stopped, **_taken_back(world, plan, nothing)}.keys() <= order.skip.keys()


def _held_since(world: World, plan: Plan, allow: frozenset[str], texts: Texts = NO_TEXTS) -> dict[Address, str]:
    """What was put on hold after a plan was made. A return that Git does not say yet is not kept by its own hold."""
    holds = binding_now(world, plan.fleet_head, texts)
    return refused_items(held(holds, plan.changes, world.clock.now()), plan.changes, allow)


def _walked(
    world: World, plan: Plan, request: ApplyRequest, unapproved: Mapping[Address, str]
) -> tuple[Outcome, tuple[Version, ...]]:
    if not plan.changes and not plan.to_record:
        return Outcome({}), ()
    return apply_once(world, plan, Walk(request.progress, request.trigger, request.allow, unapproved))


def _chosen(world: World, request: ApplyRequest) -> tuple[Plan, dict[Address, str]]:
    """The plan to walk, and what of it nobody approved."""
    saved = request.plan
    if saved is None:
        return make(world, PlanRequest(request.targets, scope=request.scope)), {}
    if saved.cloud != world.cloud.identity:
        raise RefusedError(
            f"this plan was made for {saved.cloud}; the cloud here is {world.cloud.identity}",
            "make the plan again where it shall be applied",
        )
    if current(world, saved) and under_way.fits(world, saved):
        return saved, _taken_back(world, saved, request.allow)
    base = saved.fleet_base if saved.fleet_base != saved.fleet_head else ""
    fresh = plan_once(world, saved.fleet_head, scope_from(saved.scope), Base(base, saved.author))
    return fresh, {**_taken_back(world, fresh, request.allow), **unapproved_items(saved, fresh)}


def current(world: World, plan: Plan) -> bool:
    """Whether a plan's parents are the newest versions: only such a plan is walked as it is."""
    heads = {shard_label(shard): version for shard, version in world.history.heads().items()}
    return all(heads.get(label) == parent for label, parent in plan.parents.items())


def _taken_back(world: World, plan: Plan, allow: frozenset[str]) -> dict[Address, str]:
    """Deletions that HEAD does not ask for (any more), or that its guards refuse by now. Nothing else is asked of HEAD:
    an approval does not age."""
    going = destructive(plan)
    if not going:
        return {}
    try:
        head = plan_once(world, world.repository.resolve("HEAD"), scope_from(plan.scope))
    except InputError as error:  # a target that has no file at HEAD, a fleet.yaml that is wrong there
        return {c.address: f"HEAD does not ask for it: {error}" for c in going}
    return taken_back(plan, head, refused_items(head.guards, head.changes, allow))


_REFUSED = (Result.STALE, Result.SKIPPED, Result.INTERRUPTED)
"""Without a signal, what was not finished was stopped by a switch, a hold or a limit."""


def exit_code(plan: Plan, outcome: Outcome, allow: frozenset[str], stale: bool) -> int:
    """The first that holds, in the order of DESIGN §5."""
    items = outcome.items.values()
    verdicts = [v for v in plan.refused() if v.guard not in allow]
    if outcome.interrupted:
        return 130
    if any(i.forbidden for i in items) or any(v.guard == "forbidden" for v in verdicts):
        return 4
    if any(i.result is Result.FAILED for i in items) or any(v.guard == "partial-read" for v in verdicts):
        return 1
    if stale or verdicts or any(i.result in _REFUSED for i in items):
        return 5
    return 3 if any(d.severity == "error" for d in plan.diagnostics) else 0
