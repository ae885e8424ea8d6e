"""`aipress trace`: "I pushed, why is it not live?" The way of a commit to a target, from git, the history and the audit
log of this state folder alone: no cloud is asked."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from reconciler.actions.audit import Records, Wanted, concerns, read
from reconciler.actions.history import touches
from reconciler.model.audit import Recorded
from reconciler.model.authorship import Committed
from reconciler.model.errors import InputError
from reconciler.model.fleet import Fleet
from reconciler.model.ids import Address, Target, TargetKind
from reconciler.model.version import FLEET_SHARD, Version
from reconciler.source.load import load
from reconciler.source.scope import placed

BACK = 200
"""Commits looked back for the newest one that is about the target."""
_REFUSALS = {
    "apply.refused": "refused", "items.left_out": "left out", "items.stale": "moved", "items.skipped": "skipped",
    "write.refused": "stopped",
}  # fmt: skip
"""Record -> the name of its step."""
_PULL = re.compile(r"(?:^Merge pull request |\()[#!]([0-9]{1,9})\b")


@dataclass(frozen=True, slots=True)
class Step:
    """One part of the way. `state`: done, held, failed, waiting (for its turn), none (nothing to do there); `at`: ISO
    8601, "" where nobody knows; `way_out`: what ends it."""

    name: str
    state: str
    told: str
    at: str = ""
    who: str = ""
    way_out: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    target: Target
    commit: str
    steps: tuple[Step, ...]
    end: str
    """One sentence: where it stands, and what to do."""

    def to_json(self) -> dict[str, Any]:
        steps = [asdict(step) for step in self.steps]
        return {"target": str(self.target), "commit": self.commit, "steps": steps, "end": self.end}


def trace(records: Records, target: Target, commit: str = "") -> Trace:
    """`commit` "" : the newest that changed a file the target is made from. Raises InputError for no such commit or
    target."""
    head = records.repository.resolve("HEAD")
    shard = _shard(records, target, head)
    fleet = load(records.repository, head, shards=[shard] if shard else ())
    chosen = records.repository.told(commit) if commit else _newest(records, fleet, target, head)
    way = _Way(records, target, shard, chosen, head, fleet)
    steps = tuple(way.steps())
    return Trace(target, chosen.id, steps, _end(target, steps))


@dataclass(frozen=True, slots=True)
class _Way:
    records: Records
    target: Target
    shard: str
    commit: Committed
    head: str
    fleet: Fleet

    def steps(self) -> Iterator[Step]:
        pull = _PULL.search(self.commit.subject)
        of = f" (pull request {pull[1]})" if pull else ""
        at = self.commit.at.isoformat()
        yield Step("commit", "done", f"{self.commit.subject}{of}", at, self.commit.author)
        if not self._reaches(self.head):
            out = "merge it, or fetch what was merged"
            yield Step("branch", "held", "it is not in HEAD, which is what is applied", way_out=out)
            return
        files = about(self.records, self.fleet, self.target, self.commit)
        told = ", ".join(files) if files else "it changed no file that this target is made from"
        yield Step("files", "done" if files else "none", told)
        yield from self._wrong()
        rows = [row for row in self._rows() if self._reaches(row.note.commit)]
        yield from self._planned(rows)
        version, newest = self._version()
        if version is None:
            yield from self._stands()
            yield from self._last(rows)
        yield from self._applied(version, newest, rows)

    def _reaches(self, commit: str) -> bool:
        return bool(commit) and self.records.repository.is_behind(self.commit.id, commit)

    def _rows(self) -> Sequence[Recorded]:
        """Of the target, and of whole orders."""
        wanted = Wanted(since=self.commit.at, shard=self.shard)
        orders = ("apply.begun", "apply.refused", "apply.ended")
        return [r for r in read(self.records, wanted) if r.note.what in orders or concerns(r, self.target, self.shard)]

    def _wrong(self) -> Iterator[Step]:
        for problem in self.fleet.errors:
            if problem.target == str(self.target.whole) or not problem.target:
                told = f"{problem.where}: {problem.message}"
                yield Step("file", "held", told, way_out=problem.help or "mend the file and push again")

    def _planned(self, rows: Sequence[Recorded]) -> Iterator[Step]:
        first = next((row for row in rows if row.note.what == "apply.begun"), None)
        if first:
            note = first.note
            yield Step("planned", "done", note.plan, first.at.isoformat(), f"{note.actor} ({note.trigger})")
        for row in rows:
            if row.note.what == "guard.passed":
                told = f"the guard {row.note.detail.get('guard')} was passed by name: {row.note.trigger}"
                yield Step("guards", "done", told, row.at.isoformat(), row.note.actor)

    def _stands(self) -> Iterator[Step]:
        """What stops the target now."""
        now, whole = self.records.clock.now(), self.target
        for hold in self.records.history.holds():
            if hold.active(now) and hold.covers(whole, self.shard, whole.environment):
                yield Step(
                    "hold", "held", f"{hold.target}: {hold.told(now)}", hold.since.isoformat(), hold.actor,
                    f"aipress resume {hold.target}",
                )  # fmt: skip
        for mark in self.records.history.poisons():
            if mark.active(now) and Target.parse(mark.target).whole == whole.whole:
                out = f"aipress resume {mark.target}"
                yield Step("left", "held", f"{mark.told()}; it does not come back before", way_out=out)
        for waves in self.records.history.waves():
            number = waves.wave_of().get(str(whole.whole), 0) if waves.standing else 0
            if number:
                told = f"wave {number} of {len(waves.waves)} of {waves.id}, which is {waves.phase} at {waves.at_wave}"
                out = f"aipress waves show {waves.id}"
                yield Step("wave", "waiting", told, waves.last.at.isoformat(), waves.last.actor, out)

    def _last(self, rows: Sequence[Recorded]) -> Iterator[Step]:
        """The newest refusals: of the whole apply, of the target's items, of a write by a gate."""
        newest = {row.note.what: row for row in rows}
        for what, name in _REFUSALS.items():
            if row := newest.get(what):
                told, at = str(row.note.detail.get("why", "")), row.at.isoformat()
                yield Step(name, "held", told, at, row.note.actor, f"aipress why {self.target}")

    def _version(self) -> tuple[Version | None, Version | None]:
        """The first version at this commit or a later one in which something of the target was tried, and the newest of
        those."""
        found = []
        for version in self.records.history.versions(self.shard):
            if not self._reaches(version.fleet_commit):
                break
            if self.target.kind is not TargetKind.TENANT or touches(version, self.target):
                found.append(version)
        return (found[-1], found[0]) if found else (None, None)

    def _applied(self, version: Version | None, newest: Version | None, rows: Sequence[Recorded]) -> Iterator[Step]:
        if version is None or newest is None:
            heads = self.records.history.versions(self.shard, 1)
            if heads and self._reaches(heads[0].fleet_commit):
                told = f"{heads[0].label} is of this commit or a later one, and nothing of {self.target} had to change"
                yield Step("applied", "none", told, heads[0].at.isoformat())
            else:
                yield Step("applied", "waiting", "no version has it yet", way_out=f"aipress apply {self.target}")
            return
        failed = [row for row in newest.items if row["result"] != "done" and self._mine(row)]
        took = _spent(rows, version.plan)
        told = f"{version.label}: {version.summary}{took}"
        who = f"{version.actor} ({version.trigger})"
        yield Step("applied", "failed" if failed else "done", told, version.at.isoformat(), who)
        for row in failed[:5]:
            why = f"{row['action']} {row['resource']}: {row['result']}: {row['message']}"
            yield Step("failed", "failed", why, newest.at.isoformat(), way_out=f"aipress why {self.target}")
        if newest is not version:
            yield Step("since", "done", f"{newest.label}: {newest.summary}", newest.at.isoformat(), newest.actor)

    def _mine(self, row: Mapping[str, Any]) -> bool:
        return self.target.kind is not TargetKind.TENANT or Address.parse(row["resource"]).belongs_to(self.target)


