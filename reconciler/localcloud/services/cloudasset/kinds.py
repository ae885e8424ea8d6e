"""The kinds of assets, and where in the local cloud's state they stand.

Types and forms of names: https://cloud.google.com/asset-inventory/docs/asset-types and asset-name-format. Every
resource stands under `<service>.<collection>/<path with the project's number>`; what differs is in NAMES.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from reconciler.localcloud import projects
from reconciler.localcloud.state import State
from reconciler.localcloud.values import Json

_HOST = ".googleapis.com"


@dataclass(frozen=True)
class Kind:
    """`collection` is the first word of the keys; `numbered` names carry the project's number, others its id."""

    type: str
    collection: str
    version: str = "v1"
    numbered: bool = False
    host: str = ""

    @property
    def service(self) -> str:
        return self.type.partition(".")[0]

    @property
    def short(self) -> str:
        return self.type.partition("/")[2]

    @property
    def prefix(self) -> str:
        return f"//{self.host or self.service}{_HOST}/"


def _kinds(service: str, version: str, numbered: bool = False, **collections: str) -> list[Kind]:
    return [
        Kind(f"{service}{_HOST}/{short}", f"{service}.{collection}", version, numbered)
        for short, collection in collections.items()
    ]


PROJECT = Kind("cloudresourcemanager.googleapis.com/Project", "project", "v3", numbered=True)
FOLDER = Kind("cloudresourcemanager.googleapis.com/Folder", "cloudresourcemanager.folders", "v3")
ORGANISATION = Kind("cloudresourcemanager.googleapis.com/Organization", "", "v3")
BUCKET = Kind("storage.googleapis.com/Bucket", "storage.b")
KINDS: dict[str, Kind] = {
    kind.type: kind
    for kind in (
        PROJECT, FOLDER, ORGANISATION, BUCKET,
        Kind("sqladmin.googleapis.com/Instance", "sqladmin.instances", "v1beta4", host="cloudsql"),
        Kind("sqladmin.googleapis.com/BackupRun", "sqladmin.backupRuns", "v1beta4", host="cloudsql"),
        *_kinds("artifactregistry", "v1", Repository="repositories"),
        *_kinds("certificatemanager", "v1", Certificate="certificates", CertificateMap="certificateMaps",
                DnsAuthorization="dnsAuthorizations"),
        *_kinds("cloudbuild", "v1", Build="builds", BuildTrigger="triggers", WorkerPool="workerPools"),
        *_kinds("cloudkms", "v1", KeyRing="keyRings", CryptoKey="cryptoKeys", CryptoKeyVersion="cryptoKeyVersions"),
        *_kinds("cloudscheduler", "v1", Job="jobs"),
        *_kinds("cloudresourcemanager", "v3", TagKey="tagKeys", TagValue="tagValues", Lien="liens"),
        *_kinds("compute", "v1", Address="addresses", BackendBucket="backendBuckets", BackendService="backendServices",
                Disk="disks", Firewall="firewalls", ForwardingRule="forwardingRules", HealthCheck="healthChecks",
                Image="images", Instance="instances", InstanceGroup="instanceGroups",
                InstanceGroupManager="instanceGroupManagers", InstanceTemplate="instanceTemplates", Network="networks",
                NetworkEndpointGroup="networkEndpointGroups", Route="routes", Router="routers",
                SecurityPolicy="securityPolicies", Snapshot="snapshots", SslCertificate="sslCertificates",
                SslPolicy="sslPolicies", Subnetwork="subnetworks", TargetHttpProxy="targetHttpProxies",
                TargetHttpsProxy="targetHttpsProxies", UrlMap="urlMaps"),
        *_kinds("dns", "v1", ManagedZone="managedZones"),
        *_kinds("iam", "v1", Role="roles", ServiceAccount="serviceAccounts", ServiceAccountKey="keys"),
        *_kinds("logging", "v2", LogBucket="buckets", LogMetric="metrics", LogSink="sinks"),
        *_kinds("monitoring", "v3", AlertPolicy="alertPolicies", NotificationChannel="notificationChannels",
                UptimeCheckConfig="uptimeCheckConfigs"),
        *_kinds("pubsub", "v1", Snapshot="snapshots", Subscription="subscriptions", Topic="topics"),
        *_kinds("redis", "v1", Instance="instances"),
        *_kinds("run", "v2", Execution="executions", Job="jobs", Revision="revisions", Service="services"),
        Kind("secretmanager.googleapis.com/Secret", "secretmanager.secrets", numbered=True),
        Kind("secretmanager.googleapis.com/SecretVersion", "secretmanager.versions", numbered=True),
        *_kinds("serviceusage", "v1", numbered=True, Service="services"),
        *_kinds("spanner", "v1", Database="databases", Instance="instances"),
        *_kinds("workflows", "v1", Workflow="workflows"),
    )
}  # fmt: skip
BY_COLLECTION: dict[str, Kind] = {kind.collection: kind for kind in KINDS.values() if kind.collection}
_PLACE = re.compile(r"/(?:locations|regions|zones)/([^/]+)/")


