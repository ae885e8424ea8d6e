"""A section of a plan as rows, before anyone decides on colour or Markdown."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.kinds.catalog import KINDS
from reconciler.kinds.compare import replaces
from reconciler.model.ids import TargetKind
from reconciler.model.plan import Action, Change, FieldChange
from reconciler.report.arrange import SIGNS, Danger, Section, danger, leaves, unknowns
from reconciler.report.escape import columns, cut, padded, plain
from reconciler.report.values import count, hidden, known_after, shown, sign, transition

NAMES_SHOWN = 12
KEYS_SHOWN = 6
SAME_KIND_FROM = 4
"""So many creations of one kind in one section are shown as one row."""
PATH_WIDTH = 56

HEADLINES: Mapping[str, tuple[str, ...]] = {
    "project": ("projectId",),
    "sql.instance": ("databaseVersion", "settings.tier", "settings.availabilityType"),
    "storage.bucket": ("location",),
    "run.service": ("template.containers[0].image",),
    "sql.grant": ("maxUserConnections",),
}
"""What says most about a new object of a kind; the rest with --all."""


@dataclass(frozen=True, slots=True)
class Row:
    """`depth` 0 is an object, 1 a field of it. `alarm` and `aside` stand after the text: loud, and quiet."""

    sign: str
    depth: int
    text: str
    alarm: str = ""
    aside: str = ""


def rows(section: Section, everything: bool = False) -> Iterator[Row]:
    """Objects by danger, each followed by its fields. `everything`: nothing is folded or left out."""
    for same in _folded(section, everything):
        if len(same) > 1:
            yield Row(SIGNS[same[0].action], 0, _many(same))
        else:
            yield _object(same[0], section)
            yield from _inside(same[0], section, everything)


def who(section: Section) -> str:
    """ "tenant/acme-bakery (shard eu-001)", or "38 tenants (shards eu-001, us-001)"."""
    kind = section.target.kind
    if kind is TargetKind.FLEET:
        return "fleet (its own objects)"
    if len(section.targets) == 1:
        placed = kind is TargetKind.TENANT and section.shards
        return plain(str(section.target)) + (f" (shard {plain(section.shards[0])})" if placed else "")
    of = f"{len(section.targets):,} {kind}s"
    if kind is TargetKind.SHARD:
        return of
    shards = ", ".join(plain(s) for s in section.shards[:3])
    more = f" and {len(section.shards) - 3:,} more" if len(section.shards) > 3 else ""
    return f"{of} (shard{'s' if len(section.shards) > 1 else ''} {shards}{more})"


def names(section: Section, limit: int) -> str:
    """The names of a section's targets, the first `limit` of them."""
    listed = ", ".join(plain(t.name) for t in section.targets[:limit])
    more = len(section.targets) - limit
    return f"{listed} and {more:,} more" if more > 0 else listed


def _folded(section: Section, everything: bool) -> Iterator[list[Change]]:
    """Creations of one kind that say nothing of their own, in one piece; everything else alone."""
    by_kind: dict[tuple[str, Action], list[Change]] = defaultdict(list)
    for change in sorted(section.changes, key=danger):
        by_kind[(change.address.kind, change.action)].append(change)
    for (_, action), same in by_kind.items():
        foldable = action in (Action.CREATE, Action.ADOPT) and len(same) >= SAME_KIND_FROM
        if foldable and not everything and not any(unknowns(c) for c in same):
            yield same
        else:
            yield from ([change] for change in same)


def _many(same: list[Change]) -> str:
    listed = ", ".join(plain(c.address.key) for c in same[:KEYS_SHOWN])
    more = f" and {len(same) - KEYS_SHOWN} more" if len(same) > KEYS_SHOWN else ""
    return f"{plain(same[0].address.kind)} ×{len(same)}  {listed}{more}"


def _object(change: Change, section: Section) -> Row:
    text = plain(f"{change.address.kind}/{change.address.key}")
    new = change.action in (Action.CREATE, Action.ADOPT) and not change.drift
    if change.reason and not (new and change.action is Action.CREATE):
        text += f"  ({cut(plain(change.reason), 100)})"
    if change.approval:
        text += f"  approved: {cut(plain(change.approval), 80)}"
    elsewhere = section.same_source and not new and change.source and change.source != section.source
    alarms = {
        Danger.DESTROYS: "! destroys data",
        Danger.REPLACES: "! replaces the object",
        Danger.VISIBLE: "! visitors notice",
    }
    return Row(SIGNS[change.action], 0, text, alarms.get(danger(change), ""), plain(change.source) if elsewhere else "")


def _inside(change: Change, section: Section, everything: bool) -> Iterator[Row]:
    if change.action is Action.CREATE:
        yield from _creation(change, section, everything)
        return
    yield from _fields(change)
    if change.action is Action.DELETE and everything:
        for path, value in leaves("", change.body):
            secret = hidden(change.address.kind, FieldChange(path))
            yield Row("-", 1, f"{plain(path)}  {'(sensitive)' if secret else shown(value)}")


def _fields(change: Change) -> Iterator[Row]:
    kind = KINDS.get(change.address.kind)
    forcing = replaces(kind, change.fields) if kind and change.action is Action.REPLACE else ()
    width = min(max((columns(plain(f.path)) for f in change.fields), default=0), PATH_WIDTH)
    for field in change.fields:
        value = transition(change.address.kind, field, change.address.target)
        alarm = "! forces the replacement" if field in forcing else ""
        yield Row(sign(change.address.kind, field), 1, f"{padded(plain(field.path), width)}  {value}", alarm)


def _creation(change: Change, section: Section, everything: bool) -> Iterator[Row]:
    kind, many = change.address.kind, len(section.targets) > 1
    all_of = list(leaves("", change.body))
    pending = dict(unknowns(change))
    picked: list[tuple[str, Any]] = []
    if everything:
        picked = [(path, value) for path, value in all_of if path not in pending]
    elif not many:
        by_index = {_indexed(path): value for path, value in all_of}
        picked = [(path, by_index[path]) for path in HEADLINES.get(kind, ()) if path in by_index]
    for path, value in picked:
        yield Row("", 1, f"{plain(path)} = {'(sensitive)' if hidden(kind, FieldChange(path)) else shown(value)}")
    for path, ref in pending.items():
        yield Row("", 1, f"{plain(path)} = {known_after(ref, change.address.target if many else None)}")
    left = len(all_of) - len(picked) - len(pending)
    if left > 0 and picked and not everything:
        yield Row("", 1, "", aside=f"# {count(left, 'more field')} (--all)")


def _indexed(path: str) -> str:
    """A leaf path with a named container back at its index: one container a service is all we make."""
    start = path.find("containers[")
    return path if start < 0 else path[:start] + "containers[0]" + path[path.index("]", start) + 1 :]
