"""What a resource refers to must exist: Google answers 404 for the other resource, before anything is created."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reconciler.localcloud.call import Call
from reconciler.localcloud.errors import GoogleError
from reconciler.localcloud.services.compute import work
from reconciler.localcloud.services.compute.kinds import refused
from reconciler.localcloud.services.compute.places import STORED, Place, parsed, prefix_of, stored_at
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json

# Collections whose resources are all made by somebody's request, so that an unknown one is surely absent.
_MADE = frozenset({
    "networks", "subnetworks", "healthChecks", "httpHealthChecks", "httpsHealthChecks", "backendServices",
    "backendBuckets", "urlMaps", "targetHttpProxies", "targetHttpsProxies", "targetGrpcProxies", "targetTcpProxies",
    "targetSslProxies", "targetPools", "sslCertificates", "sslPolicies", "securityPolicies", "instanceGroups",
    "networkEndpointGroups", "instanceGroupManagers", "snapshots", "resourcePolicies",
    "serviceAttachments", "routers", "vpnGateways", "targetVpnGateways",
})  # fmt: skip


# A field of this name links to this collection and to no other.
_FIELDS = {
    "network": "networks", "subnetwork": "subnetworks", "sourceDisk": "disks", "sourceSnapshot": "snapshots",
    "sourceInstance": "instances", "urlMap": "urlMaps", "router": "routers", "vpnGateway": "vpnGateways",
    "sslPolicy": "sslPolicies", "securityPolicy": "securityPolicies",
}  # fmt: skip


def refuse_malformed(body: Json) -> None:
    """GoogleError 400 for a field that links to another kind of resource than it is for."""
    for name, collection in _FIELDS.items():
        at = parsed(str(body.get(name, "")))
        if at and at.collection != collection:
            raise refused(f"resource.{name}", body[name], "The URL is malformed.")


def refuse_dangling(call: Call, place: Place, body: Json, before: Json | None = None) -> None:
    """GoogleError 404 when a link in `body`, other than those in `before`, names nothing in the same project.

    Unless the cloud is strict, this holds a project only for kinds of which it has made one: so a recording that was
    made in a project that was prepared before still replays (the same rule as for enabled APIs in `projects.admit`).
    """
    refuse_malformed(body)
    old = set(_links(before or {}))
    for link in _links(body):
        at = parsed(link)
        if at is None or link in old or at.project != place.project or not at.name:
            continue
        work.refuse_unready(call, at)
        if at.collection not in _MADE:
            continue
        held = call.settings.strict_services or _has_any(call.state, at)
        if held and stored_at(call.state, at) is None:
            raise GoogleError(404, f"The resource '{at.path}' was not found", reason="notFound")


def _has_any(state: State, at: Place) -> bool:
    """Whether the project has a resource of this kind in this scope that somebody made."""
    rows = state.scan(prefix_of(state, at.collection, at.parent))
    return any(row.get("name") != "default" for _, row in rows)


def _links(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in ("selfLink", "selfLinkWithId"):
                yield from _links(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _links(inner)
    elif isinstance(value, str) and value.startswith(STORED):
        yield value
