"""One write that is about to be made, with everything that the rules about it look at."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from reconciler.applying.tally import Tally
from reconciler.kinds.catalog import kind_of
from reconciler.model.bounds import Bounds
from reconciler.model.effect import Effect
from reconciler.model.hold import Hold
from reconciler.model.ids import TargetKind
from reconciler.model.plan import Action, Change
from reconciler.model.ports import Call, Halt, Later, No

LOOK_AGAIN = 10.0
"""Seconds until something that another change must finish first is asked for again."""
STRANDED = timedelta(minutes=30)
"""A change of a Cloud SQL instance that says nothing for so long is not waited for any more."""
NEVER = datetime.min.replace(tzinfo=UTC)
Word = Later | No | Halt | None


@dataclass(frozen=True, slots=True)
class Asked:
    """One write that is about to be made. `plan` and `commit`: of the order it belongs to. `holds`: those in force that
    the order has no leave to pass."""

    change: Change
    call: Call
    plan: str
    commit: str
    tally: Tally
    bounds: Bounds
    now: datetime
    holds: tuple[Hold, ...] = ()
    since: datetime = NEVER
    """When the walk of the order began."""

    @property
    def half_done(self) -> bool:
        return self.change.action is Action.REPLACE and self.call.action in (Action.CREATE, Action.UPDATE)

    @property
    def repeat(self) -> bool:
        """Whether this order has made this very call before."""
        last = self.tally.last(self.call.request_id)
        return last is not None and last >= self.since

    @property
    def tenant(self) -> str:
        target = self.change.address.target
        return target.name if target.kind is TargetKind.TENANT else ""

    @property
    def live(self) -> bool:
        """Whether visitors of a live site may notice: what is created is not there yet."""
        if self.call.action is Action.CREATE or self.change.action is Action.ADOPT:
            return False
        names = self.bounds.live.get(self.change.shard, ())
        if self.tenant:
            return self.tenant in names
        return bool(names) if self.change.shard else self.bounds.sites > 0

    def effect(self) -> Effect:
        """The row that counts it, once it is admitted."""
        change = self.change
        action = change.action if change.action is Action.REPLACE else self.call.action
        return Effect(
            self.call.request_id, self.now, self.plan, self.commit, change.shard, str(change.address), str(action),
            self.live, kind_of(change.address.kind).data_bearing, bool(change.approval), self.repeat,
        )  # fmt: skip
