"""What authors write: the four document kinds as pydantic models, the one source of truth for schemas and checks.

Strict: unknown fields refused, no coercion between types. Field descriptions are the reference that
`aipress explain` prints and that editors show. JSON Schemas in `schemas/` are generated from here.
"""

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from reconciler.model.guards import Guards
from reconciler.model.spec_policies import Ownership, Policy
from reconciler.model.spec_prices import Prices
from reconciler.model.spec_waves import WavesSpec
from reconciler.model.strict import Strict, TenantName

API_VERSION = "aipress.io/v1"

ShardName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,28}[a-z0-9]$", max_length=30)]
Uid = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{7}$")]
Text = Annotated[str, StringConstraints(max_length=200)]
Domain = Annotated[
    str,
    StringConstraints(
        max_length=253, pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"
    ),
]
Memory = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,5}(Mi|Gi)$")]
Cpu = Annotated[str, StringConstraints(pattern=r"^([1-9][0-9]{0,4}m|[1-8](\.[0-9]{1,2})?|0\.[0-9]{1,2})$")]
Region = Annotated[str, StringConstraints(pattern=r"^[a-z]+-[a-z]+[0-9]{1,2}$")]
ProjectId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$")]
BucketName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$")]
EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")]
EnvValue = Annotated[str, StringConstraints(max_length=4096)]
GitRef = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$")]
LabelValue = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{0,63}$")]
LabelKey = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
Php = Literal["8.1", "8.2", "8.3", "8.4"]
Api = Annotated[str, StringConstraints(pattern=r"^[a-z]+\.googleapis\.com$")]
Url = Annotated[
    str,
    StringConstraints(
        pattern=r"^(https|file)://[^\s@]{1,400}$|^ssh://([a-z]+@)?[^\s@]{1,400}$|^git@[^\s:]+:[^\s]+$", max_length=500
    ),
]
OpenBlock = dict[str, Any]
"""A block that no kind manages yet: any mapping is accepted, and `validate` and `plan` say so."""


class State(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    DELETED = "deleted"


# --- blocks that a tier gives and a tenant may override -------------------------------------------------------------


class Scaling(Strict):
    min: int | None = Field(None, ge=0, le=100, description="Instances kept running, 0 to 100. 0 scales to zero.")
    max: int | None = Field(None, ge=1, le=100, description="Most instances at once, 1 to 100.")


class Runtime(Strict):
    """How the site runs. All defaults come from the tier."""

    php: Php | None = Field(None, description='PHP version, quoted: "8.3".')
    wordpress: Annotated[str, StringConstraints(pattern=r"^[0-9]+\.[0-9]+(\.[0-9]+)?$")] | None = Field(
        None, description='WordPress version of the base image, quoted: "6.8".'
    )
    cpu: Cpu | None = Field(
        None, description='CPU per instance: "1", "500m". Equal values in other spellings are no change.'
    )
    memory: Memory | None = Field(None, description='Memory per instance: "512Mi", "1Gi".')
    concurrency: int | None = Field(None, ge=1, le=1000, description="Requests one instance serves at once.")
    timeout_seconds: int | None = Field(None, ge=1, le=3600, description="Longest request, seconds.")
    scaling: Scaling | None = Field(None, description="Fewest and most instances.")
    env: dict[EnvName, EnvValue] | None = Field(
        None, description="Plain environment variables. Never secrets: this file is public to the fleet's readers."
    )
    secrets: OpenBlock | None = Field(None, description="Secret environment variables by reference.")


class Database(Strict):
    """The tenant's own database on the shard's shared instance."""

    charset: Literal["utf8mb4", "utf8mb3"] | None = Field(None, description="Character set of the database.")
    collation: (
        Literal["utf8mb4_unicode_ci", "utf8mb4_unicode_520_ci", "utf8mb4_0900_ai_ci", "utf8mb3_general_ci"] | None
    ) = Field(None, description="Collation of the database.")
    connections: int | None = Field(
        None, ge=1, le=500, description="Most connections the tenant's database user may hold."
    )
    dedicated: bool | None = Field(None, description="An instance of its own (reserved).")


class Media(Strict):
    """Uploads in the shard's bucket, in a managed folder of the tenant's own."""

    mount: bool | None = Field(None, description="Mount the media folder at wp-content/uploads.")


class TenantBlocks(Strict):
    """The blocks a tier may set as defaults and a tenant may override."""

    runtime: Runtime | None = Field(None, description="How the site runs.")
    database: Database | None = Field(None, description="The tenant's database.")
    media: Media | None = Field(None, description="Uploads.")
    cache: OpenBlock | None = Field(None, description="Object cache.")
    cdn: OpenBlock | None = Field(None, description="Content delivery.")
    cron: OpenBlock | None = Field(None, description="Scheduled tasks.")
    mail: OpenBlock | None = Field(None, description="Outgoing mail.")
    plugins: OpenBlock | None = Field(None, description="Plugin pins.")
    themes: OpenBlock | None = Field(None, description="Theme pins.")
    security: OpenBlock | None = Field(None, description="Firewall, geography, rate limits.")
    backups: OpenBlock | None = Field(None, description="Schedule, retention, regions.")
    rollout: OpenBlock | None = Field(None, description="Canary steps, probes, bake time.")
    maintenance: OpenBlock | None = Field(None, description="Windows and time zone.")


UNMANAGED_BLOCKS = (
    "cache",
    "cdn",
    "cron",
    "mail",
    "plugins",
    "themes",
    "security",
    "backups",
    "rollout",
    "maintenance",
)
"""Blocks of TenantBlocks that no kind manages yet."""


# --- Tenant ---------------------------------------------------------------------------------------------------------


class TenantMetadata(Strict):
    name: TenantName = Field(description="Unique in the fleet; the folder's name. Never changes.")
    uid: Uid | None = Field(
        None, description="Written once by `aipress place` or `validate --fix`; goes into every cloud name."
    )
    display_name: Text | None = Field(None, description="For people; changes freely, no cloud name depends on it.")
    owners: list[TenantName] | None = Field(None, max_length=20, description="Agencies and teams that own the site.")
    labels: dict[LabelKey, LabelValue] | None = Field(None, description="Labels put on what takes labels.")


class Source(Strict):
    repository: Url = Field(description="Git repository with the site's WordPress code; no credentials in it.")
    path: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$")] | None = Field(
        None, description="Folder inside the repository."
    )


