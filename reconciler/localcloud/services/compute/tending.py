"""Managed instance groups bring about by themselves what they were told to be, step by step in virtual time.

A step ends what was going on and begins what is next; `operations.later` calls for another as long as something is
left. The steps keep to maxSurge and maxUnavailable.
"""

from __future__ import annotations

from reconciler.localcloud import operations, projects
from reconciler.localcloud.call import Moment
from reconciler.localcloud.operations import Ending
from reconciler.localcloud.services.compute import crew as machines
from reconciler.localcloud.services.compute import groups, versions
from reconciler.localcloud.services.compute.crew import Crew, crew_at, mould_key
from reconciler.localcloud.services.compute.places import STORED, Place, key_of, parsed
from reconciler.localcloud.values import Json

# Seconds that a machine takes to come up or go away (typical).
STEP = 20.0
_ACTIONS = (
    "abandoning", "creating", "creatingWithoutRetries", "deleting", "none", "recreating", "refreshing", "restarting",
    "resuming", "starting", "stopping", "suspending", "verifying",
)  # fmt: skip
_LETTERS = "0123456789bcdfghjklmnpqrstvwxz"
_ENDS = {"STOPPING": "TERMINATED", "SUSPENDING": "SUSPENDED"}
_STARTS = {"CREATING": "STAGING", "RECREATING": "STOPPING", "RESTARTING": "STOPPING", "DELETING": "STOPPING"}


def lost(moment: Moment, instance: Place, stored: Json) -> bool:
    """Whether a deleted instance belongs to a managed group, which then makes it anew under the same name."""
    items = stored.get("metadata", {}).get("items", [])
    owner = next((item["value"] for item in items if item.get("key") == "created-by"), "")
    place = parsed(STORED + projects.with_id(moment.state, str(owner)))
    crew = crew_at(moment, place) if place and place.collection == "instanceGroupManagers" else None
    member = crew.find(instance.name) if crew else None
    if crew is None or member is None or crew.home(member) != instance:
        return False
    if member["action"] == "NONE":
        act(crew, member, "RECREATING")
    go_on(crew)
    return True


# --- one step ------------------------------------------------------------------------------------------------------


def step(ending: Ending) -> None:
    """The finisher of a group's chore."""
    place = Place(ending.args["parent"], "instanceGroupManagers", ending.args["name"])
    crew = crew_at(ending.moment, place)
    if crew is not None:
        crew.row["due"] = False
        _finish(crew)
        go_on(crew)


def _finish(crew: Crew) -> None:
    for member in list(crew.members):
        action = member["action"]
        if action in versions.GONE:
            if action == "DELETING":
                machines.remove(crew, member)
            crew.members.remove(member)
            continue
        if action == "RECREATING":
            machines.remove(crew, member)
            member.update(member.pop("next", {}))
            machines.cast(crew, member, "RUNNING")
        elif action in ("RESTARTING", "REFRESHING"):
            member.update(member.pop("next", {}))
            machines.refresh(crew, member)
        elif action != "NONE" and not member.get("failed"):
            machines.set_status(crew, member, _ENDS.get(action, "RUNNING"))
        member["action"] = action if member.get("failed") else "NONE"


def go_on(crew: Crew) -> None:
    """Begin what the group wants next, show it, and call for the next step if anything is left to do."""
    _begin(crew)
    keep(crew)
    busy = any(member["action"] != "NONE" and not member.get("failed") for member in crew.members)
    if busy and not crew.row.get("due"):
        crew.row["due"] = True
        crew.state.put(machines.side_key(crew.state, crew.place), crew.row)
        chore = f"compute.chores/{key_of(crew.state, crew.place)}"
        seconds = STEP / crew.moment.settings.time_scale
        operations.later(
            crew.moment, chore, seconds, "compute.tend", {"parent": crew.place.parent, "name": crew.place.name}
        )


def act(crew: Crew, member: Json, action: str) -> None:
    member["action"] = action
    if action in _STARTS:
        machines.set_status(crew, member, _STARTS[action])


def add(crew: Crew, name: str = "") -> Json:
    """Begin to create one machine, in the zone that has the fewest."""
    version = versions.lacking(crew.group, crew.alive)
    counts = {zone: sum(member["zone"] == zone for member in crew.alive) for zone in crew.zones}
    zone = min(counts, key=lambda one: counts[one])
    base = crew.group["baseInstanceName"]
    while not name or crew.find(name):
        name = f"{base}-{''.join(crew.moment.rng.choice(_LETTERS) for _ in range(4))}"
    member: Json = {
        "name": name, "zone": zone, "action": "CREATING", "template": version.template, "version": version.name,
    }  # fmt: skip
    crew.members.append(member)
    machines.cast(crew, member, "STAGING")
    return member


