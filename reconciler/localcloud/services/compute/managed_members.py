"""Single machines of a managed group: listed, created by name, deleted, updated now; each with settings of its own."""

from __future__ import annotations

from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.compute import engine, filters, tending
from reconciler.localcloud.services.compute.crew import Crew
from reconciler.localcloud.services.compute.kinds import refused
from reconciler.localcloud.services.compute.managed import crew_of, sized
from reconciler.localcloud.services.compute.places import key_of, place_of
from reconciler.localcloud.services.compute.versions import action_for
from reconciler.localcloud.values import Json, etag_like


def listed(call: Call) -> Answer:
    """listManagedInstances, whole or in pages as the group says."""
    crew = crew_of(call, place_of(call))
    wanted = filters.compiled(call)
    rows = [row for row in (_shown(crew, member) for member in crew.members) if wanted(row)]
    return engine.visible(call, {"managedInstances": rows} if rows else {})


def _shown(crew: Crew, member: Json) -> Json:
    place = crew.home(member)
    stored = crew.state.get(key_of(crew.state, place))
    shown: Json = {
        "name": member["name"], "instance": place.link, "currentAction": member["action"], "lastAttempt": {},
        "version": {"instanceTemplate": member["template"]},
    }  # fmt: skip
    if member.get("version"):
        shown["version"]["name"] = member["version"]
    if stored:
        shown |= {"id": stored["id"], "instanceStatus": stored["status"]}
    if member.get("failed"):
        shown["lastAttempt"] = {"errors": {"errors": [{"code": "CONDITION_NOT_MET", "message": member["failed"]}]}}
    healing = crew.group.get("autoHealingPolicies") or []
    if healing and healing[0].get("healthCheck") and member["action"] == "NONE":
        state = "HEALTHY" if stored and stored["status"] == "RUNNING" else "UNHEALTHY"
        shown["instanceHealth"] = [{"healthCheck": healing[0]["healthCheck"], "detailedHealthState": state}]
    own = crew.row["configs"].get(member["name"], {}).get("preservedState")
    if own:
        shown["preservedStateFromConfig"] = own
    return shown


def errors(call: Call) -> Answer:
    """listErrors: what kept machines from being created."""
    crew = crew_of(call, place_of(call))
    items = [
        {"timestamp": call.stamp, "error": {"code": "CONDITION_NOT_MET", "message": member["failed"]},
         "instanceActionDetails": {"instance": crew.home(member).link, "action": member["action"],
                                   "version": {"instanceTemplate": member["template"]}}}
        for member in crew.members if member.get("failed")
    ]  # fmt: skip
    return {"items": items} if items else {}


def _chosen(call: Call, crew: Crew) -> list[Json]:
    """The members that a request names by URL. GoogleError 400 for one that is not in the group."""
    found: list[Json] = []
    for text in call.body.get("instances", []):
        member = crew.find(str(text).rsplit("/", 1)[-1])
        if member is None:
            if call.body.get("skipInstancesOnValidationError"):
                continue
            said = f"The instance is not a member of the managed instance group '{crew.place.name}'."
            raise refused("instances", text, said)
        if member not in found:
            found.append(member)
    return found


def telling(action: str, less: int = 0, idle: str = "") -> Behaviour:
    """A verb that begins one action on the named machines; `less` of each leaves the group's size."""

    def answer(call: Call) -> Answer:
        crew = crew_of(call, place_of(call))
        chosen = _chosen(call, crew)
        for member in chosen:
            if action == "RECREATING":
                tending.update(crew, member, action)
            else:
                tending.act(crew, member, action)
            if idle:
                member["idle"] = idle
            elif action in ("STARTING", "RESUMING"):
                member.pop("idle", None)
        size = max(0, int(crew.group["targetSize"]) - less * len(chosen))
        for name in ("Stopped", "Suspended"):
            count = sum(member.get("idle") == name for member in crew.members)
            crew.group[f"target{name}Size"] = count
        return sized(call, crew, size)

    return answer


