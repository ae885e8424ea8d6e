"""Who a resource belongs to, and the labels that say so: the common part of every resource written here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.desired.naming import Place
from reconciler.kinds.ownership import OWNER_LABEL
from reconciler.model.canonical import Body
from reconciler.model.errors import InputError
from reconciler.model.fleet import Fleet, Written
from reconciler.model.ids import Address, Target
from reconciler.model.resource import Ref, Resource
from reconciler.model.spec import FleetDocument, ObjectMetadata, TenantMetadata


@dataclass(frozen=True, slots=True)
class Draft:
    """A body, and for its paths the "file:line" that asks for the value."""

    body: Body
    origins: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Author:
    """The target whose resources are written: its shard ("" for the fleet), its uid, its place in the documents."""

    target: Target
    shard: str
    owner: str
    source: str
    labels: Mapping[str, str]
    label_origins: Mapping[str, str] = field(default_factory=dict)

    def address(self, kind: str, key: str) -> Address:
        return Address(self.target, kind, key)

    def ref(self, kind: str, key: str, path: str) -> dict[str, object]:
        return Ref(self.address(kind, key), path).to_body()

    def resource(self, address: Address, place: Place, draft: Draft, after: Iterable[Address] = ()) -> Resource:
        return Resource(
            address=address, name=place.name, parent=place.parent, body=draft.body, shard=self.shard, owner=self.owner,
            source=self.source, after=tuple(sorted(set(after))), origins=draft.origins,
        )  # fmt: skip

    def labelled(self, path: str) -> dict[str, str]:
        """Origins of the labels that a person wrote, for a body that has its labels at `path`."""
        return {f"{path}.{key}": origin for key, origin in self.label_origins.items()}


def root(fleet: Fleet) -> Written[FleetDocument]:
    """The fleet's own document. Raises InputError when there is none that is valid."""
    if fleet.fleet is None:
        raise InputError("there is no valid fleet.yaml, so nothing can be compiled", "run `aipress validate`")
    return fleet.fleet


def uid_of(written: Written[object], metadata: ObjectMetadata | TenantMetadata) -> str:
    """Raises InputError when none has been written yet: no cloud name can be made."""
    if metadata.uid is None:
        raise InputError(
            f"{written.at('metadata')}: `{metadata.name}` has no metadata.uid", "run `aipress validate --fix`"
        )
    return metadata.uid


def labels_of(
    written: Written[object], metadata: ObjectMetadata | TenantMetadata
) -> tuple[dict[str, str], dict[str, str]]:
    """The labels a document writes, and their origins; those that are ours to set are not a person's to write."""
    own = {key: value for key, value in (metadata.labels or {}).items() if not _ours(key)}
    return own, {key: written.at("metadata", "labels", key) for key in own}


def marks(fleet: str, owner: str, **more: str) -> dict[str, str]:
    """The labels that prove ownership and let finance add up; they win over written ones."""
    return {"aipress-fleet": fleet, OWNER_LABEL: owner, "managed-by": "aipress"} | {
        f"aipress-{key}": value for key, value in more.items()
    }


def _ours(key: str) -> bool:
    return key.startswith("aipress-") or key == "managed-by"
