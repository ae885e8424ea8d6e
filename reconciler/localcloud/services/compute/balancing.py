"""Verbs of load balancing: keys of signed URLs, health, validation of URL maps, endpoints of groups."""

from __future__ import annotations

import re
from collections.abc import Callable

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.compute import engine, work
from reconciler.localcloud.services.compute.facts.balancing import COMPATIBLE
from reconciler.localcloud.services.compute.kinds import refused
from reconciler.localcloud.services.compute.places import Place, key_of, place_of, prefix_of, stored_at
from reconciler.localcloud.services.compute.places import parsed as place_at
from reconciler.localcloud.values import Json


def add_key(call: Call) -> Answer:
    """The key itself is never shown again, only its name."""
    place, stored = engine.load(call, place_of(call))
    name = str(call.body.get("keyName", ""))
    policy = stored.get("cdnPolicy", {})
    names = policy.get("signedUrlKeyNames", [])
    if name in names:
        raise refused("keyName", name, "A key with this name already exists.")
    if len(names) >= 3:
        raise refused("keyName", name, "At most 3 signed URL keys are allowed.")
    changed = {**stored, "cdnPolicy": {**policy, "signedUrlKeyNames": [*names, name]}}
    return engine.changed_to(call, place, stored, changed)


def delete_key(call: Call) -> Answer:
    place, stored = engine.load(call, place_of(call))
    name, policy = call.query("keyName"), stored.get("cdnPolicy", {})
    names = policy.get("signedUrlKeyNames", [])
    if name not in names:
        raise refused("keyName", name, "There is no key with this name.")
    kept = {**policy, "signedUrlKeyNames": [one for one in names if one != name]}
    return engine.changed_to(call, place, stored, {**stored, "cdnPolicy": kept})


def health(call: Call) -> Answer:
    """Nothing runs here, so there is no health to tell of any endpoint."""
    engine.load(call, place_of(call))
    return {"kind": "compute#backendServiceGroupHealth"}


def validate(call: Call) -> Answer:
    """The checks that an insert would do, as an answer."""
    resource = call.body.get("resource") or {}
    known = {matcher.get("name") for matcher in resource.get("pathMatchers", [])}
    errors = [
        f"Host rule refers to path matcher '{rule.get('pathMatcher')}', which does not exist."
        for rule in resource.get("hostRules", [])
        if rule.get("pathMatcher") not in known
    ]
    result: Json = {"loadSucceeded": not errors, "testPassed": not errors}
    return {"result": result | ({"loadErrors": errors} if errors else {})}


def invalidate(call: Call) -> Answer:
    place, stored = engine.load(call, place_of(call))
    if not str(call.body.get("path", "")).startswith("/"):
        raise refused("path", call.body.get("path", ""), "The path must begin with '/'.")
    return work.started(call, place, str(stored["id"]))


# --- network endpoint groups -----------------------------------------------------------------------------------


def _members(call: Call, place: Place) -> str:
    return f"compute.endpoints/{projects.canonical(call.state, place.path)}"


def _changing(change: Callable[[list[Json], list[Json]], list[Json]]) -> Behaviour:
    def changed(call: Call) -> Answer:
        place, stored = engine.load(call, place_of(call))
        key = _members(call, place)
        kept = change((call.state.get(key) or {}).get("endpoints", []), call.body.get("networkEndpoints", []))
        call.state.put(key, {"endpoints": kept})
        call.state.put(key_of(call.state, place), {**stored, "size": len(kept)})
        return work.started(call, place, str(stored["id"]))

    return changed


def list_endpoints(call: Call) -> Answer:
    place, _ = engine.load(call, place_of(call))
    found = (call.state.get(_members(call, place)) or {}).get("endpoints", [])
    result: Json = {
        "kind": "compute#networkEndpointGroupsListNetworkEndpoints",
        "id": f"{place.path}/listNetworkEndpoints",
    }
    return result | ({"items": [{"networkEndpoint": one} for one in found]} if found else {})


# --- target pools ----------------------------------------------------------------------------------------------


def _pool(field: str, member: str, inner: str, *, add: bool) -> Behaviour:
    def changed(call: Call) -> Answer:
        place, stored = engine.load(call, place_of(call))
        sent = [one[inner] for one in call.body.get(member, []) if inner in one]
        kept = [one for one in stored.get(field, []) if one not in sent]
        return engine.changed_to(call, place, stored, {**stored, field: [*kept, *sent] if add else kept})

    return changed


# --- the rest --------------------------------------------------------------------------------------------------


def delete_forwarding_rule(call: Call) -> Answer:
    """The address of a rule is free again."""
    place, stored = engine.load(call, place_of(call))
    operation = engine.delete(call)
    for scope in (place.parent, f"projects/{place.project}/global"):
        for key, row in list(call.state.scan(f"compute.addresses/{projects.canonical(call.state, scope)}/addresses/")):
            if stored["selfLink"] in row.get("users", []):
                users = [user for user in row["users"] if user != stored["selfLink"]]
                row |= {"users": users, "status": "IN_USE" if users else "RESERVED"}
                if not users:
                    del row["users"]
                call.state.put(key, row)
    return operation