def create(call: Call) -> Answer:
    """createInstances makes machines of given names; the group grows by them."""
    crew = crew_of(call, place_of(call))
    given = call.body.get("instances", [])
    for config in given:
        name = str(config.get("name", ""))
        engine.named_in(crew.place, {"name": name})
        if crew.find(name):
            raise GoogleError(409, f"Instance '{name}' already exists in the group.", reason="alreadyExists")
        if config.get("preservedState"):
            crew.row["configs"][name] = _config(call, config)
        tending.add(crew, name)
    return sized(call, crew, int(crew.group["targetSize"]) + len(given))


def apply(call: Call) -> Answer:
    """applyUpdatesToInstances brings chosen machines to their version now, as disruptively as allowed."""
    crew = crew_of(call, place_of(call))
    chosen = list(crew.alive) if call.body.get("allInstances") else _chosen(call, crew)
    policy = {"minimalAction": "NONE", **call.body}
    for member in chosen:
        needed = tending.needed_for(crew, member)
        if needed == "NONE" and policy["minimalAction"] == "NONE":
            continue
        action = action_for(policy, needed)
        if not action:
            said = f"The update of '{member['name']}' needs more than the most disruptive action that is allowed."
            raise refused("mostDisruptiveAllowedAction", policy.get("mostDisruptiveAllowedAction", ""), said)
        tending.update(crew, member, action)
    return sized(call, crew, int(crew.group["targetSize"]))


# --- configurations of single machines ---------------------------------------------------------------------------


def _config(call: Call, given: Json) -> Json:
    return {**given, "fingerprint": etag_like(call.rng), "status": "EFFECTIVE"}


def configure(call: Call) -> Answer:
    """updatePerInstanceConfigs and patchPerInstanceConfigs."""
    crew = crew_of(call, place_of(call))
    for given in call.body.get("perInstanceConfigs", []):
        name = str(given.get("name", ""))
        if crew.find(name) is None:
            raise refused("perInstanceConfigs.name", name, "There is no such instance in the group.")
        before = crew.row["configs"].get(name, {})
        engine.check_fingerprint(given, before)
        kept = {**before, **given} if call.method.name.startswith("patch") else given
        crew.row["configs"][name] = _config(call, kept)
    return sized(call, crew, int(crew.group["targetSize"]))


def unconfigure(call: Call) -> Answer:
    crew = crew_of(call, place_of(call))
    for name in call.body.get("names", []):
        if crew.row["configs"].pop(name, None) is None:
            raise refused("names", name, "There is no per-instance configuration of this name.")
    return sized(call, crew, int(crew.group["targetSize"]))


def configs(call: Call) -> Answer:
    items = list(crew_of(call, place_of(call)).row["configs"].values())
    return {"items": items} if items else {}


_VERBS: dict[str, Behaviour] = {
    "listManagedInstances": listed, "listErrors": errors, "createInstances": create, "applyUpdatesToInstances": apply,
    "deleteInstances": telling("DELETING", 1), "abandonInstances": telling("ABANDONING", 1),
    "recreateInstances": telling("RECREATING"), "stopInstances": telling("STOPPING", 1, "Stopped"),
    "suspendInstances": telling("SUSPENDING", 1, "Suspended"), "startInstances": telling("STARTING", -1),
    "resumeInstances": telling("RESUMING", -1), "updatePerInstanceConfigs": configure,
    "patchPerInstanceConfigs": configure, "deletePerInstanceConfigs": unconfigure, "listPerInstanceConfigs": configs,
}  # fmt: skip
METHODS: dict[str, Behaviour] = {
    f"compute.{name}.{verb}": behaviour for verb, behaviour in _VERBS.items()
    for name in ("instanceGroupManagers", "regionInstanceGroupManagers")
}  # fmt: skip