def about(records: Records, fleet: Fleet, target: Target, commit: Committed) -> tuple[str, ...]:
    """The files that a commit changed and that the target is made from."""
    if not commit.parents:
        changed: Sequence[str] = [file.path for file in records.repository.files(commit.id)]
    else:
        changed = records.repository.changed(commit.parents[0], commit.id)
    if target.kind is TargetKind.FLEET:
        return tuple(changed)
    written = fleet.tenants.get(target.name) if target.kind is TargetKind.TENANT else None
    shard = fleet.where.get(target.name, "") if target.kind is TargetKind.TENANT else target.name
    own = f"shards/{shard}/shard.yaml" if target.kind is TargetKind.TENANT else f"shards/{shard}/"
    mine = {"fleet.yaml", *([f"tiers/{written.document.spec.tier}.yaml"] if written else [])}
    end = f"/tenants/{target.name}/tenant.yaml"
    return tuple(
        path for path in changed
        if path in mine or path.startswith(own) or (target.kind is TargetKind.TENANT and path.endswith(end))
    )  # fmt: skip


def _newest(records: Records, fleet: Fleet, target: Target, head: str) -> Committed:
    at = first = records.repository.told(head)
    for _ in range(BACK):
        if about(records, fleet, target, at) or not at.parents:
            return at
        at = records.repository.told(at.parents[0])
    return first


def _shard(records: Records, target: Target, head: str) -> str:
    if target.kind is not TargetKind.TENANT:
        return FLEET_SHARD if target.kind is TargetKind.FLEET else target.name
    if target.name in (where := placed(records.repository, head)):
        return where[target.name]
    for shard in records.history.heads():
        newest = records.history.versions(shard, 1)
        if newest and target.name in newest[0].tenants:
            return shard
    raise InputError(f"no version records {target}, and no file declares it", "`aipress status` lists what there is")


def _spent(rows: Sequence[Recorded], plan: str) -> str:
    """How many writes it took and how long, where the audit log of this host has them."""
    begun = [row.at for row in rows if row.note.what == "write.begun" and row.note.plan == plan]
    over = [row.at for row in rows if row.note.what == "write.answered" and row.note.plan == plan]
    if not begun or not over:
        return ""
    seconds = (max(over) - min(begun)).total_seconds()
    return f" ({len(begun)} write{'s' if len(begun) > 1 else ''} of its own in {seconds:.0f} s)"


def _end(target: Target, steps: Sequence[Step]) -> str:
    stop = next((step for step in steps if step.state == "held"), None)
    bad = next((step for step in reversed(steps) if step.state == "failed"), None)  # its own words, then the version's
    wait = next((step for step in steps if step.state == "waiting"), None)
    applied = next((step for step in steps if step.name == "applied"), None)
    if applied and applied.state in ("done", "none"):
        late = f" But at HEAD: {stop.told}." if stop and stop.name == "file" else ""
        return f"It is applied; whether somebody changed it since: aipress drift list {target}.{late}"
    found = bad or stop or wait
    if found is None:
        return f"It waits for the next apply: aipress apply {target}."
    word = {"held": "It is stopped", "failed": "It failed", "waiting": "It waits"}[found.state]
    return f"{word}: {found.told}." + (f" To go on: {found.way_out}" if found.way_out else "")
