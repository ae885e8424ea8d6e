"""The machines of a managed group: kept beside it, cast from moulds, started, refreshed and removed.

A mould is an instance as a template makes it, with its disks, under a name that stands for all.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from reconciler.localcloud import projects
from reconciler.localcloud.call import Moment
from reconciler.localcloud.services.compute import attachments, groups, versions
from reconciler.localcloud.services.compute.addressing import external_address, next_address
from reconciler.localcloud.services.compute.facts.groups import zones_in
from reconciler.localcloud.services.compute.facts.machines import marked
from reconciler.localcloud.services.compute.places import STORED, Place, key_of, parsed
from reconciler.localcloud.services.compute.sources import existing
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json, digits

# What instances in a mould are called; replaced by their own name when they are cast.
MOULD = "zq-mould-zq"
_IN_PLACE = ("metadata", "labels", "tags", "machineType", "serviceAccounts", "scheduling", "shieldedInstanceConfig")


@dataclass
class Crew:
    """A managed group with its machines. `group` is the resource; both are written back by `keep`."""

    moment: Moment
    place: Place
    group: Json
    row: Json

    @property
    def state(self) -> State:
        return self.moment.state

    @property
    def members(self) -> list[Json]:
        found: list[Json] = self.row["members"]
        return found

    @property
    def alive(self) -> list[Json]:
        return [member for member in self.members if member["action"] not in versions.GONE and not member.get("idle")]

    @property
    def zones(self) -> list[str]:
        spread = self.group.get("distributionPolicy", {}).get("zones")
        return [zone["zone"].rsplit("/", 1)[-1] for zone in spread] if spread else zones_in(self.place.scope)

    def home(self, member: Json) -> Place:
        return Place(f"projects/{self.place.project}/zones/{member['zone']}", "instances", member["name"])

    def find(self, name: str) -> Json | None:
        return next((member for member in self.members if member["name"] == name), None)


def crew_at(moment: Moment, place: Place) -> Crew | None:
    group = moment.state.get(key_of(moment.state, place))
    if group is None:
        return None
    row = moment.state.get(side_key(moment.state, place)) or {"members": [], "moulds": {}, "configs": {}}
    return Crew(moment, place, group, row)


def side_key(state: State, place: Place) -> str:
    return f"compute.managed/{key_of(state, place)}"


def disband(crew: Crew) -> None:
    """Delete a group with all its machines."""
    for member in crew.members:
        remove(crew, member)
    groups.dissolve(crew.state, crew.place.beside("instanceGroups", crew.place.name))
    crew.state.delete(side_key(crew.state, crew.place))
    crew.state.delete(key_of(crew.state, crew.place))


# --- single machines ------------------------------------------------------------------------------------------------


def mould_key(template: str, zone: str) -> str:
    return f"{template}|{zone}"


def cast(crew: Crew, member: Json, status: str) -> None:
    """Store the machine of a member, made from the mould of its version."""
    mould = crew.row["moulds"].get(mould_key(member["template"], member["zone"]), {})
    if "instance" not in mould:
        member["failed"] = mould.get("error") or "The instance template does not exist any more."
        return
    member.pop("failed", None)
    own = orjson.loads(orjson.dumps(mould).replace(MOULD.encode(), member["name"].encode()))
    moment, instance = crew.moment, own["instance"]
    for interface in instance.get("networkInterfaces", []):
        subnet = existing(crew.state, interface.get("subnetwork", ""))
        if subnet is not None:
            interface["networkIP"] = next_address(crew.state, subnet)
        for config in interface.get("accessConfigs", []):
            config["natIP"] = external_address(moment.rng)
    _configure(crew, member, instance)
    member["id"] = digits(moment.rng, 19)
    instance |= {
        "id": member["id"], "creationTimestamp": moment.stamp, "lastStartTimestamp": moment.stamp, "status": status,
    }  # fmt: skip
    place = crew.home(member)
    crew.state.put(key_of(crew.state, place), instance)
    for disk in own["disks"]:
        target = parsed(disk["selfLink"])
        if target:
            disk |= {"id": digits(moment.rng, 19), "creationTimestamp": moment.stamp, "users": [place.link]}
            crew.state.put(key_of(crew.state, target), disk)


def _configure(crew: Crew, member: Json, instance: Json) -> None:
    """What the group adds to a machine: who made it, the group's own labels and metadata, its own preserved state."""
    shared = crew.group.get("allInstancesConfig", {}).get("properties", {})
    own = crew.row["configs"].get(member["name"], {}).get("preservedState", {})
    owner = projects.canonical(crew.state, crew.place.path)
    texts = {
        "instance-template": projects.canonical(crew.state, member["template"].removeprefix(STORED)),
        "created-by": owner, **shared.get("metadata", {}), **own.get("metadata", {}),
    }  # fmt: skip
    items = [item for item in instance.get("metadata", {}).get("items", []) if item["key"] not in texts]
    instance["metadata"] = {"items": [*items, *({"key": key, "value": value} for key, value in texts.items())]}
    if shared.get("labels"):
        instance["labels"] = instance.get("labels", {}) | shared["labels"]
    marked(instance)


def remove(crew: Crew, member: Json) -> None:
    place = crew.home(member)
    stored = crew.state.get(key_of(crew.state, place))
    if stored is not None:
        attachments.removed(crew.state, place, stored, crew.moment.stamp)


def set_status(crew: Crew, member: Json, status: str) -> None:
    key = key_of(crew.state, crew.home(member))
    stored = crew.state.get(key)
    if stored is not None and stored.get("status") != status:
        crew.state.put(key, stored | {"status": status})


def refresh(crew: Crew, member: Json) -> None:
    """Bring a machine to its version without another one in its place."""
    key = key_of(crew.state, crew.home(member))
    mould = crew.row["moulds"].get(mould_key(member["template"], member["zone"]), {}).get("instance")
    stored = crew.state.get(key)
    if stored is None or mould is None:
        return
    stored |= {name: mould[name] for name in _IN_PLACE if name in mould}
    _configure(crew, member, stored)
    crew.state.put(key, stored | {"status": "RUNNING"})
