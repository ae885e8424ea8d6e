"""Verbs that few ask for: interfaces and policies of instances, bulk labels, maintenance, resize requests, pools."""

from __future__ import annotations

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.compute import disks, engine, managed, work
from reconciler.localcloud.services.compute.instances import changing
from reconciler.localcloud.services.compute.kinds import refused
from reconciler.localcloud.services.compute.places import Place, place_of, prefix_of
from reconciler.localcloud.services.compute.shapes import accepted
from reconciler.localcloud.values import Json


def _add_interface(call: Call, stored: Json) -> Json:
    kept = stored.get("networkInterfaces", [])
    if len(kept) >= 8:
        raise refused("networkInterfaces", len(kept), "An instance has at most 8 network interfaces.")
    return stored | {"networkInterfaces": [*kept, accepted(call.api, call.api.schema("NetworkInterface"), call.body)]}


def _delete_interface(call: Call, stored: Json) -> Json:
    name = call.query("networkInterfaceName")
    left = [one for one in stored.get("networkInterfaces", []) if one.get("name") != name]
    if name == "nic0" or len(left) == len(stored.get("networkInterfaces", [])):
        raise refused("networkInterfaceName", name, f"The network interface '{name}' cannot be deleted.")
    return stored | {"networkInterfaces": left}


def _set_policy(call: Call, stored: Json) -> Json:
    """setSecurityPolicy of some interfaces; an empty policy takes it away."""
    policy, names = call.body.get("securityPolicy"), call.body.get("networkInterfaces", [])
    for interface in stored.get("networkInterfaces", []):
        if interface.get("name") not in names:
            continue
        for config in interface.get("accessConfigs", []):
            config.pop("securityPolicy", None)
            if policy:
                config["securityPolicy"] = policy
    return stored


def identity(call: Call) -> Answer:
    """Nothing boots here, so no keys were made."""
    engine.load(call, place_of(call))
    return {"kind": "compute#shieldedInstanceIdentity"}


def screenshot(call: Call) -> Answer:
    place, stored = engine.load(call, place_of(call))
    if not stored.get("displayDevice", {}).get("enableDisplay"):
        said = f"Display device is not enabled on instance '{place.name}'."
        raise GoogleError(400, said, reason="invalid")
    return {"kind": "compute#screenshot", "contents": ""}


def interrupt(call: Call) -> Answer:
    """sendDiagnosticInterrupt answers with nothing."""
    engine.load(call, place_of(call))
    return {}


def firewalls(call: Call) -> Answer:
    """getEffectiveFirewalls: the rules of the interface's network."""
    place, stored = engine.load(call, place_of(call))
    name = call.query("networkInterface")
    chosen = next((one for one in stored.get("networkInterfaces", []) if one.get("name") == name), None)
    if chosen is None:
        raise refused("networkInterface", name, f"The network interface '{name}' does not exist.")
    rows = call.state.scan(prefix_of(call.state, "firewalls", f"projects/{place.project}/global"))
    found = [engine.visible(call, row) for _, row in rows if row.get("network") == chosen.get("network")]
    return {"firewalls": found} if found else {}


def done(call: Call) -> Answer:
    """Maintenance that is over as soon as it was asked for."""
    place, stored = engine.load(call, place_of(call))
    return work.started(call, place, str(stored["id"]))


def bulk_labels(call: Call) -> Answer:
    """disks.bulkSetLabels gives the same labels to every disk that `resource` names."""
    place = place_of(call)
    names = call.request.query.get("resource", [])
    requests = call.body.get("requests", [])
    if not names or not requests:
        raise refused("resource", "", "At least one disk and one set of labels must be given.")
    for name in names:
        target, stored = engine.load(call, Place(place.parent, "disks", name.rsplit("/", 1)[-1]))
        engine.store(call, target, stored | {"labels": requests[0].get("labels") or {}})
    return work.started(call, Place(place.parent, "disks"))


def pooled(call: Call) -> Answer:
    """storagePools.listDisks."""
    place, _ = engine.load(call, place_of(call))
    rows = [row for _, row in call.state.scan(prefix_of(call.state, "disks", place.parent))]
    items = [
        {"name": row["name"], "disk": row["selfLink"], "type": row["type"], "sizeGb": row["sizeGb"],
         "status": row["status"], "creationTimestamp": row["creationTimestamp"],
         "attachedInstances": row.get("users", [])}
        for row in rows if row.get("storagePool") == place.link
    ]  # fmt: skip
    answer: Json = {"kind": "compute#storagePoolListDisks", "id": place.path}
    return engine.visible(call, answer | ({"items": items} if items else {}))


# --- resize requests ---------------------------------------------------------------------------------------------


def ask_for_more(call: Call) -> Answer:
    """instanceGroupManagerResizeRequests.insert: granted at once, as capacity is never short here."""
    parent, _, name = place_of(call).parent.rpartition("/instanceGroupManagers/")
    crew = managed.crew_of(call, Place(parent, "instanceGroupManagers", name))
    if not call.body.get("name"):
        raise refused("resource.name", "", "A name must be specified.")
    answer = engine.insert(call)
    more = int(call.body["resizeBy"])
    if more < 1:
        raise refused("resource.resizeBy", more, "Must be at least 1.")
    managed.grow(crew, int(crew.group["targetSize"]) + more)
    place, stored = engine.load(call, place_of(call).named(str(call.body["name"])))
    engine.store(call, place, stored | {"state": "SUCCEEDED"})
    return answer


def take_back(call: Call) -> Answer:
    place, stored = engine.load(call, place_of(call))
    if stored["state"] != "ACCEPTED":
        said = f"The resize request '{place.name}' is in state {stored['state']} and cannot be cancelled."
        raise GoogleError(400, said, reason="invalid")
    return engine.changed_to(call, place, stored, stored | {"state": "CANCELLED"})


METHODS: dict[str, Behaviour] = {
    "compute.instances.addNetworkInterface": changing(_add_interface),
    "compute.instances.deleteNetworkInterface": changing(_delete_interface),
    "compute.instances.setSecurityPolicy": changing(_set_policy),
    "compute.instances.getShieldedInstanceIdentity": identity, "compute.instances.getScreenshot": screenshot,
    "compute.instances.sendDiagnosticInterrupt": interrupt, "compute.instances.getEffectiveFirewalls": firewalls,
    "compute.nodeGroups.performMaintenance": done, "compute.nodeGroups.simulateMaintenanceEvent": done,
    "compute.reservations.performMaintenance": done, "compute.disks.bulkSetLabels": bulk_labels,
    "compute.regionSnapshots.updateKmsKey": disks.new_key, "compute.storagePools.listDisks": pooled,
    **{f"compute.{name}.{verb}": behaviour
       for name in ("instanceGroupManagerResizeRequests", "regionInstanceGroupManagerResizeRequests")
       for verb, behaviour in (("insert", ask_for_more), ("cancel", take_back))},
}  # fmt: skip
