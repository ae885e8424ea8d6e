"""What follows a merge, beside the loop: it is held to what was shown, and how far it has come is told on the host."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from reconciler.daemon.announcing import Announcing, Word, check_of
from reconciler.daemon.beside import Hearer
from reconciler.daemon.contract import Contract, Merged
from reconciler.daemon.converging import Converging
from reconciler.daemon.serve import Reported
from reconciler.daemon.waking import Bell
from reconciler.model.ids import Address, Scope
from reconciler.model.mark import Mark
from reconciler.model.outcome import Event
from reconciler.model.plan import Plan
from reconciler.model.ports import Clock
from reconciler.report.converging import comment, line

EVERY = 5.0
"""Seconds between two countings within a cycle."""


@dataclass(slots=True)
class Merges(Hearer):
    """`fleet`: the fleet's folder in its repository, which marks its comments; `say` is told how far a commit is, once
    it changed."""

    contract: Contract
    converging: Converging
    announcing: Announcing
    clock: Clock
    fleet: str
    say: Callable[[str], None] = lambda _line: None
    _bell: Bell | None = None
    _counted: datetime | None = None

    @contextmanager
    def opened(self, bell: Bell) -> Iterator[None]:
        self._bell = bell
        with self.announcing.opened(bell):
            yield

    def approved(self, number: int, digest: str) -> None:
        """From any thread: a yes to what waits."""
        self.contract.approved(number, digest)
        if self._bell is not None:
            self._bell.wake.set()

    def asked_for(self) -> Scope | None:
        return self.contract.asked_for()

    def withhold(self, plan: Plan) -> Mapping[Address, str]:
        left = self.contract.withhold(plan)
        self.converging.planned(plan, left)
        self._announce()
        return left

    def happened(self, event: Event) -> None:
        self.converging.happened(event)
        now = self.clock.now()
        if self._counted is None or not 0 <= (now - self._counted).total_seconds() < EVERY:
            self._announce()

    def told(self, reported: Reported) -> None:
        if reported.applied is None or reported.commit != self.converging.now().commit:
            return
        self.converging.told(reported)
        self._announce(self.contract.merged)

    def _announce(self, merged: tuple[Merged, ...] = ()) -> None:
        now, self._counted = self.converging.now(), self.clock.now()
        if not now.commit:
            return
        told = line(now)
        self.announcing.say(Word(check_of(now, told), tuple(self._comment(one) for one in merged)))
        self.say(told)

    def _comment(self, one: Merged) -> tuple[int, Mark, str]:
        shown, now = one.shown, self.converging.now()
        asked = self.contract.waits_for(shown.number) if one.held else None
        at = f"{self.clock.now():%Y-%m-%dT%H:%M:%SZ}"
        mark = Mark("apply", self.fleet, shown.head, now.commit, asked.digest if asked else "", at)
        return shown.number, mark, comment(mark, now, one.noted, asked, one.held)