class Environment(Strict):
    """One environment; its blocks override the tenant's."""

    ref: GitRef = Field(description="Branch, tag or commit of the tenant repository.")
    domains: list[Domain] | None = Field(
        None, max_length=100, description="Host names served; the first is the canonical one."
    )
    state: Literal["active", "deleted"] | None = Field(
        None, description="`deleted` removes this environment (never by leaving it out)."
    )
    runtime: Runtime | None = Field(None, description="Overrides of the tenant's runtime for this environment.")


class Environments(Strict):
    production: Environment = Field(description="The site visitors see.")
    staging: Environment | None = Field(None, description="The copy on which changes are tried.")


class Deletion(Strict):
    reason: Annotated[str, StringConstraints(min_length=3, max_length=500)] = Field(
        description="Why the tenant is deleted; kept in history."
    )


class TenantSpec(TenantBlocks):
    tier: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,20}$")] = Field(
        description="bronze, silver, gold: a file under tiers/."
    )
    source: Source = Field(description="Where the site's code is.")
    environments: Environments = Field(description="production, and optionally staging.")
    state: State | None = Field(None, description="active (default), suspended or deleted.", strict=False)
    deletion: Deletion | None = Field(None, description="Required with `state: deleted`.")
    primary_domain: Domain | None = Field(None, description="The canonical host name, one of production's domains.")
    redirects: list[OpenBlock] | None = Field(None, max_length=1000, description="Redirect rules (reserved).")
    compliance: OpenBlock | None = Field(None, description="Data residency.")
    billing: OpenBlock | None = Field(None, description="Plan and labels.")


TENANT_UNMANAGED = (*UNMANAGED_BLOCKS, "redirects", "compliance", "billing")


class TenantDocument(Strict):
    """One WordPress site."""

    api_version: Literal["aipress.io/v1"]
    kind: Literal["Tenant"]
    metadata: TenantMetadata
    spec: TenantSpec


# --- Shard ----------------------------------------------------------------------------------------------------------


