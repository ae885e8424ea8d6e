"""A version: an applied state of one shard (or of the fleet's own objects). Undo is a new version."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reconciler.model.canonical import Body
from reconciler.model.ids import Address

FLEET_SHARD = ""
"""The shard name under which the fleet's own objects are recorded; printed as `fleet`."""


def shard_label(shard: str) -> str:
    """ "fleet", or "shard/NAME": the key of Plan.parents and the owner of a history ref."""
    return f"shard/{shard}" if shard else "fleet"


@dataclass(frozen=True, slots=True)
class Applied:
    """One resource as it was applied: the desired body (secrets and unknown values by reference), its name and uid."""

    address: Address
    name: str
    parent: str
    body: Body
    uid: str
    owner: str
    source: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "resource": str(self.address), "name": self.name, "parent": self.parent, "body": self.body,
            "uid": self.uid, "owner": self.owner, "source": self.source,
        }  # fmt: skip

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Applied":
        return cls(
            Address.parse(row["resource"]), row["name"], row["parent"], row["body"], row["uid"], row["owner"],
            row.get("source", ""),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TenantState:
    """What a version knows of a tenant itself. `since`: when this state was first applied (ISO 8601, UTC).

    `environments`: those that are written and not themselves deleted.
    """

    uid: str
    state: str
    since: str
    tier: str = ""
    environments: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "uid": self.uid, "state": self.state, "since": self.since, "tier": self.tier,
            "environments": list(self.environments),
        }  # fmt: skip

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "TenantState":
        return cls(row["uid"], row["state"], row["since"], row.get("tier", ""), tuple(row.get("environments", ())))


@dataclass(frozen=True, slots=True)
class Version:
    """`id` is the git commit id ("" before it is published); `number` counts from 1 in its shard.

    `result`: "healthy" (every item done), "partial" (some did), "failed" (none did).
    `documents` maps a path under the fleet root to its text, for the shard's own files and what it inherits from.
    `items` are per-change rows {resource, action, result, message, fields} for people and for `history show`.
    """

    id: str
    parent: str | None
    shard: str
    number: int
    at: datetime
    actor: str
    trigger: str
    fleet_commit: str
    plan: str
    result: str
    summary: str
    resources: Mapping[Address, Applied] = field(default_factory=dict)
    tenants: Mapping[str, TenantState] = field(default_factory=dict)
    documents: Mapping[str, str] = field(default_factory=dict)
    items: tuple[Mapping[str, Any], ...] = ()

    @property
    def label(self) -> str:
        """ "eu-001/12" or "fleet/3": how people name it."""
        return f"{self.shard or 'fleet'}/{self.number}"

    def to_json(self) -> dict[str, Any]:
        """The row of `history --json`."""
        return {
            "version": self.label, "id": self.id, "parent": self.parent, "shard": self.shard or "fleet",
            "number": self.number, "at": self.at.isoformat(), "actor": self.actor, "trigger": self.trigger,
            "fleet_commit": self.fleet_commit, "plan": self.plan, "result": self.result, "summary": self.summary,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hold:
    """A named, expiring stop on a scope. `target` is a target's text form; `until` None means until resumed."""

    target: str
    reason: str
    actor: str
    since: datetime
    until: datetime | None
    kind: str = "pause"

    def to_json(self) -> dict[str, Any]:
        return {
            "target": self.target, "reason": self.reason, "actor": self.actor, "since": self.since.isoformat(),
            "until": self.until.isoformat() if self.until else None, "kind": self.kind,
        }  # fmt: skip

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Hold":
        until = datetime.fromisoformat(row["until"]) if row["until"] else None
        since = datetime.fromisoformat(row["since"])
        return cls(row["target"], row["reason"], row["actor"], since, until, row.get("kind", "pause"))
