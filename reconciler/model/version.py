"""A version: an applied state of one shard (or of the fleet's own objects). Undo is a new version."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reconciler.model.canonical import Body
from reconciler.model.ids import Address

RETURNED = "rollback to "
"""How the trigger of a version begins that put an earlier one back before Git said so: its documents are not those of
its fleet commit."""


def past_guards(trigger: str, allow: Collection[str], reason: str) -> str:
    """The trigger of an apply that guards were passed for by name, for those who review it: which, and why."""
    if not allow:
        return trigger
    noun = "guard" if len(allow) == 1 else "guards"
    return f"{trigger}, past the {noun} {', '.join(sorted(allow))}: {' '.join(reason.split()) or 'no reason given'}"


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
    audit: str = ""
    """The newest record of the audit log of the host that published it (audit.Anchor, "" : it kept none)."""

    @property
    def label(self) -> str:
        """ "eu-001/12" or "fleet/3": how people name it."""
        return f"{self.shard or 'fleet'}/{self.number}"

    @property
    def returned(self) -> bool:
        """Whether it put an earlier version back, before Git said so."""
        return self.trigger.startswith(RETURNED)

    def to_json(self) -> dict[str, Any]:
        """The row of `history --json`."""
        return {
            "version": self.label, "id": self.id, "parent": self.parent, "shard": self.shard or "fleet",
            "number": self.number, "at": self.at.isoformat(), "actor": self.actor, "trigger": self.trigger,
            "fleet_commit": self.fleet_commit, "plan": self.plan, "result": self.result, "summary": self.summary,
        }  # fmt: skip
