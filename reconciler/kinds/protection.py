"""What the provider itself must keep safe: windows in which a deletion can be undone, and locks against one (row 16).

Set by the desired state, and read back at every sweep: an object that says otherwise is not protected, whoever did it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.kinds.compare import value_at
from reconciler.model.canonical import Body

FINAL_BACKUP_DAYS = 90
"""Days that Cloud SQL keeps the backup it takes when an instance is deleted (1 to 365; Google's own default is 30)."""
SOFT_DELETE_DAYS = 30
"""Days that a deleted object of a bucket can be brought back (Google's default is 7)."""
SECRET_UNDO_DAYS = 7
"""Days until a destroyed secret version is really gone (Google's default: at once)."""
DAY = 86_400


def _number(value: Any) -> float:
    """Seconds or days as the APIs write them: 90, "2592000", "604800s"; 0 for anything else."""
    text = str(value).removesuffix("s")
    return float(text) if text.replace(".", "", 1).isdigit() else 0.0


Holds = Callable[[Any], bool]
_PROTECTED: Mapping[str, tuple[tuple[str, Holds, str], ...]] = {
    "sql.instance": (
        ("settings.deletionProtectionEnabled", lambda v: v is True, "it can be deleted"),
        ("settings.finalBackupConfig.enabled", lambda v: v is True, "its deletion takes no final backup"),
        (
            "settings.finalBackupConfig.retentionDays", lambda v: _number(v) >= FINAL_BACKUP_DAYS,
            f"its final backup is kept less than {FINAL_BACKUP_DAYS} days",
        ),
        ("settings.backupConfiguration.enabled", lambda v: v is True, "it is not backed up"),
    ),
    "storage.bucket": (
        (
            "softDeletePolicy.retentionDurationSeconds", lambda v: _number(v) >= SOFT_DELETE_DAYS * DAY,
            f"deleted objects are gone before {SOFT_DELETE_DAYS} days",
        ),
    ),
    "secret": (
        (
            "versionDestroyTtl", lambda v: _number(v) >= SECRET_UNDO_DAYS * DAY,
            f"destroyed versions are gone before {SECRET_UNDO_DAYS} days",
        ),
    ),
}  # fmt: skip


def unprotected(kind: str, body: Body) -> tuple[str, ...]:
    """What is missing from an object's protection, each "`path`: what that means"."""
    return tuple(
        f"`{path}`: {meaning}" for path, holds, meaning in _PROTECTED.get(kind, ()) if not holds(value_at(body, path))
    )
