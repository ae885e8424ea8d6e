"""A plan in the order a reviewer wants it: one section per target, danger first, the same change on many shown once."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from reconciler.kinds.catalog import KINDS
from reconciler.kinds.compare import visible
from reconciler.model.canonical import canonical
from reconciler.model.ids import Target, TargetKind
from reconciler.model.plan import Action, Change, Plan
from reconciler.model.resource import Ref
from reconciler.report.values import count

SAME_FROM = 3
"""So many targets with the same change are shown as one section."""

SIGNS = {
    Action.CREATE: "+", Action.UPDATE: "~", Action.REPLACE: "-/+", Action.DELETE: "-", Action.RUN: ">",
    Action.ADOPT: "=", Action.NONE: " ",
}  # fmt: skip


class Danger(IntEnum):
    """What a reviewer must see first has the lowest number."""

    DESTROYS = 0
    """Deletes or replaces something that holds a customer's data."""
    DELETES = 1
    REPLACES = 2
    VISIBLE = 3
    """Visitors notice: a restart, say."""
    UPDATES = 4
    RUNS = 5
    ADOPTS = 6
    CREATES = 7


@dataclass(frozen=True, slots=True)
class Section:
    """One target's changes; with several `targets` the same changes on each, `changes` being those of the first."""

    targets: tuple[Target, ...]
    shards: tuple[str, ...]
    changes: tuple[Change, ...]
    danger: Danger

    @property
    def target(self) -> Target:
        return self.targets[0]

    @property
    def size(self) -> int:
        return len(self.targets) * len(self.changes)

    def actions(self) -> dict[Action, int]:
        """How many changes of each action, over all targets, in the order of Action."""
        counts = {action: sum(1 for c in self.changes if c.action is action) for action in Action}
        return {action: n * len(self.targets) for action, n in counts.items() if n}

    @property
    def source(self) -> str:
        """The "file:line" that most of the changes come from."""
        sources = [c.source for c in self.changes if c.source]
        return max(sources, key=sources.count) if sources else ""

    @property
    def same_source(self) -> bool:
        """Whether `source` holds for every target of the section (a tier file, say)."""
        return len(self.targets) == 1 or not any(t.name in self.source for t in self.targets)


def sections(plan: Plan, everything: bool = False) -> tuple[Section, ...]:
    """Danger first, then fleet, shards, tenants by name. `everything`: nothing is grouped."""
    by_target: dict[Target, list[Change]] = defaultdict(list)
    for change in plan.changes:
        if change.action is not Action.NONE:
            by_target[change.address.target].append(change)
    single = [_section((target,), changes) for target, changes in by_target.items()]
    grouped = single if everything else list(_grouped(single))
    return tuple(sorted(grouped, key=_rank))


def danger(change: Change) -> Danger:
    kind = KINDS.get(change.address.kind)
    if change.action in (Action.DELETE, Action.REPLACE) and (kind is None or kind.data_bearing):
        return Danger.DESTROYS
    if change.action is Action.DELETE:
        return Danger.DELETES
    if change.action is Action.REPLACE or any(f.may_replace for f in change.fields):
        return Danger.REPLACES
    if change.action is Action.UPDATE:
        return Danger.VISIBLE if kind is not None and visible(kind, change.fields) else Danger.UPDATES
    return {Action.RUN: Danger.RUNS, Action.ADOPT: Danger.ADOPTS}.get(change.action, Danger.CREATES)


