"""What the machine for one change asks of the world (requests), and what the world says back (responses)."""

from dataclasses import dataclass
from datetime import datetime

from reconciler.model.outcome import ItemOutcome
from reconciler.model.ports import Answer, Call
from reconciler.model.resource import Observation

# --- requests -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reread:
    """Read the object afresh (Cloud.get). Answered by Observed; by Refused or Stopped where we may not act upon it."""


@dataclass(frozen=True, slots=True)
class RecordIntent:
    """Write down durably what is about to be done. Answered by Recorded; Begin never comes before that."""

    intent: str


@dataclass(frozen=True, slots=True)
class Begin:
    """Make the call, which follows from a look at `looked`. Answered by Answered; by Stopped, Deferred, Refused or
    Aged when it was not made."""

    call: Call
    looked: datetime


@dataclass(frozen=True, slots=True)
class Poll:
    """Ask after a running operation. Answered by Answered. Never stopped: the effect is under way."""

    operation: str
    call: Call


@dataclass(frozen=True, slots=True)
class Wait:
    """Come back after some seconds. Answered by Waited; by Stopped only where `stoppable` (nothing is under way)."""

    seconds: float
    why: str
    stoppable: bool


@dataclass(frozen=True, slots=True)
class Close:
    """The intent is settled. Answered by Closed."""

    intent: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The end; no response. `item.seconds` is for the driver to fill in."""

    item: ItemOutcome


Request = Reread | RecordIntent | Begin | Poll | Wait | Close | Finish

# --- responses ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Observed:
    """`at`: when the look began, by the driver's clock; `generation`: the lease's that it was made under (0: none)."""

    seen: Observation
    at: datetime
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Recorded:
    pass


@dataclass(frozen=True, slots=True)
class Answered:
    answer: Answer


@dataclass(frozen=True, slots=True)
class Waited:
    pass


@dataclass(frozen=True, slots=True)
class Closed:
    pass


@dataclass(frozen=True, slots=True)
class Stopped:
    """The request was not carried out, because someone or something said stop."""

    reason: str


@dataclass(frozen=True, slots=True)
class Deferred:
    """The call was not made, and may be after so many seconds: a limit on how fast things may change."""

    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The call was not made and is not to be made now: a limit, a breaker, a quarantine. Others go on."""

    why: str


@dataclass(frozen=True, slots=True)
class Aged:
    """The call was not made: too long after the look it follows from (pace.aged). Look again."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The request could not be carried out: an exception on our side. `message` is for a person."""

    message: str


Response = Observed | Recorded | Answered | Waited | Closed | Stopped | Deferred | Refused | Aged | Broken
