"""What was shown on a pull request is what runs after its merge (DESIGN §6): what came to mean something else is held,
target by target, and asked again on the pull request; what only moved is applied, and noted.

Shown plans are compared as long as something of them is to be done, so that later waves and a restart are held to them
as well. A hold ends with a yes on the pull request, with `aipress resume`, or when Git says something else by now.
"""

import re
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from reconciler.cycle.world import World
from reconciler.daemon.shown import Shown, ShownPlans
from reconciler.model.hold import Hold, HoldKind
from reconciler.model.ids import Address, Scope, Target
from reconciler.model.plan import Change, Plan
from reconciler.planning.approved import since_shown
from reconciler.source.scope import scope_of

US = "aipress"
_ABOUT = re.compile(r"pull request ([0-9]{1,10}): ")
MOST_HOLDS = 100
"""Targets that are held one by one; of more, their shards are."""


@dataclass(frozen=True, slots=True)
class Merged:
    """A pull request whose merge this cycle applies: how much of it only moved, and what waits, and why."""

    shown: Shown
    noted: int = 0
    held: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Contract:
    """`blob(commit, path)`: the object of a fleet file ("" : none)."""

    world: World
    plans: ShownPlans
    blob: Callable[[str, str], str]
    merged: tuple[Merged, ...] = ()
    """Of the cycle that runs now."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _approved: list[tuple[int, str]] = field(default_factory=list)

    def approved(self, number: int, digest: str) -> None:
        """Somebody who may said yes to what waits; from any thread. `digest`: at least its first digits."""
        with self._lock:
            self._approved.append((number, digest))

    def waits_for(self, number: int) -> Plan | None:
        """What of a pull request waits for a yes."""
        shown = self.plans.of(number)
        return shown.asked if shown else None

    def asked_for(self) -> Scope | None:
        """What was said yes to since: its holds are lifted, and it counts as shown. Where it is to be looked at."""
        with self._lock:
            given, self._approved = self._approved, []
        targets: set[Target] = set()
        for number, digest in given:
            shown = self.plans.of(number)
            if shown is None or shown.asked is None:
                continue
            if not shown.asked.digest.removeprefix("sha256:").startswith(digest):
                continue  # it was asked anew meanwhile
            self.plans.keep(_agreed(shown, shown.asked))
            ours = [h for h in self.world.history.holds() if _number(h) == number]
            self.world.history.drop_holds(ours, US, f"pull request {number}: said yes")
            targets |= {c.address.target.whole for c in shown.asked.changes}
        return scope_of(tuple(sorted(targets))) if targets else None

    def withhold(self, plan: Plan) -> dict[Address, str]:
        """Before a plan is walked. Raises AipressError when holds or plans cannot be written: then nothing is."""
        left: dict[Address, str] = {}
        found: list[Merged] = []
        merged = tuple(self.plans.merged(lambda path: self.blob(plan.fleet_head, path)))
        self._overtaken(plan.fleet_head, {shown.number for shown in merged})
        for shown in merged:
            since = since_shown(shown.plan, plan)
            outstanding = {c.address for c in shown.plan.changes} & {c.address for c in plan.changes}
            if not outstanding and "fleet" in plan.scope:
                self.plans.drop(shown.number)  # done, or taken back
                found.append(Merged(shown))
                continue
            held = self._held(shown, plan, since.changed)
            left |= held
            words = {str(a.target.whole): why for a, why in since.changed.items()}
            found.append(Merged(shown, len(since.noted), words))
        self.merged = tuple(found)
        return left

    def _overtaken(self, commit: str, merged: Collection[int]) -> None:
        """Git says something else by now than what waits for a yes: nobody is asked any more. What is not known here
        (another host asked) waits on."""
        over = [
            hold for hold in self.world.history.holds()
            if (number := _number(hold)) and number not in merged and self.waits_for(number) is not None
        ]  # fmt: skip
        if over:
            self.world.history.drop_holds(over, US, f"at {commit[:12]} Git says something else")
            for number in {_number(hold) for hold in over}:
                self.plans.drop(number)

    def _held(self, shown: Shown, plan: Plan, changed: Mapping[Address, str]) -> dict[Address, str]:
        """All of a target waits with the item that changed."""
        if not changed:
            return {}
        targets = {a.target.whole for a in changed}
        items = [c for c in plan.changes if c.address.target.whole in targets]
        # Nothing but the items, so that what is asked is asked in the same words until it changes.
        asked = Plan(plan.cloud, shown.plan.fleet_base, shown.plan.fleet_head, {}, tuple(items))
        wide = len(targets) > MOST_HOLDS
        names = {_held_as(c, wide=wide) for c in items}
        missing = names - {h.target for h in self.world.history.holds() if h.kind == HoldKind.REVIEW}
        if missing and shown.asked is not None and shown.asked.digest == asked.digest:
            # The same was asked before, and a person lifted a hold: a yes to what it held. The other holds stand.
            agreed = tuple(c for c in items if _held_as(c, wide=wide) in missing)
            self.plans.keep(_agreed(shown, replace(asked, changes=agreed)))
            return {}
        why = _reason(shown.number)
        for name in sorted(missing):
            now = self.world.clock.now()
            self.world.history.set_hold(Hold(name, why, US, now, None, HoldKind.REVIEW.value, plan.fleet_head))
        if shown.asked is None or shown.asked.digest != asked.digest:
            self.plans.keep(replace(shown, asked=asked))  # after the holds: a kill in between lifts none
        return {c.address: f"{why} ({changed.get(c.address, 'another change of this target does')})" for c in items}


def _agreed(shown: Shown, asked: Plan) -> Shown:
    """What was asked counts as shown."""
    yes = {c.address: c for c in asked.changes}
    kept = [yes.pop(c.address, c) for c in shown.plan.changes]
    return replace(shown, plan=replace(shown.plan, changes=(*kept, *yes.values())), asked=None)


def _held_as(change: Change, *, wide: bool) -> str:
    """The target of the hold that keeps it."""
    if wide:
        return f"shard/{change.shard}" if change.shard else "fleet"
    return str(change.address.target.whole)


def _reason(number: int) -> str:
    return f"pull request {number}: it means something else now than what was shown there"


def _number(hold: Hold) -> int:
    """The pull request that a hold of ours is about; 0: of none."""
    found = _ABOUT.match(hold.reason) if hold.kind == HoldKind.REVIEW else None
    return int(found[1]) if found else 0
