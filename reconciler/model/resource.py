"""One cloud object as wanted or as seen, and the three answers that looking can give."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reconciler.model.canonical import Body
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.ids import Address, Target

REF = "$ref"


@dataclass(frozen=True, slots=True)
class Ref:
    """A value that another resource has once it exists; in a body it stands as `{"$ref": {"resource", "path"}}`.

    `template` wraps the value: "projects/{}/x". Used where the API wants a longer string than the field holds.
    """

    resource: Address
    path: str
    template: str = "{}"

    def to_body(self) -> dict[str, Any]:
        inner = {"resource": str(self.resource), "path": self.path}
        if self.template != "{}":
            inner["template"] = self.template
        return {REF: inner}

    @classmethod
    def from_body(cls, value: Any) -> "Ref | None":
        """The Ref that a body value stands for, or None when the value is an ordinary one. Raises ValueError for one
        that is none and looks like one."""
        if not isinstance(value, Mapping) or len(value) != 1 or REF not in value:
            return None
        inner = value[REF]
        if not isinstance(inner, Mapping) or not all(isinstance(one, str) for one in inner.values()):
            raise ValueError("a reference names a resource and a path in it")
        if "resource" not in inner or "path" not in inner:
            raise ValueError("a reference names a resource and a path in it")
        return cls(Address.parse(inner["resource"]), inner["path"], inner.get("template", "{}"))


def refs_in(value: Any) -> Iterator[Ref]:
    """Every Ref inside a body, depth first."""
    ref = Ref.from_body(value)
    if ref is not None:
        yield ref
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from refs_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from refs_in(inner)


@dataclass(frozen=True, slots=True)
class Resource:
    """One object as we want it.

    `name` is the cloud's own full name without the API host ("projects/p/locations/r/services/s"), made in
    desired/naming only. `parent` is what a list call is made under ("projects/p/locations/r").
    `shard` is the shard whose history records it; "" for the fleet's own objects.
    `owner` is the uid that proves ownership (tenant's, shard's or fleet's `metadata.uid`).
    `after` holds dependencies that no Ref in the body shows. `origins` maps a body path to "file:line".
    `source` is the "file:line" of the document as a whole.
    """

    address: Address
    name: str
    parent: str
    body: Body
    shard: str
    owner: str
    source: str
    after: tuple[Address, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    only_if: Address | None = None
    """Never made unless that resource is there. A deleted tenant's objects name themselves (kept, not made); its
    final backup names the database."""

    @property
    def kind(self) -> str:
        return self.address.kind

    def origin(self, path: str) -> str:
        """ "file:line" of the value at a body path: of its nearest ancestor with an origin, else `source`."""
        while path:
            if path in self.origins:
                return self.origins[path]
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.source


@dataclass(frozen=True, slots=True)
class Removal:
    """A resource that a document says shall go (never inferred from absence).

    `approval` names the written approval: "purges/TENANT/UID/LAST-DAY" of fleet.yaml, or "" when nobody approved.
    `after`: what must be done, or found there, first (the final backup of what is deleted).
    """

    address: Address
    reason: str
    source: str
    approval: str = ""
    after: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Desired:
    """What the documents ask for in one scope, by address; removals are written-down deletions only."""

    resources: Mapping[Address, Resource]
    removals: tuple[Removal, ...] = ()
    unmanaged: tuple[tuple[Target, str, str], ...] = ()
    """(target, spec path, "file:line") of blocks accepted but not yet managed by any kind."""
    diagnostics: tuple[Diagnostic, ...] = ()
    """Why a tenant or shard is left out although its own file is valid (no image for its PHP, a name taken twice)."""


@dataclass(frozen=True, slots=True)
class Found:
    """The object as the API gave it. `uid` is the cloud's own identity of it (not its name); `body` the API's JSON."""

    body: Body
    uid: str
    read_at: datetime
    ready: bool = True
    """False while the cloud is still making or changing it (an operation of an earlier process, say)."""
    trouble: str = ""
    """Why it does not work although it is there and nothing goes on any more, with what to do; "" when all is well."""


@dataclass(frozen=True, slots=True)
class Absent:
    """The API said that it is not there. `method` says how: "list", "get", "parent" (its parent is absent)."""

    read_at: datetime
    method: str = "list"


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer that can be trusted. `reason` is a sentence for a person. `forbidden`: it was a 403/401."""

    reason: str
    read_at: datetime
    forbidden: bool = False


Observation = Found | Absent | Unknown


@dataclass(frozen=True, slots=True)
class Live:
    """The answers for one scope, by address; `names` the cloud names asked for."""

    observations: Mapping[Address, Observation]

    def of(self, address: Address) -> Observation | None:
        return self.observations.get(address)
