"""What visitors notice of a change: a plain sentence, and how bad it is. From what is true of each kind.

Cloud SQL: "when you set, remove, or modify a flag, the database might be restarted" (docs, flags, read 2026-11-27); an
update "might cause your instance to restart" (Admin API, instances.update). That another machine type, availability
and binary logging restart it, and for how long, is recalled from the documentation. Cloud Run: a new template is a new
revision, which gets the traffic once it is ready, so nobody meets an error, and its first instances start cold.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from reconciler.kinds.paths import under
from reconciler.model.plan import Action, Change, FieldChange


class Level(IntEnum):
    """The worst first."""

    GONE = 0
    """Something that visitors use goes away."""
    ERRORS = 1
    """For a while they get errors, or a notice instead of the site."""
    SLOW = 2
    """No errors: a cold start now and then."""
    NOTHING = 3


@dataclass(frozen=True, slots=True, order=True)
class Notice:
    """`sentence` follows "N sites: ". `whole_shard`: it holds for every site of the shard, not only for the target."""

    level: Level
    sentence: str
    whole_shard: bool = False


NOTHING = Notice(Level.NOTHING, "nothing")

_COLD = Notice(Level.SLOW, "a restart on a new revision: brief cold starts, no errors")
_DATABASE_GONE = Notice(Level.GONE, "the database goes away, and the site with it")
_SQL_GONE = Notice(Level.GONE, "the shard's database instance goes away, and every site with it", True)
_MACHINE = Notice(Level.ERRORS, "the database restarts on another machine: about 1 minute of errors", True)
_STANDBY = Notice(Level.ERRORS, "the database may restart for its standby: up to a few minutes of errors", True)
_FLAGS = Notice(Level.ERRORS, "the database may restart for its flags: about 1 minute of errors", True)
_BINLOG = Notice(Level.ERRORS, "the database restarts for its binary log: about 1 minute of errors", True)

_REMOVED: Mapping[str, Notice] = {
    "run.service": Notice(Level.GONE, "the site goes away"),
    "sql.database": _DATABASE_GONE,
    "sql.user": Notice(Level.ERRORS, "the site cannot log in to its database: errors"),
    "sql.grant": Notice(Level.ERRORS, "the site loses its rights on its database: errors"),
    "sql.instance": _SQL_GONE,
    "secret": Notice(Level.ERRORS, "new instances cannot start without their secret: errors"),
    "secret.version": Notice(Level.ERRORS, "new instances cannot start without their secret: errors"),
    "secret.iam": Notice(Level.ERRORS, "new instances cannot read their secret: errors"),
    "iam.service-account": Notice(Level.ERRORS, "instances lose their account: errors"),
    "storage.bucket": Notice(Level.GONE, "the uploads of every site of the shard go away", True),
    "storage.managed-folder": Notice(Level.GONE, "the site's uploads go away"),
    "storage.managed-folder.iam": Notice(Level.ERRORS, "the site cannot read its uploads: missing images"),
    "project": Notice(Level.GONE, "everything in the project stops", True),
    "project.billing": Notice(Level.GONE, "everything in the project stops", True),
    "project.service": Notice(Level.ERRORS, "an API that sites may need is switched off", True),
}
"""What a deletion, or a replacement while it lasts, comes to."""

_UPDATED: Mapping[str, tuple[tuple[str, Notice], ...]] = {
    "run.service": (
        ("ingress", Notice(Level.ERRORS, "who reaches the site changes")),
        ("invokerIamDisabled", Notice(Level.ERRORS, "who reaches the site changes")),
        ("traffic", Notice(Level.SLOW, "visitors are sent to another revision: brief cold starts")),
        ("template", _COLD),
    ),
    "sql.instance": (
        ("settings.tier", _MACHINE),
        ("settings.availabilityType", _STANDBY),
        ("settings.databaseFlags", _FLAGS),
        ("settings.backupConfiguration.binaryLogEnabled", _BINLOG),
    ),
    "sql.user": (
        ("passwordFrom", Notice(Level.ERRORS, "the database password changes: errors until the site restarts")),
    ),
    "secret.iam": (("bindings", Notice(Level.ERRORS, "who may read the site's secret changes")),),
    "storage.managed-folder.iam": (("bindings", Notice(Level.ERRORS, "who may read the site's uploads changes")),),
}  # fmt: skip
"""kind -> (path of the body, what changing it comes to)."""


def noticed(change: Change) -> Notice:
    """The worst of what visitors notice while a change is made, and by its end."""
    kind = change.address.kind
    if change.action in (Action.DELETE, Action.REPLACE):
        return _REMOVED.get(kind, NOTHING)
    if change.action is not Action.UPDATE:
        return NOTHING
    found = [_field(kind, field) for field in change.fields]
    return min(found, default=NOTHING)


def _field(kind: str, field: FieldChange) -> Notice:
    if field.may_replace:
        return _REMOVED.get(kind, NOTHING)
    special = _BY_VALUE.get((kind, field.path))
    if special is not None and (told := special(field)) is not None:
        return told
    return next((notice for path, notice in _UPDATED.get(kind, ()) if under((path,), field.path)), NOTHING)


def _state(field: FieldChange) -> Notice | None:
    states = {
        "suspended": Notice(Level.ERRORS, "visitors see a notice instead of the site"),
        "active": Notice(Level.SLOW, "the site answers again"),
        "deleted": Notice(Level.GONE, "the site is closed to visitors"),
    }
    return states.get(field.after) if isinstance(field.after, str) else None


def _fewest(field: FieldChange) -> Notice | None:
    if not field.after:
        return Notice(Level.SLOW, "nothing is kept running: the first visit after a pause waits for a cold start")
    return None


def _connections(field: FieldChange) -> Notice | None:
    if isinstance(field.after, int) and isinstance(field.before, int) and field.after < field.before:
        most = f"{field.after:,} database connections instead of {field.before:,}"
        return Notice(Level.SLOW, f"errors when busy, beyond {most}")
    return None


_BY_VALUE: Mapping[tuple[str, str], Callable[[FieldChange], Notice | None]] = {
    ("run.service", "labels.aipress-state"): _state,
    ("run.service", "template.scaling.minInstanceCount"): _fewest,
    ("sql.grant", "maxUserConnections"): _connections,
}
