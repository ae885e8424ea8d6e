"""What was stopped, and what was lifted, in words: who, why, until when."""

from collections.abc import Sequence
from datetime import datetime

from reconciler.model.hold import Hold, Poison
from reconciler.report.escape import cut, plain

LIMIT = 300


def lifted_text(holds: Sequence[Hold], poisons: Sequence[Poison], now: datetime) -> str:
    """One line each: what does not stop anything any more."""
    lines = [f"Lifted {plain(hold.target)}: {cut(plain(hold.told(now)), LIMIT)}" for hold in holds]
    lines += [f"May come again on {plain(one.target)}: what {cut(plain(one.told()), LIMIT)}" for one in poisons]
    return "\n".join(lines) + "\n"


def agreed_text(holds: Sequence[Hold]) -> str:
    """Rollback holds that are over by themselves."""
    told = ((plain(hold.target), plain(hold.actor), cut(plain(hold.reason), LIMIT)) for hold in holds)
    return "".join(
        f"The hold on {target} by {who} is over, since Git says the same: {why}\n" for target, who, why in told
    )
