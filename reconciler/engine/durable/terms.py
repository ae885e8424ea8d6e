"""What an engine is told about itself: plain values, so that naming them loads nothing."""

from dataclasses import dataclass, field

from reconciler.applying.pace import Rules

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Terms:
    """`parallel`: changes at work at once. `url`: postgresql://…, or "" for a file in the state folder.

    Seconds: `lifetime` without a sign of life after which a process counts as dead, and its applies are taken over;
    `longest_call` that one call to the cloud may take (gcp/session.py times out after 30): the life left must be
    longer; `patience` that a database may be away; `kept` that what is over stays in it; `overdue` after which an
    apply that is not over is reported.
    """

    parallel: int = 8
    url: str = ""
    rules: Rules = field(default_factory=Rules)
    lifetime: float = 120.0
    longest_call: float = 45.0
    patience: float = 60.0
    kept: float = 14 * DAY
    overdue: float = 3 * 3_600.0


def overdue(age: float) -> str:
    """What the watchdog says of an apply that began so many seconds ago."""
    return (
        f"an apply that began {age / 3600:.1f} hours ago is not over: its process is stuck, or died and nobody went on "
        "with it; stop that process, then run `aipress apply`"
    )
