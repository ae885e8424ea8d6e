"""Holds: a ref of their own, one file per hold, changed by compare-and-swap; `git log` on it tells who held what."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reconciler.history.shelf import DamagedError, Entry, MovedError, Shelf
from reconciler.model.errors import RefusedError
from reconciler.model.version import Hold

TURNS = 50
"""Times a change is made again because somebody else's came first."""


@dataclass(frozen=True, slots=True)
class _Edit:
    """The holds as they shall be, and what the log says about it."""

    holds: Sequence[Hold]
    message: str
    author: str
    at: int


class Holds:
    def __init__(self, shelf: Shelf, ref: str) -> None:
        self._shelf = shelf
        self._ref = ref

    def all(self) -> Sequence[Hold]:
        """By target. Raises DamagedError or ValueError for what is no hold."""
        return self._at(self._shelf.head(self._ref))

    def set(self, hold: Hold) -> None:
        """Set or replace the hold of this kind on this target."""
        until = f" until {hold.until.isoformat()}" if hold.until else ""
        reason = " ".join(hold.reason.split())

        def edit(held: Sequence[Hold]) -> _Edit:
            kept = [h for h in held if (h.target, h.kind) != (hold.target, hold.kind)]
            message = f"{hold.kind} {hold.target}{until}: {reason}\n"
            return _Edit([*kept, hold], message, hold.actor, int(hold.since.timestamp()))

        self._change(edit)

    def clear(self, target: str, actor: str, at: int) -> Sequence[Hold]:
        """Lift every hold on exactly this target (`at`: Unix seconds). Returns those lifted."""
        lifted: list[Hold] = []

        def edit(held: Sequence[Hold]) -> _Edit | None:
            lifted[:] = [h for h in held if h.target == target]
            kept = [h for h in held if h.target != target]
            return _Edit(kept, f"resume {target}\n", actor, at) if lifted else None

        self._change(edit)
        return lifted

    def _at(self, identity: str | None) -> list[Hold]:
        if identity is None:
            return []
        holds = []
        for path, content in self._shelf.files(self._shelf.commit(identity)).items():
            try:
                holds.append(Hold.from_json(json.loads(content)))
            except (KeyError, TypeError, AttributeError) as error:
                raise DamagedError(f"{path} is no hold: {error!r}") from error
        return sorted(holds, key=lambda hold: (hold.target, hold.kind))

    def _change(self, edit: Callable[[Sequence[Hold]], _Edit | None]) -> None:
        for _ in range(TURNS):
            head = self._shelf.head(self._ref)
            wanted = edit(self._at(head))
            if wanted is None:
                return
            files = {_path(hold): _content(hold) for hold in wanted.holds}
            try:
                self._shelf.put(self._ref, head, Entry(files, wanted.message, wanted.author, wanted.at))
            except MovedError:
                continue
            return
        raise RefusedError("the holds keep changing under us", "Somebody else changes holds right now: try again.")


def _path(hold: Hold) -> str:
    return f"holds/{hold.target}/{hold.kind}.json"


def _content(hold: Hold) -> bytes:
    return (json.dumps(hold.to_json(), indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()
