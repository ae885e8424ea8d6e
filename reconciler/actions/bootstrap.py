"""`aipress bootstrap`: the fleet's own objects (folders, control project, its services), by a person's credentials.

The same plan and apply as everything else, limited to the target `fleet`; idempotent.
"""

from reconciler.actions.apply import Applied, ApplyRequest, apply
from reconciler.cycle.loop import plan_once
from reconciler.cycle.world import World
from reconciler.model.plan import Plan
from reconciler.source.scope import OWN_OBJECTS


def plan(world: World) -> Plan:
    return plan_once(world, world.repository.resolve("HEAD"), OWN_OBJECTS)


def run(world: World, shown: Plan, request: ApplyRequest) -> Applied:
    """Apply the plan that was shown."""
    chosen = ApplyRequest(
        plan=shown,
        expect=request.expect,
        allow=request.allow,
        reason=request.reason,
        trigger="bootstrap",
        progress=request.progress,
    )
    return apply(world, chosen)
