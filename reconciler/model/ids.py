"""Names of things: targets a person can point at, and addresses of resources."""

import re
from dataclasses import dataclass
from enum import StrEnum

TENANT_NAME = re.compile(r"^[a-z][a-z0-9-]{1,28}[a-z0-9]$")
UID = re.compile(r"^[a-z][a-z0-9]{7}$")


class TargetKind(StrEnum):
    FLEET = "fleet"
    SHARD = "shard"
    TENANT = "tenant"


@dataclass(frozen=True, order=True, slots=True)
class Target:
    """What a command or a plan item is about: `fleet`, `shard/NAME`, `tenant/NAME` or `tenant/NAME@ENVIRONMENT`."""

    kind: TargetKind
    name: str = ""
    environment: str = ""

    def __str__(self) -> str:
        if self.kind is TargetKind.FLEET:
            return "fleet"
        suffix = f"@{self.environment}" if self.environment else ""
        return f"{self.kind}/{self.name}{suffix}"

    @classmethod
    def parse(cls, text: str) -> "Target":
        """Read the text form. Raises ValueError with a message for the person who typed it."""
        if text == "fleet":
            return cls(TargetKind.FLEET)
        kind, _, rest = text.partition("/")
        name, _, environment = rest.partition("@")
        if kind in (TargetKind.SHARD, TargetKind.TENANT) and name and "/" not in rest and "@" not in environment:
            if environment and kind != TargetKind.TENANT:
                raise ValueError(f"`{text}`: only a tenant has environments; write shard/{name}")
            return cls(TargetKind(kind), name, environment)
        raise ValueError(f"`{text}` is not a target; write fleet, shard/NAME, tenant/NAME or tenant/NAME@ENVIRONMENT")

    @property
    def whole(self) -> "Target":
        """The target without its environment."""
        return Target(self.kind, self.name)


@dataclass(frozen=True, slots=True)
class Scope:
    """What one cycle is about. `fleet`: the fleet's own objects; `shards`: whole shards (None: every shard);
    `tenants`: single ones ("name", or "name@environment"); `own`: shards of which only their own objects count."""

    fleet: bool = True
    shards: frozenset[str] | None = None
    tenants: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()

    @property
    def everything(self) -> bool:
        return self.fleet and self.shards is None


FLEET = Target(TargetKind.FLEET)


def shard_target(name: str) -> Target:
    return Target(TargetKind.SHARD, name)


def tenant_target(name: str) -> Target:
    return Target(TargetKind.TENANT, name)


@dataclass(frozen=True, order=True, slots=True)
class Address:
    """One resource of a target: `tenant/acme-bakery/run.service/production`, `fleet/folder/shards`."""

    target: Target
    kind: str
    key: str

    def __str__(self) -> str:
        return f"{self.target}/{self.kind}/{self.key}"

    @property
    def environment(self) -> str:
        """The environment a tenant's resource belongs to; its last backup is keyed `final-ENVIRONMENT`."""
        return self.key.removeprefix("final-")

    def belongs_to(self, target: Target) -> bool:
        """Whether this is a resource of exactly this target, or of that environment of it."""
        return self.target == target.whole and target.environment in ("", self.environment)

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read the text form. Raises ValueError."""
        parts = text.split("/")
        at = 1 if parts[0] == "fleet" else 2
        if len(parts) < at + 2:
            raise ValueError(f"`{text}` is not a resource address")
        return cls(Target.parse("/".join(parts[:at])), parts[at], "/".join(parts[at + 1 :]))
