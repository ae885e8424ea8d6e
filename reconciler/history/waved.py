"""Waves under way: a ref of their own, two files for each, moved on by compare-and-swap; `git log` tells every move."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.history.held import TURNS
from reconciler.history.packed import PLAIN, pack, unpack
from reconciler.history.shelf import DamagedError, Entry, MovedError, Shelf
from reconciler.model.errors import RefusedError
from reconciler.model.wave import Waves

PACKED = "chart.packed"
FINISHED_KEPT = 20
"""Waves that are over and still listed; older ones are in the ref's log."""


class WavesUnderWay:
    def __init__(self, shelf: Shelf, ref: str) -> None:
        self._shelf = shelf
        self._ref = ref
        self._read: tuple[str, list[Waves]] | None = None
        """The newest that was read: of a whole fleet that takes a second, and a cycle asks several times."""

    def all(self) -> Sequence[Waves]:
        """Oldest first. Raises DamagedError or ValueError for what is none."""
        return self._at(self._shelf.head(self._ref))

    def move(self, moved: Sequence[Waves]) -> None:
        """Write these down, all or none. Each is new, or has the stored log and more behind it.

        Raises RefusedError when somebody else's move came first.
        """
        for _ in range(TURNS):
            head = self._shelf.head(self._ref)
            stored = {waves.id: waves for waves in self._at(head)}
            for waves in moved:
                _require_next(stored.get(waves.id), waves)
            last = max((waves.last for waves in moved), key=lambda move: move.at)
            kept = _kept({**stored, **{waves.id: waves for waves in moved}})
            entry = Entry(_files(kept), _message(moved), last.actor, int(last.at.timestamp()))
            try:
                self._shelf.put(self._ref, head, entry)
            except MovedError:  # somebody was quicker: read again
                continue
            return
        raise RefusedError("the waves keep changing under us", "Somebody else moves waves right now: try again.")

    def _at(self, identity: str | None) -> list[Waves]:
        if identity is None:
            return []
        if (known := self._read) is not None and known[0] == identity:
            return list(known[1])
        found: dict[str, dict[str, Any]] = {}
        try:
            for path, content in self._shelf.files(self._shelf.commit(identity)).items():
                _, name, file = path.split("/")
                found.setdefault(name, {})[file] = unpack(content) if file == PACKED else json.loads(content)
            read = [Waves.from_json(_chart(files), files["progress.json"]) for files in found.values()]
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DamagedError(f"it holds something that is no waves: {error!r}") from error
        found_now = sorted(read, key=lambda waves: (waves.log[0].at, waves.id))
        self._read = (identity, found_now)
        return list(found_now)


def _chart(files: Mapping[str, Any]) -> Any:
    return files[PACKED] if PACKED in files else files["chart.json"]


def _require_next(stored: Waves | None, waves: Waves) -> None:
    length = len(stored.log) if stored else 0
    if stored is None or (len(waves.log) > length and waves.log[:length] == stored.log):
        return
    raise RefusedError(
        f"waves {waves.id} moved on: {stored.last.actor} made them {stored.phase} (wave {stored.at_wave}): "
        f"{stored.last.why}",
        "Another process walks them. `aipress waves show` says where they are; run the same command again.",
    )


def _kept(every: Mapping[str, Waves]) -> list[Waves]:
    finished = sorted((w for w in every.values() if not w.standing), key=lambda w: w.last.at)
    return [w for w in every.values() if w.standing] + finished[-FINISHED_KEPT:]


def _files(kept: Sequence[Waves]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for waves in kept:
        chart = waves.chart()
        plain = _content(chart)
        if len(plain) <= PLAIN:
            files[f"waves/{waves.id}/chart.json"] = plain
        else:
            files[f"waves/{waves.id}/{PACKED}"] = pack(chart)
        files[f"waves/{waves.id}/progress.json"] = _content(waves.progress())
    return files


def _message(moved: Sequence[Waves]) -> str:
    lines = [
        f"waves {w.id}: {w.phase} {w.at_wave} of {len(w.waves)}: {' '.join(w.last.why.split())[:200]}" for w in moved
    ]
    return "\n".join(lines) + "\n"


def _content(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