def full_name(state: State, kind: Kind, key: str, row: Json) -> str:
    path = key.partition("/")[2]
    if kind is PROJECT:
        return f"{kind.prefix}projects/{path}"
    shown = path if kind.numbered else projects.with_id(state, path)
    head, _, own = shown.rpartition("/")
    if kind.short == "ServiceAccount":
        own = row.get("uniqueId", own)
    elif kind.short == "ServiceAccountKey":
        before, _, _ = head.rpartition("/serviceAccounts/")
        account = state.look(f"iam.serviceAccounts/{path.rpartition('/keys/')[0]}") or {}
        head = f"{before}/serviceAccounts/{account.get('uniqueId', '')}/keys"
    elif kind.short == "ManagedZone":
        own = row.get("id", own)
    return f"{kind.prefix}{head}/{own}" if head else f"{kind.prefix}{own}"


def located(state: State, name: str) -> tuple[Kind, str] | None:
    """The kind and the key that a full name means; the opposite of `full_name`, also for names with either id."""
    host, _, path = name.removeprefix("//").partition("/")
    own = projects.canonical(state, path)
    parts = own.split("/")
    for kind in KINDS.values():
        if kind.prefix != f"//{host}/":
            continue
        if kind is PROJECT and len(parts) == 2 and parts[0] == "projects":
            return kind, f"project/{parts[1]}"
        if kind is BUCKET and len(parts) == 1:
            return kind, f"storage.b/{parts[0]}"
        word = kind.collection.partition(".")[2]
        if len(parts) > 1 and parts[-2] == word and kind.collection:
            if kind.short == "ServiceAccount" and parts[-1].isdigit():
                pointer = state.look(f"iam.uniqueid/{parts[-1]}") or {}
                parts[-1] = pointer.get("email", parts[-1])
            return kind, f"{kind.collection}/{'/'.join(parts)}"
    return None


def place_of(kind: Kind, key: str, row: Json) -> str:
    found = _PLACE.search(key + "/")
    if kind is BUCKET:
        return str(row.get("location", "")).lower()
    if kind.service == "sqladmin":
        return str(row.get("region", ""))
    return found[1] if found else "global"


def number_of(kind: Kind, key: str, row: Json) -> str:
    """The number of the project that an asset is in, or is; empty outside projects."""
    if kind is PROJECT:
        return key.partition("/")[2]
    if kind is BUCKET:
        return str(row.get("projectNumber", ""))
    if kind.short == "Lien":
        return projects.of(row.get("parent", ""))
    return projects.of(key.partition("/")[2])


def alive(kind: Kind, row: Json) -> bool:
    if kind is PROJECT:
        return not row.get("pending")
    if kind.short == "Service" and kind.service == "serviceusage":
        return bool(row.get("state") == "ENABLED")
    return not row.get("deleted")