def _begin(crew: Crew) -> None:
    for failed in [one for one in crew.members if one.get("failed")]:
        version = versions.lacking(crew.group, [one for one in crew.alive if one is not failed])
        failed.update({"template": version.template, "version": version.name})
        machines.cast(crew, failed, "STAGING")
    size = int(crew.group.get("targetSize", 0))
    policy = crew.group.get("updatePolicy", {})
    old = versions.stale(crew.group, crew.alive) if policy.get("type") == "PROACTIVE" else []
    old = [member for member in old if _update_of(crew, member, policy)]
    swap = [member for member in old if _update_of(crew, member, policy) == "RECREATING"]
    if policy.get("replacementMethod") == "RECREATE":
        swap = []
    _in_place(crew, [member for member in old if member not in swap], policy)
    alive = crew.alive
    surge = versions.amount(policy.get("maxSurge", {}), size, up=True)
    missing = versions.amount(policy.get("maxUnavailable", {}), size, up=False)
    ready = sum(member["action"] == "NONE" for member in alive)
    if swap:
        victims = [member for member in swap if member["action"] == "NONE"]
        for member in victims[: max(0, ready - (size - missing), len(alive) - size - surge)]:
            act(crew, member, "DELETING")
    elif len(alive) > size:
        for member in _superfluous(crew, alive)[: len(alive) - size]:
            act(crew, member, "DELETING")
    replaced = max(0, len(crew.alive) - size)
    extra = max(0, min(surge, len([m for m in swap if m["action"] == "NONE"])) - replaced)
    room = size + (surge if swap else 0) - len([member for member in crew.members if not member.get("idle")])
    for _ in range(max(0, min(room, size - len(crew.alive) + extra))):
        add(crew)


def _update_of(crew: Crew, member: Json, policy: Json) -> str:
    return versions.action_for(policy, needed_for(crew, member))


def needed_for(crew: Crew, member: Json) -> str:
    """How disruptive it is to bring a machine to the version that it should have."""
    version = versions.lacking(crew.group, [one for one in crew.alive if one is not member])
    moulds = crew.row["moulds"]
    before = moulds.get(mould_key(member["template"], member["zone"]), {}).get("properties", {})
    after = moulds.get(mould_key(version.template, member["zone"]), {}).get("properties", {})
    return versions.needed_action(before, after)


def _in_place(crew: Crew, old: list[Json], policy: Json) -> None:
    """Update machines where they are, no more at a time than may be unavailable."""
    busy = sum(member["action"] != "NONE" for member in crew.alive)
    slots = max(0, versions.amount(policy.get("maxUnavailable", {}), int(crew.group["targetSize"]), up=False) - busy)
    for member in [one for one in old if one["action"] == "NONE"][:slots]:
        update(crew, member, _update_of(crew, member, policy))


def update(crew: Crew, member: Json, action: str) -> None:
    """Begin to bring one machine to the version that it should have."""
    others = [{**one, **one.get("next", {})} for one in crew.alive if one is not member]
    version = versions.lacking(crew.group, others)
    member["next"] = {"template": version.template, "version": version.name}
    act(crew, member, action)


def _superfluous(crew: Crew, alive: list[Json]) -> list[Json]:
    """Whom to delete first: what is outdated, what is not up yet, what is in the fullest zone, the youngest."""
    old = {member["name"] for member in versions.superfluous(crew.group, alive)}
    counts = {zone: sum(member["zone"] == zone for member in alive) for zone in crew.zones}
    left, chosen = list(alive), []
    while left:
        pick = max(
            range(len(left)),
            key=lambda at: (
                left[at]["name"] in old, left[at]["action"] != "NONE", counts.get(left[at]["zone"], 0), at,
            ),
        )  # fmt: skip
        member = left.pop(pick)
        counts[member["zone"]] = counts.get(member["zone"], 1) - 1
        chosen.append(member)
    return chosen


# --- what the group shows --------------------------------------------------------------------------------------


def keep(crew: Crew) -> None:
    """Store the group as it is now: its actions, whether it is stable, how far its versions are."""
    group, alive = crew.group, crew.alive
    counted = dict.fromkeys(_ACTIONS, 0)
    for member in crew.members:
        head, *rest = member["action"].lower().split("_")
        counted[head + "".join(word.capitalize() for word in rest)] += 1
    for version, found in zip(_in_order(group), versions.wanted(group), strict=True):
        version["targetSize"] = {**(version.get("targetSize") or {}), "calculated": found.quota}
    quiet = counted["none"] == len(crew.members) and len(alive) == int(group["targetSize"])
    preserved = bool(group.get("statefulPolicy") or crew.row["configs"])
    group["currentActions"] = counted
    group["status"] = group.get("status", {}) | {
        "isStable": quiet, "versionTarget": {"isReached": quiet and not versions.stale(group, alive)},
        "allInstancesConfig": {"effective": True},
        "stateful": {"hasStatefulConfig": preserved, "perInstanceConfigs": {"allEffective": True}},
    }  # fmt: skip
    crew.state.put(key_of(crew.state, crew.place), group)
    crew.state.put(machines.side_key(crew.state, crew.place), crew.row)
    own = [crew.home(member).link for member in crew.members]
    groups.enrol(crew.state, crew.place.beside("instanceGroups", crew.place.name), own)


def _in_order(group: Json) -> list[Json]:
    """The versions in the order of `versions.wanted`: the one without a target of its own is last."""

    def fixed(version: Json) -> bool:
        target = version.get("targetSize") or {}
        return target.get("fixed") is not None or target.get("percent") is not None

    found = group.get("versions", [])
    return [*(one for one in found if fixed(one)), *(one for one in found if not fixed(one))]
