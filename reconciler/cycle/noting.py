"""What is decided about an order, for the audit log: begun, past which guards, what is left out and why, how it ended,
or that it was refused. Alike items are one record."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress

from reconciler.cycle.world import World
from reconciler.model.audit import Note
from reconciler.model.canonical import digest
from reconciler.model.errors import AipressError
from reconciler.model.ids import Address
from reconciler.model.order import Order
from reconciler.model.outcome import Outcome, Result
from reconciler.model.plan import Plan


def begun(world: World, order: Order, allow: Collection[str]) -> None:
    """Before anything of it is done. Raises AipressError when it cannot be recorded."""
    plan = order.plan
    if not plan.changes or (_all_left_out(order) and not world.audit.news(_key(order))):
        return
    summary = {name: number for name, number in plan.summary().items() if number}
    detail = {**summary, "scope": list(plan.scope), "left_out": len(order.skip)}
    for verdict in plan.refused():
        if verdict.guard in allow:
            items = [str(address) for address in verdict.items]
            passed = {"guard": verdict.guard, "message": verdict.message, "items": items}
            target = str(verdict.target) if verdict.target else ""
            world.audit.note(_note(order, "guard.passed", passed, target=target), sync=False)
    for why, items in _alike(order.skip).items():
        said = {"why": why, "items": len(items), "resources": items}
        world.audit.note(_note(order, "items.left_out", said), sync=False)
    world.audit.note(_note(order, "apply.begun", detail))


def ended(world: World, order: Order, outcome: Outcome) -> None:
    """How each change ended, those that did not succeed by name."""
    if not outcome.items or _all_left_out(order):
        return
    for result in (Result.FAILED, Result.STALE, Result.SKIPPED, Result.INTERRUPTED):
        found = {a: i.message for a, i in outcome.items.items() if i.result is result and a not in order.skip}
        for why, items in _alike(found).items():
            said = {"why": why, "items": len(items), "resources": items}
            world.audit.note(_note(order, f"items.{result}", said), sync=False)
    counts = {str(result): outcome.count(result) for result in Result if outcome.count(result)}
    stopped = {"stopped": outcome.stopped} if outcome.stopped else {}
    world.audit.note(_note(order, "apply.ended", {**counts, **stopped, "interrupted": outcome.interrupted}))


@contextmanager
def refusals(world: World, trigger: str, plan: Plan | None = None) -> Iterator[None]:
    """A refusal or failure of the whole is recorded and goes on. Where even that cannot be recorded, nothing was done
    all the same, and what is told is the refusal."""
    try:
        yield
    except AipressError as error:
        detail = {"why": str(error), "hint": error.hint}
        commit, plan_digest = (plan.fleet_head, plan.digest) if plan else ("", "")
        if world.audit.news(digest([world.actor, trigger, commit, plan_digest, str(error)])):
            with suppress(AipressError):
                world.audit.note(Note("apply.refused", world.actor, trigger, commit, plan_digest, detail=detail))
        raise


def _all_left_out(order: Order) -> bool:
    return all(change.address in order.skip for change in order.plan.changes)


def _key(order: Order) -> str:
    return digest([order.plan.digest, {str(address): why for address, why in order.skip.items()}])


def _alike(found: Mapping[Address, str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for address, why in sorted(found.items()):
        groups[why].append(str(address))
    return groups


def _note(order: Order, what: str, detail: Mapping[str, object], target: str = "") -> Note:
    plan = order.plan
    return Note(what, order.actor, order.trigger, plan.fleet_head, plan.digest, target=target, detail=detail)
