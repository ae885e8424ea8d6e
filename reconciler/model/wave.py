"""Waves: a change of many live sites, walked a few first. The durable object, and which moves of it are allowed.

    proposed ─→ walking 1 ─→ baking 1 ─→ walking 2 ─→ … ─→ walking N ─→ done
                   │  any of them ⇄ paused ·  → aborted (too much went wrong) ·  → superseded (Git wants another thing)

Every move says who made it, when and why; a move that the table does not allow raises. Nothing here knows the clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from reconciler.model.ids import Address
from reconciler.model.shape import NAMES, OBJECT, ROWS, TEXT, TEXTS, shaped
from reconciler.model.visit import Heard


class Phase(StrEnum):
    PROPOSED = "proposed"
    WALKING = "walking"
    BAKING = "baking"
    PAUSED = "paused"
    DONE = "done"
    ABORTED = "aborted"
    SUPERSEDED = "superseded"


ALLOWED: Mapping[Phase, frozenset[Phase]] = {
    Phase.PROPOSED: frozenset({Phase.WALKING, Phase.PAUSED, Phase.ABORTED, Phase.SUPERSEDED}),
    Phase.WALKING: frozenset({Phase.BAKING, Phase.DONE, Phase.PAUSED, Phase.ABORTED, Phase.SUPERSEDED}),
    Phase.BAKING: frozenset({Phase.WALKING, Phase.PAUSED, Phase.ABORTED, Phase.SUPERSEDED}),
    Phase.PAUSED: frozenset({Phase.PROPOSED, Phase.WALKING, Phase.BAKING, Phase.ABORTED, Phase.SUPERSEDED}),
    Phase.DONE: frozenset(),
    Phase.ABORTED: frozenset({Phase.SUPERSEDED}),
    Phase.SUPERSEDED: frozenset(),
}
"""Which phase may follow which. Aborted waves stand in the way until Git wants something else of their targets."""

STANDING = frozenset({Phase.PROPOSED, Phase.WALKING, Phase.BAKING, Phase.PAUSED, Phase.ABORTED})
"""Phases in which waves still say what may be walked."""


class IllegalMoveError(Exception):
    """A move that the table does not allow: somebody else's came first, or a bug."""


@dataclass(frozen=True, slots=True)
class Wave:
    """Targets that are walked together ("tenant/NAME", "shard/NAME", "fleet"), sorted. `sites`: the live sites they
    concern; `shards`: how many shards those are on; `bake`: seconds before the next wave may start."""

    targets: tuple[str, ...]
    sites: int
    shards: int
    bake: int

    def to_json(self) -> dict[str, Any]:
        return {"targets": list(self.targets), "sites": self.sites, "shards": self.shards, "bake_seconds": self.bake}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Wave":
        shaped(row, {"targets": NAMES, "sites": (int,), "shards": (int,), "bake_seconds": (int,)})
        return cls(tuple(row["targets"]), row["sites"], row["shards"], row["bake_seconds"])


@dataclass(frozen=True, slots=True)
class Move:
    """One line of the log: from here on the waves are in this phase, at this wave (counted from 1; 0 before any).

    `until`: with BAKING, when the bake is over.
    """

    phase: Phase
    wave: int
    at: datetime
    actor: str
    why: str
    until: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "phase": str(self.phase), "wave": self.wave, "at": self.at.isoformat(), "actor": self.actor,
            "why": self.why, "until": self.until.isoformat() if self.until else None,
        }  # fmt: skip

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Move":
        shaped({"until": "", **row}, {"phase": TEXT, "wave": (int,), "at": TEXT, "actor": TEXT, "why": TEXT})
        until = datetime.fromisoformat(row["until"]) if row["until"] else None
        at = datetime.fromisoformat(row["at"])
        return cls(Phase(row["phase"]), row["wave"], at, row["actor"], row["why"], until)


