"""Which version each machine of a managed group should have, and how many may be added or missing meanwhile.

Pure arithmetic on the JSON of a group and its members. Rules:
https://cloud.google.com/compute/docs/instance-groups/updating-migs (versions, maxSurge, maxUnavailable).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from reconciler.localcloud.values import Json

GONE = ("DELETING", "ABANDONING")
_RANK = {"NONE": 0, "REFRESH": 1, "RESTART": 2, "REPLACE": 3}
_ACTIONS = {"NONE": "REFRESHING", "REFRESH": "REFRESHING", "RESTART": "RESTARTING", "REPLACE": "RECREATING"}


@dataclass(frozen=True)
class Version:
    """`quota` is how many machines should have it."""

    template: str
    name: str
    quota: int

    def suits(self, member: Json) -> bool:
        return bool(member["template"] == self.template and member.get("version", "") == self.name)


def amount(setting: Json, size: int, *, up: bool) -> int:
    """A FixedOrPercent or its default, as a number of machines."""
    if setting.get("percent") is not None:
        share = size * int(setting["percent"]) / 100
        return math.ceil(share) if up else math.floor(share)
    return int(setting.get("fixed", 0))


def wanted(group: Json) -> list[Version]:
    """The versions with their quotas, which add up to the group's size; the one without a target takes the rest."""
    size, found, rest = int(group.get("targetSize", 0)), [], None
    for version in group.get("versions", []):
        target = version.get("targetSize") or {}
        if target.get("fixed") is None and target.get("percent") is None:
            rest = version
            continue
        quota = min(size, max(0, amount(target, int(group.get("targetSize", 0)), up=True)))
        found.append(Version(version.get("instanceTemplate", ""), version.get("name", ""), quota))
        size -= quota
    if rest is not None:
        found.append(Version(rest.get("instanceTemplate", ""), rest.get("name", ""), size))
    return found


def _sorted_out(group: Json, members: list[Json]) -> tuple[list[Json], list[Json], int]:
    """Members of no wanted version, members beyond the quota of theirs, and how many places are free."""
    room = {version: version.quota for version in wanted(group)}
    strangers: list[Json] = []
    beyond: list[Json] = []
    for member in members:
        version = next((one for one in room if one.suits(member)), None)
        if version is None:
            strangers.append(member)
        elif room[version] > 0:
            room[version] -= 1
        else:
            beyond.append(member)
    return strangers, beyond, sum(room.values())


def stale(group: Json, members: list[Json]) -> list[Json]:
    """Members that should get another version."""
    strangers, beyond, free = _sorted_out(group, members)
    return [*strangers, *beyond[: max(0, free - len(strangers))]]


def superfluous(group: Json, members: list[Json]) -> list[Json]:
    """Members that have no place in the group as it should be."""
    strangers, beyond, _ = _sorted_out(group, members)
    return [*strangers, *beyond]


def lacking(group: Json, members: list[Json]) -> Version:
    """The version that the next machine gets: the first whose quota is not filled."""
    versions = wanted(group)
    for version in versions:
        if sum(version.suits(member) for member in members) < version.quota:
            return version
    return versions[-1] if versions else Version("", "", 0)


def action_for(policy: Json, needed: str) -> str:
    """What an update does to one machine, or an empty text if the policy does not allow what is needed."""
    least, most = policy.get("minimalAction") or "REPLACE", policy.get("mostDisruptiveAllowedAction") or "REPLACE"
    chosen = max(needed, least, key=_RANK.__getitem__)
    if _RANK[needed] > _RANK[most]:
        return ""
    return _ACTIONS[min(chosen, most, key=_RANK.__getitem__)]


def needed_action(before: Json, after: Json) -> str:
    """How disruptive it is to bring a machine from one template to another, by the fields that differ."""
    names = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    names -= {"fingerprint"}
    if not names:
        return "NONE"
    if names <= {"metadata", "labels", "tags", "description"}:
        return "REFRESH"
    return "RESTART" if names <= {"metadata", "labels", "tags", "description", "machineType", "serviceAccounts",
                                  "scheduling", "shieldedInstanceConfig", "minCpuPlatform"} else "REPLACE"  # fmt: skip
