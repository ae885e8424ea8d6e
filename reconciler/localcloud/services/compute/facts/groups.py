"""Instance groups, managed groups and autoscalers: what Google fills in and refuses.

https://cloud.google.com/compute/docs/reference/rest/v1/instanceGroupManagers and …/autoscalers; the answers of managed
groups in the recordings come from a stand-in that fills in next to nothing, so the rest is recalled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.localcloud.services.compute.kinds import Draft, Kind, refused
from reconciler.localcloud.services.compute.places import STORED, parsed
from reconciler.localcloud.services.compute.sources import existing, unfound
from reconciler.localcloud.services.compute.versions import amount, wanted
from reconciler.localcloud.services.compute.world import zones
from reconciler.localcloud.values import Json

_SURGE = (
    "Fixed updatePolicy.{} for regional managed instance group has to be either 0 or at least equal to the number of "
    "zones."
)

MOST_ZONAL, MOST_REGIONAL = 1000, 2000


def zones_in(scope: str) -> list[str]:
    """The zones of `regions/R`, or the one of `zones/Z`."""
    word, _, name = scope.partition("/")
    return [name] if word == "zones" else sorted(zone for zone, region in zones().items() if region == name)


def fitting(size: int, scope: str, field: str) -> int:
    """`size`, if a group of that scope can have it (cloud.google.com/compute/docs/instance-groups#limits)."""
    if size < 0:
        raise refused(field, size, "Must be greater than or equal to 0.")
    most = MOST_REGIONAL if scope.startswith("regions/") else MOST_ZONAL
    if size > most:
        raise refused(field, size, f"Must be less than or equal to {most}.")
    return size


def _plain(versions: list[Json]) -> list[Json]:
    """Versions without what the server computes."""
    bare = []
    for version in versions:
        target = {name: value for name, value in (version.get("targetSize") or {}).items() if name != "calculated"}
        bare.append({**version, "targetSize": target} if target else
                    {name: value for name, value in version.items() if name != "targetSize"})  # fmt: skip
    return bare


def _versions(draft: Draft) -> None:
    """A template and a single version mean the same; whichever was changed decides."""
    body, before = draft.body, draft.before or {}
    versions, template = _plain(body.get("versions") or []), body.get("instanceTemplate")
    if before and versions == _plain(before.get("versions", [])) and template != before.get("instanceTemplate"):
        versions = []
    if not versions:
        if not template:
            raise refused("resource.instanceTemplate", "", "An instance template or versions must be specified.")
        versions = [{"instanceTemplate": template}]
    free = [version for version in versions if not version.get("targetSize")]
    if len(free) != 1:
        raise refused("resource.versions", "", "Exactly one version must be without a target size.")
    for version in versions:
        link = str(version.get("instanceTemplate", ""))
        if existing(draft.call.state, link) is None:
            raise unfound("resource.instanceTemplate", link, "instanceTemplate")
    body["versions"] = versions
    body["instanceTemplate"] = free[0]["instanceTemplate"]
    for version, found in zip([*(v for v in versions if v not in free), *free], wanted(body), strict=True):
        version["targetSize"] = {**(version.get("targetSize") or {}), "calculated": found.quota}


def _policy(draft: Draft) -> None:
    body = draft.body
    regional = draft.place.scope.startswith("regions/")
    places = len(body["distributionPolicy"]["zones"]) if regional else 1
    policy = body.setdefault("updatePolicy", {})
    usual = {"type": "OPPORTUNISTIC", "minimalAction": "REPLACE", "replacementMethod": "SUBSTITUTE"}
    if regional:
        usual["instanceRedistributionType"] = "PROACTIVE"
    for name, value in usual.items():
        policy.setdefault(name, value)
    recreate = policy["replacementMethod"] == "RECREATE"
    sizes = {}
    for name in ("maxSurge", "maxUnavailable"):
        spare = policy.get(name) or {"fixed": 0 if recreate and name == "maxSurge" else places}
        fixed = spare.get("fixed")
        if fixed is not None and 0 < int(fixed) < places:
            raise refused(f"resource.updatePolicy.{name}", fixed, _SURGE.format(name))
        sizes[name] = amount(spare, int(body.get("targetSize", 0)), up=name == "maxSurge")
        kept = {key: value for key, value in spare.items() if key != "calculated"}
        policy[name] = {**kept, "calculated": sizes[name]}
    if recreate and sizes["maxSurge"]:
        said = "maxSurge must be 0 when replacementMethod is RECREATE."
        raise refused("resource.updatePolicy.maxSurge", sizes["maxSurge"], said)
    if all(str(policy[name].get("fixed", policy[name].get("percent"))) == "0" for name in sizes):
        said = "maxSurge and maxUnavailable cannot both be 0."
        raise refused("resource.updatePolicy.maxUnavailable", 0, said)


def _managed(draft: Draft) -> None:
    body, place = draft.body, draft.place
    body["targetSize"] = fitting(int(body.get("targetSize") or 0), place.scope, "resource.targetSize")
    draft.default("baseInstanceName", place.name[:58].rstrip("-"))
    draft.default("instanceGroup", place.beside("instanceGroups", place.name).link)
    if place.scope.startswith("regions/"):
        spread = body.setdefault("distributionPolicy", {})
        chosen = [str(zone.get("zone", "")).rsplit("/", 1)[-1] for zone in spread.get("zones") or []]
        known = zones_in(place.scope)
        for zone in chosen:
            if zone not in known:
                raise refused("resource.distributionPolicy.zones", zone, "The zone is not in the region of the group.")
        home = f"{STORED}projects/{place.project}/zones/"
        spread["zones"] = [{"zone": home + zone} for zone in chosen or known[:3]]
        spread.setdefault("targetShape", "EVEN")
    _versions(draft)
    _policy(draft)


def _autoscaler(draft: Draft) -> None:
    policy = draft.body.get("autoscalingPolicy") or {}
    most = policy.get("maxNumReplicas")
    if most is None:
        raise refused("resource.autoscalingPolicy.maxNumReplicas", "", "The maximum number of replicas must be given.")
    fitting(int(most), draft.place.scope, "resource.autoscalingPolicy.maxNumReplicas")
    least = policy.setdefault("minNumReplicas", min(2, int(most)))
    fitting(int(least), draft.place.scope, "resource.autoscalingPolicy.minNumReplicas")
    if int(least) > int(most):
        said = "Maximum number of replicas must not be less than the minimum."
        raise refused("resource.autoscalingPolicy.maxNumReplicas", most, said)
    link = str(draft.body.get("target", ""))
    place = parsed(link)
    if existing(draft.call.state, link) is None or place is None:
        raise unfound("resource.target", link, "instanceGroupManager")
    if not any(name in policy for name in (
        "cpuUtilization", "loadBalancingUtilization", "customMetricUtilizations", "scalingSchedules",
    )):  # fmt: skip
        policy["cpuUtilization"] = {"utilizationTarget": 0.6, "predictiveMethod": "NONE"}


MESSAGES: dict[str, Mapping[str, Any]] = {
    "AutoscalingPolicy": {"coolDownPeriodSec": 60, "mode": "ON"},
    "AutoscalingPolicyCpuUtilization": {"utilizationTarget": 0.6, "predictiveMethod": "NONE"},
    "InstanceGroupManagerInstanceLifecyclePolicy": {
        "defaultActionOnFailure": "REPAIR", "forceUpdateOnRepair": "NO", "onFailedHealthCheck": "DEFAULT_ACTION",
    },
}  # fmt: skip
KINDS: dict[str, Kind] = {
    "instanceGroups": Kind(defaults={"size": 0}, used_by=("backendServices",), noun="instance_group"),
    "instanceGroupManagers": Kind(
        defaults={"instanceLifecyclePolicy": {}, "standbyPolicy": {"initialDelaySec": 0, "mode": "MANUAL"},
                  "listManagedInstancesResults": "PAGELESS", "targetStoppedSize": 0, "targetSuspendedSize": 0,
                  "satisfiesPzi": True},
        fill=_managed,
        required=("targetSize",),
        immutable=frozenset({"baseInstanceName"}),
        noun="instance_group_manager",
    ),
    "autoscalers": Kind(defaults={"status": "ACTIVE"}, fill=_autoscaler),
}  # fmt: skip
