"""The ladder of confirmation: an update asks y/N; what deletes or replaces wants the target's name typed."""

from reconciler.cli.terminal import Terminal
from reconciler.model.ids import Target
from reconciler.model.plan import Action, Plan
from reconciler.report.escape import plain
from reconciler.report.values import count

TYPED = 3
"""With more targets than this, their number is typed instead of their names."""
INSTEAD = "--yes applies without asking; `aipress plan --out FILE` and `aipress apply FILE` apply what was reviewed"


def confirmed(plan: Plan, terminal: Terminal) -> bool:
    """Ask about a plan that has just been shown. Raises RefusedError when there is nobody to ask."""
    graves = _graves(plan)
    if not graves:
        answer = terminal.ask(f"Apply {count(len(plan.changes), 'change')}? [y/N] ", INSTEAD)
        return answer.lower() in ("y", "yes")
    if len(graves) > TYPED:
        question = f"{len(graves)} targets lose objects. Type {len(graves)} to go on: "
        return terminal.ask(question, INSTEAD) == str(len(graves))
    return all(_typed(target, terminal) for target in graves)


def _typed(target: Target, terminal: Terminal) -> bool:
    name = target.name or str(target)
    return terminal.ask(f"{plain(str(target))} loses objects. Type {plain(name)} to go on: ", INSTEAD) == name


def _graves(plan: Plan) -> list[Target]:
    """Targets of which something is deleted or replaced."""
    return sorted({c.address.target for c in plan.changes if c.action in (Action.DELETE, Action.REPLACE)})