def heading(section: Section) -> str:
    """ "will be updated in place": what a section comes to, in the words that reviewers scan for."""
    actions = {a: n // len(section.targets) for a, n in section.actions().items()}
    if len(actions) == 1 and (Action.CREATE not in actions or _is_new(section)):
        action, number = next(iter(actions.items()))
        whole = {
            Action.CREATE: "will be created", Action.UPDATE: "will be updated in place",
            Action.REPLACE: "must be replaced", Action.ADOPT: "will be adopted", Action.DELETE: "will be deleted",
            Action.RUN: f"will have {count(number, 'step')} run", Action.NONE: "does not change",
        }  # fmt: skip
        return whole[action]
    words = {
        Action.DELETE: "to delete", Action.REPLACE: "to replace", Action.UPDATE: "to update",
        Action.CREATE: "to create", Action.RUN: "to run", Action.ADOPT: "to adopt",
    }  # fmt: skip
    return "will change: " + ", ".join(f"{actions[a]:,} {word}" for a, word in words.items() if a in actions)


def _is_new(section: Section) -> bool:
    """Whether the target itself comes to be, and does not only get more objects or get lost ones back."""
    if any(c.drift for c in section.changes):
        return False
    if section.target.kind is TargetKind.TENANT:
        return any(c.address.key == "production" for c in section.changes)
    return any(c.address.kind == "project" for c in section.changes)


def unknowns(change: Change) -> tuple[tuple[str, Ref], ...]:
    """(body path, where it will come from) of everything a change does not know yet."""
    marked = tuple((f.path, f.unknown) for f in change.fields if f.unknown is not None)
    return (tuple(_refs("", change.body)) or marked) if change.action is Action.CREATE else marked


def _refs(path: str, value: Any) -> Iterable[tuple[str, Ref]]:
    for where, leaf in leaves(path, value):
        ref = Ref.from_body(leaf)
        if ref is not None:
            yield where, ref


def leaves(path: str, value: Any) -> Iterable[tuple[str, Any]]:
    """Every value of a body with its path; list elements with a `name` go by it, and do not repeat it."""
    if isinstance(value, dict) and value and Ref.from_body(value) is None:
        for key, inner in value.items():
            yield from leaves(f"{path}.{key}" if path else str(key), inner)
    elif isinstance(value, list | tuple) and any(isinstance(item, dict) for item in value):
        for index, inner in enumerate(value):
            name = inner.get("name") if isinstance(inner, dict) else None
            if isinstance(inner, dict) and isinstance(name, str) and len(inner) > 1:
                yield from leaves(f"{path}[{name}]", {key: value for key, value in inner.items() if key != "name"})
            else:
                yield from leaves(f"{path}[{index}]", inner)
    else:
        yield path, value


# --- grouping -------------------------------------------------------------------------------------------------------


def _section(targets: tuple[Target, ...], changes: Iterable[Change]) -> Section:
    mine = tuple(changes)
    shards = tuple(sorted({c.shard for c in mine if c.shard}))
    return Section(targets, shards, mine, min((danger(c) for c in mine), default=Danger.CREATES))


def _grouped(single: list[Section]) -> Iterable[Section]:
    alike: dict[tuple[Any, ...], list[Section]] = defaultdict(list)
    for section in single:
        # What destroys or replaces is never folded into another target's section.
        alone = section.danger <= Danger.REPLACES or section.target.kind is TargetKind.FLEET
        alike[(section.target,) if alone else _shape(section)].append(section)
    for same in alike.values():
        if len(same) < SAME_FROM:
            yield from same
            continue
        ordered = sorted(same, key=lambda s: s.target)
        shards = tuple(sorted({shard for s in ordered for shard in s.shards}))
        yield Section(tuple(s.target for s in ordered), shards, ordered[0].changes, ordered[0].danger)


def _shape(section: Section) -> tuple[Any, ...]:
    """Equal for targets whose changes read the same. A creation counts by kind and key: its body names the target."""
    creates = all(c.action is Action.CREATE for c in section.changes)
    shard = section.shards if creates and section.target.kind is TargetKind.TENANT else ()
    return (section.target.kind, section.danger, shard, *(_change_shape(c, section.target) for c in section.changes))


def _change_shape(change: Change, own: Target) -> tuple[Any, ...]:
    refs = tuple(_ref_shape(ref, own) for _, ref in unknowns(change))
    if change.action is Action.CREATE:
        return (change.address.kind, change.address.key, change.action, refs)
    fields = tuple((f.path, f.sensitive, canonical([f.before, f.after])) for f in change.fields)
    return (change.address.kind, change.address.key, change.action, fields, refs, change.dropped)


def _ref_shape(ref: Ref, own: Target) -> tuple[str, ...]:
    return (
        "" if ref.resource.target == own else str(ref.resource.target),
        ref.resource.kind,
        ref.resource.key,
        ref.path,
    )


def _rank(section: Section) -> tuple[Any, ...]:
    floor = (TargetKind.FLEET, TargetKind.SHARD, TargetKind.TENANT).index(section.target.kind)
    return (section.danger, floor, section.shards[:1], section.target)
