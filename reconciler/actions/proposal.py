"""A rollback as it was computed and compiled, before anything of it is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.ids import Address, Target
from reconciler.model.version import Version


@dataclass(frozen=True, slots=True)
class Leg:
    """One target of one shard, on its way from `current` to `chosen`."""

    target: Target
    current: Version
    chosen: Version


@dataclass(frozen=True, slots=True)
class RollbackProposal:
    """What would be written, as one commit. `before` and `files`: texts by path; `differences`: where the compiled
    result would still not equal the versions (then nothing is written); `lost`: data that would come back empty;
    `notes` for people. `reached`: unit -> digest of the state returned to; `left`: those of the states left behind."""

    targets: tuple[Target, ...]
    legs: tuple[Leg, ...]
    commit: str
    before: Mapping[str, str]
    files: Mapping[str, str]
    differences: tuple[str, ...] = ()
    lost: tuple[Address, ...] = ()
    notes: tuple[str, ...] = ()
    to: str = ""
    reason: str = ""
    reached: Mapping[str, str] = field(default_factory=dict)
    left: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def target(self) -> Target:
        """The first of them, of most the only one."""
        return self.targets[0]

    @property
    def title(self) -> str:
        return ", ".join(map(str, self.targets))
