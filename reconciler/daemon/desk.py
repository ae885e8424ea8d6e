"""Takes a delivery in: verified, understood as hints, kept, and only then answered. What it says is never believed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from reconciler.daemon.inbox import Inbox, Received
from reconciler.forge.hints import COMMENT, PUSH, Hint, hints
from reconciler.forge.signatures import Delivery, Keys, Provider, marks, verified
from reconciler.model.errors import AipressError
from reconciler.model.ports import Clock


class Outcome(StrEnum):
    """What became of a delivery, as the metrics name it."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    """Verified, and about nothing that concerns us."""
    FORGED = "bad_signature"
    FULL = "full"


Counted = Callable[[str, str, str], None]
"""Hears provider, event and outcome of each delivery."""


@dataclass(frozen=True, slots=True)
class Knock:
    """One delivery at the door, and its answer; `agent` and `remote` are what the sender says and where it is."""

    provider: str
    outcome: str
    path: str
    status: int
    size: int
    seconds: float
    remote: str
    agent: str


def _unheard(_knock: Knock) -> None:
    """Nobody hears it."""


@dataclass(frozen=True, slots=True)
class Desk:
    """`is_fleet`: whether a hint is about the fleet repository; `ring`: look there now; `review`: one of its pull
    requests has news, which waits in the inbox; `knocked` hears of each answer of the door. Any thread may call."""

    keys: Mapping[Provider, Keys]
    inbox: Inbox
    clock: Clock
    is_fleet: Callable[[Hint], bool]
    ring: Callable[[], None]
    review: Callable[[], None]
    counted: Counted
    knocked: Callable[[Knock], None] = _unheard

    def take(self, delivery: Delivery) -> Outcome:
        """Never raises. FULL also when the inbox cannot be written: the sender is to come again."""
        now = self.clock.now()
        keys = self.keys.get(delivery.provider)
        if keys is None or not verified(delivery, keys, now):
            self.counted(delivery.provider, "", Outcome.FORGED)
            return Outcome.FORGED
        found = [hint for hint in hints(delivery) if hint.event != COMMENT or self.is_fleet(hint)]
        fleet = [hint for hint in found if hint.event == PUSH and self.is_fleet(hint)]
        outcome = Outcome.FULL
        try:
            received = self.inbox.receive(marks(delivery), [hint for hint in found if hint not in fleet], now)
            outcome = {Received.AGAIN: Outcome.DUPLICATE, Received.FULL: Outcome.FULL}.get(
                received, Outcome.ACCEPTED if found else Outcome.IGNORED
            )
        except AipressError:  # told by /readyz; nothing was kept, so it counts when it comes again
            outcome = Outcome.FULL
        if fleet and outcome in (Outcome.ACCEPTED, Outcome.FULL):
            self.ring()
        if outcome is Outcome.ACCEPTED and any(hint.event != PUSH and self.is_fleet(hint) for hint in found):
            self.review()
        self.counted(delivery.provider, found[0].event if found else "other", outcome)
        return outcome

    def told(self) -> str | AipressError:
        """What waits, for /readyz; or why the inbox cannot be used."""
        try:
            depth = self.inbox.depth()
        except AipressError as error:
            return error
        return f"{depth} waiting" if depth else ""

    def depth(self) -> float:
        try:
            return float(self.inbox.depth())
        except AipressError:
            return float("nan")