class ObjectMetadata(Strict):
    name: ShardName = Field(description="Unique among its kind; the folder's or file's name.")
    uid: Uid | None = Field(None, description="Written once by `validate --fix`; goes into names and ownership labels.")
    display_name: Text | None = Field(None, description="For people.")
    labels: dict[LabelKey, LabelValue] | None = Field(None, description="Labels put on what takes labels.")


class ShardProject(Strict):
    id: ProjectId = Field(
        description="Global and never reusable: written here once, adopted only with proof that it is ours."
    )
    folder: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,28}$")] | None = Field(
        None, description="Key under fleet.yaml spec.folders; default `shards`."
    )


class SqlBackups(Strict):
    enabled: bool = Field(True, description="Daily backups and point-in-time recovery.")
    start_time: Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = Field(
        "02:00", description='Start of the daily backup, UTC, quoted: "02:00".'
    )
    retained: int = Field(30, ge=1, le=365, description="Daily backups kept.")
    log_days: int = Field(7, ge=1, le=7, description="Days of transaction log for point-in-time recovery.")


class ShardSql(Strict):
    """The shard's shared Cloud SQL instance."""

    tier: Annotated[str, StringConstraints(pattern=r"^db-[a-z0-9-]{2,40}$")] = Field(
        "db-custom-2-8192", description="Machine type: db-custom-CPUS-MEMORY_MB."
    )
    version: Literal["MYSQL_8_0", "MYSQL_8_4"] = Field(
        "MYSQL_8_0", description="Database version; changing it is a replacement the API refuses: see the plan."
    )
    disk_gb: int = Field(100, ge=10, le=65536, description="Disk, GB. Only grows; automatic growth is no drift.")
    availability: Literal["ZONAL", "REGIONAL"] = Field("ZONAL", description="One zone, or a standby in a second.")
    flags: dict[Annotated[str, StringConstraints(pattern=r"^[a-z_]{2,60}$")], str] = Field(
        default_factory=dict, description='MySQL flags, values quoted: max_connections: "2000".'
    )
    deletion_protection: bool = Field(True, description="Cloud SQL's own guard against deletion.")
    backups: SqlBackups = Field(default_factory=SqlBackups, description="Backups of the instance.")


class ShardBucket(Strict):
    name: BucketName | None = Field(
        None, description="Global name; default PROJECT-media. Adopted only with proof that it is ours."
    )
    location: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9-]{2,30}$")] | None = Field(
        None, description="Bucket location, upper case; default the shard's region."
    )
    soft_delete_days: int = Field(30, ge=0, le=90, description="Days a deleted object can be brought back.")
    versioning: bool = Field(True, description="Keep earlier generations of media.")


class Capacity(Strict):
    tenants: int = Field(50, ge=1, le=250, description="Most tenants on this shard.")


class ShardSpec(Strict):
    project: ShardProject
    region: Region = Field(description="Region of everything in this shard.")
    sql: ShardSql = Field(default_factory=ShardSql)
    bucket: ShardBucket = Field(default_factory=ShardBucket)
    capacity: Capacity = Field(default_factory=Capacity)
    tiers: list[str] | None = Field(None, description="Tiers placed here; default all.")
    state: Literal["active", "draining"] = Field("active", description="draining: nothing new is placed here.")
    services: list[Api] = Field(default_factory=list, description="Google APIs enabled beside those the shard needs.")
    proxysql: OpenBlock | None = Field(None, description="Connection pool.")
    cache: OpenBlock | None = Field(None, description="Shared cache.")
    network: OpenBlock | None = Field(None, description="VPC of the shard.")


SHARD_UNMANAGED = ("proxysql", "cache", "network")


class ShardDocument(Strict):
    """One Google Cloud project and what its tenants share."""

    api_version: Literal["aipress.io/v1"]
    kind: Literal["Shard"]
    metadata: ObjectMetadata
    spec: ShardSpec


# --- Tier -----------------------------------------------------------------------------------------------------------


class TierLimits(Strict):
    storage_gb: int = Field(ge=1, description="Media, GB.")
    bandwidth_gb: int = Field(ge=1, description="Transfer a month, GB.")
    visits: int = Field(ge=1, description="Visits a month.")
    max_instances: int = Field(10, ge=1, le=100, description="Most `runtime.scaling.max` a tenant may ask for.")
    max_memory: Memory = Field("2Gi", description="Most `runtime.memory` a tenant may ask for.")


