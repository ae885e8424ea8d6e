"""How far the targets that a commit changes have come to what it says."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Convergence:
    """Targets in text form. `failed`: target -> why; `waiting`: target -> for what, in a word or two. `left`: seconds
    that it will take from here, as far as it has gone until now (None: not known)."""

    commit: str
    targets: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()
    failed: Mapping[str, str] = field(default_factory=dict)
    waiting: Mapping[str, str] = field(default_factory=dict)
    left: float | None = None

    @property
    def total(self) -> int:
        return len(self.targets)

    @property
    def open(self) -> int:
        """Neither there nor failed."""
        return self.total - len(self.done) - len(self.failed)
