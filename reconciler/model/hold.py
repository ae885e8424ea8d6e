"""What stops reconciliation of a scope for a time: holds that somebody set, and states that somebody left behind."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from reconciler.model.ids import Target, TargetKind
from reconciler.model.shape import NAMES, OBJECT, TEXT, TEXTS, Shape, shaped

REMEMBERED = timedelta(days=7)
"""How long one that has ended is still told of; then it is dropped with the next edit."""


class HoldKind(StrEnum):
    PAUSE = "pause"
    FREEZE = "freeze"
    """A pause with a beginning that was fixed ahead: a freeze window."""
    ROLLBACK = "rollback"
    """An earlier version runs, and Git does not say so yet."""
    QUARANTINE = "quarantine"
    REVIEW = "review"
    """What was merged came to mean something else than its pull request showed: it waits for a yes."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A named, expiring stop on a scope. `target` is a target's text form; `until` None means until resumed.

    `kind`: one of HoldKind. `commit`: the fleet commit that a quarantine is about. `begins`: of a freeze window.
    `states`: of a rollback hold, unit -> digest of what it was returned to (planning/states.py): it binds those units
    of which Git says something else, and is over when Git says the same of all.
    """

    target: str
    reason: str
    actor: str
    since: datetime
    until: datetime | None
    kind: str = HoldKind.PAUSE.value
    commit: str = ""
    begins: datetime | None = None
    states: Mapping[str, str] = field(default_factory=dict)

    def active(self, now: datetime) -> bool:
        return (self.begins is None or self.begins <= now) and (self.until is None or self.until > now)

    def ended(self, now: datetime) -> bool:
        return self.until is not None and self.until <= now

    def told_of(self, now: datetime) -> bool:
        """Whether it is in force, to come, or ended so lately that people still want to know."""
        return self.until is None or self.until > now - REMEMBERED

    def covers(self, target: Target, shard: str, environment: str = "") -> bool:
        """Whether a resource of this target, on this shard, of this environment, is held."""
        held = Target.parse(self.target)
        if held.kind is TargetKind.FLEET:
            return True
        if held.kind is TargetKind.SHARD:
            return shard == held.name
        return target.whole == held.whole and held.environment in ("", environment)

    def told(self, now: datetime) -> str:
        """Who, until when and why, for people: "on hold by jo until 2026-11-24 09:00Z: black friday"."""
        kind = "" if self.kind == HoldKind.PAUSE else f" ({self.kind})"
        if self.ended(now):
            return f"the hold{kind} by {self.actor} ended {_at(self.until)}: {self.reason}"
        if self.begins is not None and self.begins > now:
            return f"on hold{kind} by {self.actor} from {_at(self.begins)} {_until(self.until)}: {self.reason}"
        return f"on hold{kind} by {self.actor} {_until(self.until)}: {self.reason}"

    def to_json(self) -> dict[str, Any]:
        row: dict[str, Any] = {
            "target": self.target, "reason": self.reason, "actor": self.actor, "since": self.since.isoformat(),
            "until": self.until.isoformat() if self.until else None, "kind": str(self.kind),
        }  # fmt: skip
        if self.commit:
            row["commit"] = self.commit
        if self.begins is not None:
            row["begins"] = self.begins.isoformat()
        return {**row, "states": dict(self.states)} if self.states else row

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Hold":
        """Raises ValueError for what is no hold."""
        row = shaped({"kind": HoldKind.PAUSE.value, "commit": "", "begins": None, "states": {}, **row}, _HOLD)
        Target.parse(row["target"])
        return cls(
            row["target"], row["reason"], row["actor"], _aware(row["since"]), _moment(row["until"]), row["kind"],
            row["commit"], _moment(row["begins"]), dict(row["states"]),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Poison:
    """What a rollback left behind: it is not applied again by itself, until it expires or somebody resumes the target.

    `states`: unit -> digests of the desired state that was left (planning/states.py): what Git said, and what the
    version that was left had applied. `version` and `to`: labels of the versions left and returned to; `commit`: the
    fleet commit at that time.
    """

    target: str
    states: Mapping[str, tuple[str, ...]]
    version: str
    to: str
    commit: str
    reason: str
    actor: str
    since: datetime
    until: datetime | None

    def active(self, now: datetime) -> bool:
        return self.until is None or self.until > now

    def told_of(self, now: datetime) -> bool:
        return self.until is None or self.until > now - REMEMBERED

    def units(self, states: Mapping[str, str]) -> frozenset[str]:
        """The units among these states that are as they were when they were left."""
        return frozenset(unit for unit, bad in self.states.items() if states.get(unit) in bad)

    def told(self) -> str:
        """What was left, by whom, why, until when."""
        why = f" ({self.reason})" if self.reason else ""
        return f"{self.actor} rolled back from {self.version} to {self.to}{why}; {_until(self.until)}"

    def to_json(self) -> dict[str, Any]:
        return {
            "target": self.target, "states": {unit: list(bad) for unit, bad in self.states.items()},
            "version": self.version, "to": self.to, "commit": self.commit, "reason": self.reason,
            "actor": self.actor, "since": self.since.isoformat(),
            "until": self.until.isoformat() if self.until else None,
        }  # fmt: skip

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Poison":
        """Raises ValueError for what is none."""
        shaped(row, _POISON)
        shaped(row["states"], dict.fromkeys(row["states"], NAMES))
        Target.parse(row["target"])
        return cls(
            row["target"], {unit: tuple(bad) for unit, bad in row["states"].items()}, row["version"], row["to"],
            row["commit"], row["reason"], row["actor"], _aware(row["since"]), _moment(row["until"]),
        )  # fmt: skip


_TIME = (str, type(None))
_HOLD: Mapping[str, Shape] = {
    "target": TEXT, "reason": TEXT, "actor": TEXT, "since": TEXT, "until": _TIME, "kind": TEXT, "commit": TEXT,
    "begins": _TIME, "states": TEXTS,
}  # fmt: skip
_POISON: Mapping[str, Shape] = {
    "target": TEXT, "states": OBJECT, "version": TEXT, "to": TEXT, "commit": TEXT, "reason": TEXT, "actor": TEXT,
    "since": TEXT, "until": _TIME,
}  # fmt: skip


def _moment(text: str | None) -> datetime | None:
    return _aware(text) if text else None


def _aware(text: str) -> datetime:
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError(f"{text} is a time of no zone")
    return when


def _at(when: datetime | None) -> str:
    return f"{when:%Y-%m-%d %H:%M}Z" if when else ""


def _until(when: datetime | None) -> str:
    return f"until {_at(when)}" if when else "until resumed"