class TierSpec(Strict):
    price_usd: float = Field(ge=0, description="Price a month, USD.")
    availability: Annotated[str, StringConstraints(pattern=r"^99(\.[0-9]{1,3})?$")] = Field(
        description='Availability promised, percent, quoted: "99.95".'
    )
    limits: TierLimits
    defaults: TenantBlocks = Field(description="What a tenant of this tier inherits.")


class TierDocument(Strict):
    """Defaults and limits a tenant inherits."""

    api_version: Literal["aipress.io/v1"]
    kind: Literal["Tier"]
    metadata: ObjectMetadata
    spec: TierSpec


# --- Fleet ----------------------------------------------------------------------------------------------------------


class FolderSpec(Strict):
    display_name: Annotated[str, StringConstraints(min_length=3, max_length=30)] = Field(
        description="Folder name under the organization."
    )


class ControlProject(Strict):
    id: ProjectId = Field(description="The project that the reconciler itself runs in.")
    region: Region = Field("europe-west1", description="Region of its objects.")
    folder: str | None = Field(None, description="Key under spec.folders; default `control`.")
    services: list[Api] = Field(default_factory=list, description="APIs enabled beside those it needs.")


class Images(Strict):
    wordpress: dict[Php, str] = Field(
        description="Base image per PHP version, used until a tenant has a release of its own."
    )
    suspended: str = Field(description="Image that answers for a suspended tenant.")


class Escrow(Strict):
    days: int = Field(14, ge=1, le=90, description="Days a deleted tenant's data is kept before it may be purged.")


class PurgeApproval(Strict):
    """Written approval to purge one deleted tenant after its escrow window; in a commit of its own."""

    tenant: TenantName
    uid: Uid = Field(description="The deleted tenant's uid, exactly.")
    expires: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] = Field(
        description='Last day it holds, at most 7 days ahead, quoted: "2026-12-01".'
    )
    approvers: list[Text] = Field(min_length=2, description="Two people, neither the author.")

    @property
    def last_day(self) -> date:
        return date.fromisoformat(self.expires)


class FleetSpec(Strict):
    organization: Annotated[str, StringConstraints(pattern=r"^organizations/[0-9]{6,20}$")] = Field(
        description="organizations/NUMBER."
    )
    parent: Annotated[str, StringConstraints(pattern=r"^(organizations|folders)/[0-9]{6,20}$")] | None = Field(
        None, description="Where the fleet's folders go; default the organization."
    )
    billing_account: Annotated[
        str, StringConstraints(pattern=r"^billingAccounts/[0-9A-F]{6}-[0-9A-F]{6}-[0-9A-F]{6}$")
    ] = Field(description="billingAccounts/XXXXXX-XXXXXX-XXXXXX.")
    control_project: ControlProject
    folders: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,28}$")], FolderSpec] = Field(
        description="Folders by key; `shards` and `control` are used by default."
    )
    images: Images
    guards: Guards = Field(default_factory=Guards)
    prices: Prices = Field(default_factory=Prices, description="What is otherwise than in the built-in price book.")
    escrow: Escrow = Field(default_factory=Escrow)
    purges: list[PurgeApproval] = Field(
        default_factory=list, max_length=50, description="Approved purges of deleted tenants."
    )
    waves: WavesSpec = Field(default_factory=WavesSpec, description="How a change of many live sites is walked.")
    policies: list[Policy] = Field(
        default_factory=list, max_length=100, description="What a plan is held to beside the guards."
    )
    ownership: Ownership | None = Field(
        None, description="Who may change which field; judged where a plan has a base. Default: not judged."
    )
    services: OpenBlock | None = Field(None, description="Shared services of the fleet.")


FLEET_UNMANAGED = ("services",)


class FleetDocument(Strict):
    """Everything one fleet repository declares: the root document."""

    api_version: Literal["aipress.io/v1"]
    kind: Literal["Fleet"]
    metadata: ObjectMetadata
    spec: FleetSpec


DOCUMENTS: dict[str, type[Strict]] = {
    "Fleet": FleetDocument, "Tier": TierDocument, "Shard": ShardDocument, "Tenant": TenantDocument,
}  # fmt: skip
