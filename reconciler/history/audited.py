"""The history of a host that keeps an audit log: what is decided in it is recorded there, before it is done; and each
version names the newest record, so that a log that was cut or rewritten does not fit the history any more."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from reconciler.history.store import GitHistory
from reconciler.model.audit import Note
from reconciler.model.errors import AipressError
from reconciler.model.fence import Grant, Store
from reconciler.model.hold import Hold, Poison
from reconciler.model.ports import Audit, Clock
from reconciler.model.version import Version
from reconciler.model.wave import Waves


class AuditedHistory(GitHistory):
    """Raises what GitHistory raises, and AipressError when the audit log cannot be written: nothing is done then. A
    decision that somebody else's forestalled is recorded as refused."""

    def __init__(self, location: str | Path, clock: Clock, mirrors: Path | None, audit: Audit) -> None:
        super().__init__(location, clock, mirrors)
        self._audit = audit

    def publish(self, version: Version) -> Version:
        who = Note(
            "version.publish", version.actor, version.trigger, version.fleet_commit, version.plan, version.shard,
            detail={"version": version.label, "result": version.result, "summary": version.summary},
        )  # fmt: skip
        with self._recorded(who):
            anchor = self._audit.anchor()
            published = super().publish(replace(version, audit=str(anchor) if anchor else ""))
        detail = {"version": version.label, "id": published.id}
        self._audit.note(replace(who, what="version.published", detail=detail), sync=False)
        return published

    def set_hold(self, hold: Hold) -> None:
        until = hold.until.isoformat() if hold.until else "until resumed"
        detail = {"kind": str(hold.kind), "reason": hold.reason, "until": until}
        with self._recorded(Note("hold.set", hold.actor, target=hold.target, detail=detail)):
            super().set_hold(hold)

    def clear_hold(self, target: str, actor: str) -> Sequence[Hold]:
        if not any(hold.target == target for hold in self.holds()):
            return ()  # nothing is decided, so nothing is recorded
        note = Note("hold.lifted", actor, target=target)
        with self._recorded(note):
            lifted = super().clear_hold(target, actor)
        self._forestalled(note, lifted)
        return lifted

    def drop_holds(self, holds: Sequence[Hold], actor: str, why: str) -> Sequence[Hold]:
        held = [f"{hold.kind} {hold.target}" for hold in holds]
        note = Note("hold.over", actor, detail={"holds": held, "why": why})
        with self._recorded(note):
            dropped = super().drop_holds(holds, actor, why)
        self._forestalled(note, dropped)
        return dropped

    def set_poisons(self, poisons: Sequence[Poison]) -> None:
        left = [poison.target for poison in poisons]
        with self._recorded(Note("state.left", poisons[0].actor, detail={"targets": left, "why": poisons[0].told()})):
            super().set_poisons(poisons)

    def drop_poisons(self, poisons: Sequence[Poison], actor: str, why: str) -> Sequence[Poison]:
        named = [poison.target for poison in poisons]
        note = Note("state.may_return", actor, detail={"targets": named, "why": why})
        with self._recorded(note):
            dropped = super().drop_poisons(poisons, actor, why)
        self._forestalled(note, dropped)
        return dropped

    def move_waves(self, moved: Sequence[Waves]) -> None:
        known = {waves.id: len(waves.log) for waves in self.waves()}
        notes = [note for waves in moved for note in _moves(waves, known.get(waves.id, 0))]
        for note in notes:
            self._audit.note(note, sync=note is notes[-1])
        with self._or_refused(Note("waves.moved", notes[-1].actor if notes else "")):
            super().move_waves(moved)

    def swap_lease(self, before: Grant | None, after: Grant) -> bool:
        swapped = super().swap_lease(before, after)
        if swapped and before and not before.released and before.holder != after.holder:
            detail = {"from": str(before.holder), "to": str(after.holder), "generation": after.generation}
            self._audit.note(Note("lease.taken_over", "aipress", shard=after.shard, detail=detail), sync=False)
        return swapped

    def swap_store(self, before: Store | None, after: Store) -> bool:
        swapped = super().swap_store(before, after)
        if swapped and (before is None or before.epoch != after.epoch):
            detail = {"from": before.host if before else "", "to": after.host, "epoch": after.epoch}
            self._audit.note(Note("fleet.taken_over", "aipress", target="fleet", detail=detail), sync=False)
        return swapped

    def _forestalled(self, note: Note, taken_off: Sequence[object]) -> None:
        """What was recorded did not come about: somebody took all of it off in between."""
        if not taken_off:
            detail = {**note.detail, "why": "somebody else was first: nothing was there any more"}
            self._audit.note(replace(note, what=f"{note.what}.refused", detail=detail), sync=False)

    @contextmanager
    def _recorded(self, note: Note) -> Iterator[None]:
        self._audit.note(note)
        with self._or_refused(note):
            yield

    @contextmanager
    def _or_refused(self, note: Note) -> Iterator[None]:
        try:
            yield
        except AipressError as error:
            detail = {**note.detail, "why": str(error)}
            self._audit.note(replace(note, what=f"{note.what}.refused", detail=detail), sync=False)
            raise


def _moves(waves: Waves, known: int) -> Iterator[Note]:
    for move in waves.log[known:]:
        row = move.to_json()
        detail = {name: value for name, value in row.items() if isinstance(value, str | int)}
        yield Note(
            "waves.moved", move.actor, commit=waves.commit, plan=waves.plan, detail={"waves": waves.id, **detail}
        )
