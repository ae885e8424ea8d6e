"""Regions, zones and the project itself, as compute shows them; and what a project starts with.

Zones: recorded. Quotas: the limits of a new project (https://cloud.google.com/compute/quotas), usage counted.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from reconciler.localcloud import projects
from reconciler.localcloud.call import Answer, Behaviour, Call
from reconciler.localcloud.services import generic
from reconciler.localcloud.services.compute import engine, filters, networks, work
from reconciler.localcloud.services.compute.kinds import refused
from reconciler.localcloud.services.compute.places import STORED, Place, prefix_of
from reconciler.localcloud.services.compute.world import REGIONS, pacific, zones
from reconciler.localcloud.values import Json, etag_like, seconds_of

_PLATFORMS = (
    "Ampere Altra", "Intel Broadwell", "Intel Cascade Lake", "Intel Emerald Rapids", "AMD Genoa", "NVIDIA Grace",
    "Intel Granite Rapids", "Intel Haswell", "Intel Ice Lake", "Intel Ivy Bridge", "Google Axion", "AMD Milan",
    "AMD Rome", "Intel Sandy Bridge", "Intel Sapphire Rapids", "Intel Skylake", "AMD Turin",
)  # fmt: skip
_NO_HOST = "UNSPECIFIED_XPN_PROJECT_STATUS"
_BORN = "1969-12-31T16:00:00.000-08:00"
# metric: (limit, collection that is counted)
_GLOBAL_QUOTAS = {
    "SNAPSHOTS": (5000, "snapshots"), "NETWORKS": (15, "networks"), "FIREWALLS": (200, "firewalls"),
    "IMAGES": (2000, "images"), "STATIC_ADDRESSES": (21, "addresses"), "ROUTES": (250, "routes"),
    "FORWARDING_RULES": (45, "forwardingRules"), "TARGET_POOLS": (150, "targetPools"),
    "HEALTH_CHECKS": (150, "healthChecks"), "TARGET_INSTANCES": (150, "targetInstances"),
    "TARGET_HTTP_PROXIES": (30, "targetHttpProxies"), "URL_MAPS": (30, "urlMaps"),
    "BACKEND_SERVICES": (50, "backendServices"), "INSTANCE_TEMPLATES": (300, "instanceTemplates"),
    "TARGET_VPN_GATEWAYS": (15, "targetVpnGateways"), "VPN_TUNNELS": (30, "vpnTunnels"),
    "BACKEND_BUCKETS": (9, "backendBuckets"), "ROUTERS": (20, "routers"),
    "TARGET_SSL_PROXIES": (30, "targetSslProxies"), "TARGET_HTTPS_PROXIES": (30, "targetHttpsProxies"),
    "SSL_CERTIFICATES": (30, "sslCertificates"), "SUBNETWORKS": (275, "subnetworks"),
    "TARGET_TCP_PROXIES": (30, "targetTcpProxies"), "SECURITY_POLICIES": (10, "securityPolicies"),
    "NETWORK_ENDPOINT_GROUPS": (300, "networkEndpointGroups"), "SSL_POLICIES": (50, "sslPolicies"),
}  # fmt: skip
_REGION_QUOTAS = {
    "CPUS": (72, ""), "DISKS_TOTAL_GB": (4096, ""), "STATIC_ADDRESSES": (21, "addresses"),
    "IN_USE_ADDRESSES": (69, ""), "SSD_TOTAL_GB": (500, ""), "INSTANCE_GROUPS": (100, ""),
    "INSTANCE_GROUP_MANAGERS": (50, ""), "INSTANCES": (720, ""), "AUTOSCALERS": (50, ""),
    "NETWORK_ENDPOINT_GROUPS": (300, "networkEndpointGroups"), "EXTERNAL_VPN_GATEWAYS": (15, ""),
}  # fmt: skip


def _project(call: Call) -> str:
    row = projects.find(call.state, call.params["project"])
    return str(row["projectId"]) if row else call.params["project"]


def _number(name: str) -> str:
    """A steady numeric id of a region or zone."""
    return str(1000 + sum(ord(letter) * (index + 7) for index, letter in enumerate(name)))


def _quotas(call: Call, table: dict[str, tuple[int, str]], parent: str) -> list[Json]:
    found = []
    for metric, (limit, collection) in table.items():
        used = sum(1 for _ in call.state.scan(prefix_of(call.state, collection, parent))) if collection else 0
        found.append({"metric": metric, "limit": float(limit), "usage": float(used)})
    return found


def _region(call: Call, name: str) -> Json:
    project = _project(call)
    base = f"{STORED}projects/{project}"
    own = [f"{base}/zones/{zone}" for zone, region in zones().items() if region == name]
    return {
        "kind": "compute#region", "id": _number(name), "creationTimestamp": _BORN, "name": name, "description": name,
        "status": "UP", "zones": own, "supportsPzs": False, "selfLink": f"{base}/regions/{name}",
        "quotas": _quotas(call, _REGION_QUOTAS, f"projects/{project}/regions/{name}"),
    }  # fmt: skip


def _zone(call: Call, name: str) -> Json:
    base = f"{STORED}projects/{_project(call)}"
    return {
        "kind": "compute#zone", "id": _number(name), "creationTimestamp": _BORN, "name": name, "description": name,
        "status": "UP", "region": f"{base}/regions/{zones()[name]}", "selfLink": f"{base}/zones/{name}",
        "availableCpuPlatforms": list(_PLATFORMS), "supportsPzs": False,
    }  # fmt: skip


def _one(word: str, known: Callable[[], Container[str]], shown: Callable[[Call, str], Json]) -> Behaviour:
    def got(call: Call) -> Answer:
        name = call.params[word]
        if name not in known():
            raise engine.missing(Place(f"projects/{_project(call)}", f"{word}s", name))
        return engine.visible(call, shown(call, name))

    return got


def _all(word: str, known: Callable[[], list[str]], shown: Callable[[Call, str], Json]) -> Behaviour:
    def listed(call: Call) -> Answer:
        wanted, after = filters.compiled(call), generic.start_of(call)
        rows = ((name, shown(call, name)) for name in sorted(known()) if name > after)
        found, token = generic.page(call, ((name, row) for name, row in rows if wanted(row)), 500, 500)
        return filters.answered(call, Place(f"projects/{_project(call)}", f"{word}s"), found, token)

    return listed


# --- the project -----------------------------------------------------------------------------------------------


def _settings_key(call: Call) -> str:
    return f"compute.project/{projects.canonical(call.state, 'projects/' + call.params['project'])}"


def get_project(call: Call) -> Answer:
    row = projects.find(call.state, call.params["project"]) or {}
    own, number = _project(call), str(row.get("number", ""))
    kept = call.state.get(_settings_key(call)) or {}
    return engine.visible(call, {
        "kind": "compute#project", "id": number, "name": own, "selfLink": f"{STORED}projects/{own}",
        "creationTimestamp": pacific(seconds_of(str(row.get("createTime") or call.stamp))),
        "defaultNetworkTier": "PREMIUM", "xpnProjectStatus": _NO_HOST,
        "commonInstanceMetadata": {"kind": "compute#metadata", "fingerprint": "AAAAAAAAAAA="},
        "defaultServiceAccount": f"{number}-compute@developer.gserviceaccount.com", "vmDnsSetting": "ZONAL_ONLY",
        "cloudArmorTier": "CA_STANDARD", "quotas": _quotas(call, _GLOBAL_QUOTAS, f"projects/{own}"),
        **{name: value for name, value in kept.items() if name != "host"},
    })  # fmt: skip


def _keep(call: Call, **changed: object) -> Answer:
    key = _settings_key(call)
    call.state.put(key, {**(call.state.get(key) or {}), **changed})
    row = projects.find(call.state, call.params["project"]) or {}
    place = Place(f"projects/{_project(call)}/global", "", "")
    return work.started(call, place, str(row.get("number", "")))


def set_metadata(call: Call) -> Answer:
    kept = (call.state.get(_settings_key(call)) or {}).get("commonInstanceMetadata", {"fingerprint": "AAAAAAAAAAA="})
    said = "Supplied fingerprint does not match current metadata fingerprint."
    engine.check_fingerprint(call.body, kept, said=said)
    fresh = {**call.body, "kind": "compute#metadata", "fingerprint": etag_like(call.rng)}
    return _keep(call, commonInstanceMetadata=fresh)


def set_tier(call: Call) -> Answer:
    return _keep(call, defaultNetworkTier=call.body.get("networkTier", "PREMIUM"))


def set_armor_tier(call: Call) -> Answer:
    return _keep(call, cloudArmorTier=call.body.get("cloudArmorTier", "CA_STANDARD"))


def enable_host(call: Call) -> Answer:
    return _keep(call, xpnProjectStatus="HOST")


def disable_host(call: Call) -> Answer:
    return _keep(call, xpnProjectStatus=_NO_HOST)


def get_host(call: Call) -> Answer:
    """The host project that this one is attached to, if any."""
    host = (call.state.get(_settings_key(call)) or {}).get("host")
    return {"kind": "compute#project", "name": host, "xpnProjectStatus": "HOST"} if host else {}


def _attach(call: Call, *, attached: bool) -> Answer:
    other = str((call.body.get("xpnResource") or {}).get("id", ""))
    row = projects.find(call.state, other)
    if (call.state.get(_settings_key(call)) or {}).get("xpnProjectStatus") != "HOST":
        raise refused("project", _project(call), "The project is not a Shared VPC host project.")
    if row is None:
        raise refused("xpnResource.id", other, "Project not found.")
    key = f"compute.project/projects/{row['number']}"
    kept = {name: value for name, value in (call.state.get(key) or {}).items() if name != "host"}
    call.state.put(key, kept | ({"host": _project(call)} if attached else {}))
    return _keep(call)


def attach(call: Call) -> Answer:
    return _attach(call, attached=True)


def detach(call: Call) -> Answer:
    return _attach(call, attached=False)


def attached_to(call: Call) -> Answer:
    """The service projects of a host."""
    own, found = _project(call), []
    for key, row in call.state.scan("compute.project/projects/"):
        if row.get("host") == own:
            other = projects.with_id(call.state, key.removeprefix("compute.project/"))
            found.append({"id": other.removeprefix("projects/"), "type": "PROJECT"})
    return {"kind": "compute#projectsGetXpnResources"} | ({"resources": found} if found else {})


def hosts(call: Call) -> Answer:
    """All host projects of the organisation."""
    found = []
    for key, row in call.state.scan("compute.project/projects/"):
        if row.get("xpnProjectStatus") == "HOST":
            own = projects.with_id(call.state, key.removeprefix("compute.project/"))
            found.append({"kind": "compute#project", "name": own.removeprefix("projects/"), "xpnProjectStatus": "HOST"})
    place = Place(f"projects/{_project(call)}", "")
    return filters.answered(call, place, found, "")


# --- the beginning ---------------------------------------------------------------------------------------------

_RULES: tuple[Json, ...] = (
    {"name": "default-allow-icmp", "description": "Allow ICMP from anywhere", "allowed": [{"IPProtocol": "icmp"}],
     "sourceRanges": ["0.0.0.0/0"]},
    {"name": "default-allow-internal", "description": "Allow internal traffic on the default network",
     "allowed": [{"IPProtocol": "tcp", "ports": ["0-65535"]}, {"IPProtocol": "udp", "ports": ["0-65535"]},
                 {"IPProtocol": "icmp"}], "sourceRanges": ["10.128.0.0/9"]},
    {"name": "default-allow-rdp", "description": "Allow RDP from anywhere",
     "allowed": [{"IPProtocol": "tcp", "ports": ["3389"]}], "sourceRanges": ["0.0.0.0/0"]},
    {"name": "default-allow-ssh", "description": "Allow SSH from anywhere",
     "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}], "sourceRanges": ["0.0.0.0/0"]},
)  # fmt: skip


def begun(behaviour: Behaviour) -> Behaviour:
    """`behaviour` for a request whose place exists, in a project that has what Google gives every project.

    The network `default` and its firewall come into being with the first call of compute in a project, so that a
    fleet of projects costs nothing. A repeated `requestId` gets the operation that it got before.
    """

    def answered(call: Call) -> Answer:
        _refuse_elsewhere(call)
        row = projects.find(call.state, call.params.get("project", ""))
        if row and row.get("state") == "ACTIVE" and call.state.get(f"compute.begun/{row['number']}") is None:
            call.state.put(f"compute.begun/{row['number']}", {})
            _begin(call, str(row["projectId"]))
        return work.repeated(call) or behaviour(call)

    return answered


def _refuse_elsewhere(call: Call) -> None:
    for word, known in (("region", REGIONS), ("zone", zones())):
        asked = call.params.get(word, "")
        if asked and asked not in known and call.method.id not in (f"compute.{word}s.get",):
            raise refused(word, asked, f"Unknown {word}.")


def _begin(call: Call, project: str) -> None:
    place = Place(f"projects/{project}/global", "networks", "default")
    body = {"name": "default", "description": "Default network for the project", "autoCreateSubnetworks": True}
    engine.make(call, place, body)
    networks.populate(call, place)
    for rule in _RULES:
        engine.make(call, place.beside("firewalls", rule["name"]), {"priority": 65534, "network": place.link, **rule})


METHODS: dict[str, Behaviour] = {
    "compute.regions.get": _one("region", lambda: REGIONS, _region),
    "compute.regions.list": _all("region", lambda: list(REGIONS), _region),
    "compute.zones.get": _one("zone", zones, _zone),
    "compute.zones.list": _all("zone", lambda: list(zones()), _zone),
    "compute.projects.get": get_project,
    "compute.projects.setCommonInstanceMetadata": set_metadata,
    "compute.projects.setDefaultNetworkTier": set_tier,
    "compute.projects.setCloudArmorTier": set_armor_tier,
    "compute.projects.enableXpnHost": enable_host,
    "compute.projects.disableXpnHost": disable_host,
    "compute.projects.getXpnHost": get_host,
    "compute.projects.enableXpnResource": attach,
    "compute.projects.disableXpnResource": detach,
    "compute.projects.getXpnResources": attached_to,
    "compute.projects.listXpnHosts": hosts,
}