def set_target(call: Call) -> Answer:
    """A forwarding rule's new target must exist."""
    place, stored = engine.load(call, place_of(call))
    changed = engine.with_links(call, place, {**stored, "target": call.body.get("target")})
    at = place_at(str(changed["target"]))
    if at and at.project == place.project and stored_at(call.state, at) is None:
        raise GoogleError(404, f"The resource '{at.path}' was not found", reason="notFound")
    return engine.changed_to(call, place, stored, changed)


def features(_: Call) -> Answer:
    """All cipher suites that a custom SSL policy may choose from."""
    return {"features": sorted(COMPATIBLE)}


def _usable(collection: str, kind: str) -> Behaviour:
    def listed(call: Call) -> Answer:
        parent = place_of(call).parent
        rows = call.state.scan(prefix_of(call.state, collection, parent))
        found = [engine.visible(call, row) for _, row in rows]
        result: Json = {"kind": kind, "id": f"{parent}/{collection}"}
        return result | ({"items": found} if found else {})

    return listed


# https://cloud.google.com/armor/docs/waf-rules: what `evaluatePreconfiguredWaf` may name.
_WAF = (
    "sqli", "xss", "lfi", "rfi", "rce", "methodenforcement", "scannerdetection", "protocolattack", "php",
    "sessionfixation", "java", "nodejs",
)  # fmt: skip


def expressions(_: Call) -> Answer:
    """Names of the preconfigured rules, without their signatures."""
    sets = [{"id": f"{name}-{level}"} for name in _WAF for level in ("v33-stable", "v33-canary")]
    return {"preconfiguredExpressionSets": {"wafRules": {"expressionSets": sets}}}


def set_backup(call: Call) -> Answer:
    place, stored = engine.load(call, place_of(call))
    ratio = call.query("failoverRatio")
    if ratio and not re.fullmatch(r"0?\.\d+|0|1(\.0*)?", ratio):
        raise refused("failoverRatio", ratio, "Must be between 0 and 1.")
    changed = {**stored, "backupPool": call.body.get("target")} | ({"failoverRatio": float(ratio)} if ratio else {})
    return engine.changed_to(call, place, stored, changed)


def _table() -> dict[str, Behaviour]:
    found: dict[str, Behaviour] = {
        "compute.urlMaps.validate": validate,
        "compute.regionUrlMaps.validate": validate,
        "compute.urlMaps.invalidateCache": invalidate,
        "compute.regionUrlMaps.invalidateCache": invalidate,
        "compute.backendServices.getHealth": health,
        "compute.regionBackendServices.getHealth": health,
        "compute.targetPools.getHealth": health,
        "compute.targetPools.addInstance": _pool("instances", "instances", "instance", add=True),
        "compute.targetPools.removeInstance": _pool("instances", "instances", "instance", add=False),
        "compute.targetPools.addHealthCheck": _pool("healthChecks", "healthChecks", "healthCheck", add=True),
        "compute.targetPools.removeHealthCheck": _pool("healthChecks", "healthChecks", "healthCheck", add=False),
    }
    found["compute.targetPools.setBackup"] = set_backup
    for owner in ("sslPolicies", "regionSslPolicies"):
        found[f"compute.{owner}.listAvailableFeatures"] = features
    for owner in ("securityPolicies", "organizationSecurityPolicies"):
        found[f"compute.{owner}.listPreconfiguredExpressionSets"] = expressions
    for owner in ("backendServices", "regionBackendServices"):
        kind = "compute#usableBackendServiceList"
        found[f"compute.{owner}.listUsable"] = _usable("backendServices", kind)
    for owner in ("backendBuckets", "regionBackendBuckets"):
        found[f"compute.{owner}.listUsable"] = _usable("backendBuckets", "compute#usableBackendBucketList")
    for owner in ("backendServices", "backendBuckets"):
        found |= {f"compute.{owner}.addSignedUrlKey": add_key, f"compute.{owner}.deleteSignedUrlKey": delete_key}
    for owner in ("networkEndpointGroups", "globalNetworkEndpointGroups", "regionNetworkEndpointGroups"):
        found[f"compute.{owner}.attachNetworkEndpoints"] = _changing(
            lambda old, new: [*old, *(one for one in new if one not in old)]
        )
        found[f"compute.{owner}.detachNetworkEndpoints"] = _changing(
            lambda old, new: [one for one in old if one not in new]
        )
        found[f"compute.{owner}.listNetworkEndpoints"] = list_endpoints
    for owner in ("forwardingRules", "globalForwardingRules"):
        found |= {f"compute.{owner}.delete": delete_forwarding_rule, f"compute.{owner}.setTarget": set_target}
    return found


METHODS = _table()