@dataclass(frozen=True, slots=True)
class Course:
    """How one wave went. `before`: shard label -> version id when it began (None: no version): where a rollback goes.

    `sick`: targets that were not healthy before it began; `failed`: those of which something failed; `visits`: what
    visitors met before it began, by target (model/visit.py `Heard`), of those that were asked.
    """

    before: Mapping[str, str | None] = field(default_factory=dict)
    sick: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    visits: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        row = {"before": dict(self.before), "sick": list(self.sick), "failed": list(self.failed)}
        return {**row, "visits": dict(self.visits)} if self.visits else row

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Course":
        row = shaped({"visits": {}, **row}, {"before": OBJECT, "sick": NAMES, "failed": NAMES, "visits": TEXTS})
        visits = {target: Heard(word).value for target, word in row["visits"].items()}
        return cls(dict(row["before"]), tuple(row["sick"]), tuple(row["failed"]), visits)


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who makes a move, when."""

    at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class Waves:
    """A walk in waves. `plan`: the digest of the plan it was made with; `wishes`: address -> what the commit wants of
    it (see `wish`), for every change in it; `courses`: wave number -> how it went; `log`: every move, oldest first.

    `percent`, `failures`: more failed sites of a wave than either abort it.
    """

    id: str
    commit: str
    plan: str
    waves: tuple[Wave, ...]
    wishes: Mapping[Address, str]
    log: tuple[Move, ...]
    courses: Mapping[int, Course] = field(default_factory=dict)
    percent: float = 2.0
    failures: int = 3

    # --- asking -----------------------------------------------------------------------------------------------------

    @property
    def last(self) -> Move:
        return self.log[-1]

    @property
    def phase(self) -> Phase:
        return self.last.phase

    @property
    def at_wave(self) -> int:
        """The wave that is walked or bakes, 0 before the first."""
        return self.last.wave

    @property
    def standing(self) -> bool:
        return self.phase in STANDING

    @property
    def running(self) -> bool:
        """Whether it goes on by itself."""
        return self.standing and self.phase not in (Phase.PAUSED, Phase.ABORTED)

    @property
    def until(self) -> datetime | None:
        """When the bake is over; None when nothing bakes."""
        return self.last.until if self.phase is Phase.BAKING else None

    @property
    def walked(self) -> int:
        """How many waves were walked to their end: those before the one at hand, and that one once it bakes."""
        if self.phase is Phase.DONE:
            return len(self.waves)
        whole = next((m for m in reversed(self.log) if m.phase in _AT_WORK), self.log[0])
        return whole.wave if whole.phase is Phase.BAKING else max(0, whole.wave - 1)

    @property
    def open(self) -> int:
        """How many waves may be walked now: those walked, and the one being walked."""
        return self.walked + 1 if self.phase is Phase.WALKING else self.walked

    def wave_of(self) -> dict[str, int]:
        """Target -> its wave's number."""
        return {target: n for n, wave in enumerate(self.waves, 1) for target in wave.targets}

    def too_many(self, failed: int, wave: int) -> bool:
        """Whether so many failed sites of a wave abort."""
        sites = max(1, self.waves[wave - 1].sites)
        return failed >= self.failures or (failed > 0 and 100 * failed / sites >= self.percent)

    # --- moving -----------------------------------------------------------------------------------------------------

    def walk(self, stamp: Stamp, why: str, course: Course) -> "Waves":
        """The next wave begins. Raises IllegalMoveError, also when its predecessor's bake is not over."""
        if self.phase is Phase.BAKING and self.last.until is not None and stamp.at < self.last.until:
            raise IllegalMoveError(f"waves {self.id}: wave {self.at_wave} bakes until {self.last.until:%H:%M}Z")
        if self.at_wave >= len(self.waves):
            raise IllegalMoveError(f"waves {self.id}: there is no wave {self.at_wave + 1}")
        moved = self._moved(Move(Phase.WALKING, self.at_wave + 1, stamp.at, stamp.actor, why))
        return replace(moved, courses={**self.courses, moved.at_wave: course})

    def bake(self, stamp: Stamp, why: str, failed: tuple[str, ...], *, walked: bool = True) -> "Waves":
        """The wave at hand is walked: it bakes (not when nothing of it was `walked`), or all is done after the last."""
        courses = {**self.courses, self.at_wave: replace(self.courses.get(self.at_wave, Course()), failed=failed)}
        if self.at_wave == len(self.waves):
            return replace(self._moved(Move(Phase.DONE, self.at_wave, stamp.at, stamp.actor, why)), courses=courses)
        seconds = self.waves[self.at_wave - 1].bake if walked else 0
        move = Move(Phase.BAKING, self.at_wave, stamp.at, stamp.actor, why, stamp.at + timedelta(seconds=seconds))
        return replace(self._moved(move), courses=courses)

    def abort(self, stamp: Stamp, why: str, failed: tuple[str, ...] = ()) -> "Waves":
        """`failed`: what failed of the wave at hand, beside what is known already."""
        course = self.courses.get(self.at_wave, Course())
        every = tuple(sorted({*course.failed, *failed}))
        courses = {**self.courses, self.at_wave: replace(course, failed=every)} if every else self.courses
        return replace(self._moved(Move(Phase.ABORTED, self.at_wave, stamp.at, stamp.actor, why)), courses=courses)

    def supersede(self, stamp: Stamp, why: str) -> "Waves":
        return self._moved(Move(Phase.SUPERSEDED, self.at_wave, stamp.at, stamp.actor, why))

    def pause(self, stamp: Stamp, why: str) -> "Waves":
        return self._moved(Move(Phase.PAUSED, self.at_wave, stamp.at, stamp.actor, why))

    def resume(self, stamp: Stamp, why: str) -> "Waves":
        """Back to where the pause began; a bake that ended meanwhile is over. Raises IllegalMoveError."""
        if self.phase is not Phase.PAUSED:
            raise IllegalMoveError(f"waves {self.id} are {self.phase}, not paused")
        before = next(m for m in reversed(self.log) if m.phase is not Phase.PAUSED)
        return self._moved(Move(before.phase, before.wave, stamp.at, stamp.actor, why, before.until))

    def _moved(self, move: Move) -> "Waves":
        if move.phase not in ALLOWED[self.phase]:
            raise IllegalMoveError(f"waves {self.id} are {self.phase}: they cannot become {move.phase}")
        return replace(self, log=(*self.log, move))

    # --- as text ----------------------------------------------------------------------------------------------------

    def chart(self) -> dict[str, Any]:
        """What never changes of it: worth a file of its own, for a fleet's wishes are long."""
        return {
            "id": self.id, "commit": self.commit, "plan": self.plan, "waves": [w.to_json() for w in self.waves],
            "wishes": {str(a): wish for a, wish in self.wishes.items()},
            "abort": {"percent": self.percent, "failures": self.failures},
        }  # fmt: skip

    def progress(self) -> dict[str, Any]:
        """What changes with every move."""
        courses = {str(n): course.to_json() for n, course in self.courses.items()}
        return {"log": [move.to_json() for move in self.log], "courses": courses}

    @classmethod
    def from_json(cls, chart: Mapping[str, Any], progress: Mapping[str, Any]) -> "Waves":
        """Raises KeyError, TypeError or ValueError for what is none of ours."""
        shaped(chart, {"id": TEXT, "commit": TEXT, "plan": TEXT, "waves": ROWS, "wishes": TEXTS, "abort": OBJECT})
        shaped(progress, {"log": ROWS, "courses": OBJECT})
        if not progress["log"]:
            raise ValueError("waves without a first move")
        return cls(
            id=chart["id"], commit=chart["commit"], plan=chart["plan"],
            waves=tuple(Wave.from_json(w) for w in chart["waves"]),
            wishes={Address.parse(a): wish for a, wish in chart["wishes"].items()},
            log=tuple(Move.from_json(m) for m in progress["log"]),
            courses={int(n): Course.from_json(c) for n, c in progress["courses"].items()},
            percent=chart["abort"]["percent"], failures=chart["abort"]["failures"],
        )  # fmt: skip


_AT_WORK = frozenset({Phase.PROPOSED, Phase.WALKING, Phase.BAKING})
