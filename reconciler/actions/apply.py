"""`aipress apply`: a reviewed plan, or one made now and confirmed. What was shown is what runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reconciler.actions.plan import PlanRequest, make
from reconciler.cycle import Walk, World, apply_once, plan_once
from reconciler.model.errors import RefusedError, UsageError
from reconciler.model.ids import Address, Scope, Target
from reconciler.model.outcome import Event, Outcome, Result
from reconciler.model.plan import Change, FieldChange, Plan
from reconciler.model.ports import Progress
from reconciler.model.version import Version, shard_label
from reconciler.planning.guards import ALLOWABLE, held, refused_items
from reconciler.source.scope import scope_from


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
    trigger: str = "apply"
    progress: Progress = _silent
    confirm: Callable[[Plan], bool] | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """`skipped`: what was not run, and why (guards, a plan gone stale). `exit_code` follows DESIGN §5."""

    plan: Plan
    outcome: Outcome
    versions: tuple[Version, ...] = ()
    skipped: Mapping[Address, str] = field(default_factory=dict)
    exit_code: int = 0


def apply(world: World, request: ApplyRequest) -> Applied:
    """Raises RefusedError (another apply runs, the plan is for another cloud, it is not the expected one, declined),
    UsageError for a guard that nobody may pass by name."""
    if unknown := sorted(request.allow - ALLOWABLE):
        raise UsageError(
            f"--allow {unknown[0]}: no such guard can be passed", f"these can: {', '.join(sorted(ALLOWABLE))}"
        )
    with world.lease.hold("apply"):
        plan, unapproved = _chosen(world, request)
        if request.expect and plan.digest != request.expect:
            raise RefusedError(
                f"the plan is {plan.digest}, not the expected {request.expect}: something changed since it was made",
                "look at the new plan: aipress plan",
            )
        if plan.two_way:
            raise RefusedError("the history cannot be reached, so this plan is two-way and cannot be applied")
        if plan.changes and request.plan is None and request.confirm is not None and not request.confirm(plan):
            raise RefusedError("not applied: the plan was declined")
        unapproved |= _held_since(world, plan, request.allow)
        outcome, versions = _walked(world, plan, request, unapproved)
    skipped = {**refused_items(plan.guards, plan.changes, request.allow), **unapproved}
    skipped |= {a: i.message for a, i in outcome.items.items() if i.result is Result.SKIPPED and a not in skipped}
    return Applied(plan, outcome, versions, skipped, exit_code(plan, outcome, request.allow, bool(unapproved)))


def _held_since(world: World, plan: Plan, allow: frozenset[str]) -> dict[Address, str]:
    """What was put on hold after a plan was made."""
    return refused_items(held(world.history.holds(), plan.changes, world.clock.now()), plan.changes, allow)


def _walked(
    world: World, plan: Plan, request: ApplyRequest, unapproved: Mapping[Address, str]
) -> tuple[Outcome, tuple[Version, ...]]:
    if not plan.changes:
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
    if current(world, saved):
        return saved, {}
    base = saved.fleet_base if saved.fleet_base != saved.fleet_head else ""
    fresh = plan_once(world, saved.fleet_head, scope_from(saved.scope), base)
    return fresh, unapproved_items(saved, fresh)


def current(world: World, plan: Plan) -> bool:
    """Whether a plan's parents are the newest versions: only such a plan is walked as it is."""
    heads = {shard_label(shard): version for shard, version in world.history.heads().items()}
    return all(heads.get(label) == parent for label, parent in plan.parents.items())


def unapproved_items(saved: Plan, fresh: Plan) -> dict[Address, str]:
    """Items of the fresh plan that are not, field by field, items of the approved one."""
    approved = {c.address: c for c in saved.changes}
    return {
        c.address: "it is not in the plan that was approved, or means something else now: plan again"
        for c in fresh.changes
        if c.address not in approved or not _same(approved[c.address], c)
    }


def _same(approved: Change, fresh: Change) -> bool:
    """Equal in action, fields and fingerprint. Both are made from one commit, so a reference that was approved and has
    become a value since is the same wish: its resolution is no new plan (DESIGN §5)."""
    if (approved.action, approved.fingerprint) != (fresh.action, fresh.fingerprint):
        return False
    if len(approved.fields) != len(fresh.fields):
        return False
    return all(_same_field(a, f) for a, f in zip(approved.fields, fresh.fields, strict=True))


def _same_field(approved: FieldChange, fresh: FieldChange) -> bool:
    if approved.unknown is None or approved.may_replace or fresh.unknown is not None:
        return approved == fresh
    return (approved.path, approved.before, approved.sensitive) == (fresh.path, fresh.before, fresh.sensitive)


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
    if stale or verdicts or any(i.result is Result.STALE for i in items):
        return 5
    return 3 if any(d.severity == "error" for d in plan.diagnostics) else 0
