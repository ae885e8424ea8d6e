"""What a plan says about waves: those it needs, and those it was made beside."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.model.ids import Address
from reconciler.model.shape import NAMES, NUMBER, OBJECT, ROWS, TEXTS, shaped
from reconciler.model.wave import Move, Phase, Stamp, Wave, Waves


@dataclass(frozen=True, slots=True)
class Planned:
    """What a plan says about waves. `waves`: those it asks for, empty when it needs none of its own; `wishes`: what it
    wants of each change in them; `seen`: the standing waves it was made beside, id -> length of their log, so that an
    apply knows whether they moved on; `superseded`: those of them that its commit replaces; `percent`, `failures`: how
    many failed sites of a wave abort."""

    waves: tuple[Wave, ...] = ()
    wishes: Mapping[Address, str] = field(default_factory=dict)
    seen: Mapping[str, int] = field(default_factory=dict)
    superseded: tuple[str, ...] = ()
    percent: float = 2.0
    failures: int = 3

    def __bool__(self) -> bool:
        return bool(self.waves or self.seen)

    def to_json(self) -> dict[str, Any]:
        return {
            "waves": [{"wave": n, **wave.to_json()} for n, wave in enumerate(self.waves, 1)],
            "wishes": {str(a): wish for a, wish in self.wishes.items()}, "seen": dict(self.seen),
            "superseded": list(self.superseded), "abort": {"percent": self.percent, "failures": self.failures},
        }  # fmt: skip

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Planned":
        """Raises ValueError or KeyError for what is none of ours."""
        shaped(row, {"waves": ROWS, "wishes": TEXTS, "seen": OBJECT, "superseded": NAMES, "abort": OBJECT})
        shaped(row["abort"], {"percent": NUMBER, "failures": (int,)})
        shaped(row["seen"], dict.fromkeys(row["seen"], (int,)))
        return cls(
            tuple(Wave.from_json(w) for w in row["waves"]),
            {Address.parse(a): wish for a, wish in row["wishes"].items()}, dict(row["seen"]), tuple(row["superseded"]),
            row["abort"]["percent"], row["abort"]["failures"],
        )  # fmt: skip

    def opened(self, plan: str, commit: str, stamp: Stamp, why: str) -> Waves:
        """The waves as they begin their life. Their id comes from the plan: who makes them twice makes the same."""
        first = Move(Phase.PROPOSED, 0, stamp.at, stamp.actor, why)
        return Waves(
            id=f"w{plan.removeprefix('sha256:')[:7]}", commit=commit, plan=plan, waves=self.waves, wishes=self.wishes,
            log=(first,), percent=self.percent, failures=self.failures,
        )  # fmt: skip
