"""A shard: one project, and what its tenants share in it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.desired.administrator import DATA_API, PROJECT_ROLE, Administrator, administrator, database_flags
from reconciler.desired.author import Author, Draft, labels_of, marks, root, uid_of
from reconciler.desired.naming import Place, ProjectNames, instance_place
from reconciler.desired.project import Project, account, base, bucket_body
from reconciler.kinds.database_flags import PLATFORM_FLAGS
from reconciler.kinds.protection import FINAL_BACKUP_DAYS
from reconciler.model.errors import InputError
from reconciler.model.fleet import Fleet, Written
from reconciler.model.ids import Address, shard_target
from reconciler.model.resource import Resource
from reconciler.model.spec import ShardDocument

SHARD_APIS = (
    "artifactregistry", "cloudbuild", "cloudresourcemanager", "iam", "logging", "monitoring", "run", "secretmanager",
    "sqladmin", "storage",
)  # fmt: skip
"""Enabled in every shard. With `spec.services` they should stay below the 20 of one batch (google-facts)."""

BUILD_ROLE = "roles/logging.logWriter"
NETWORK: Mapping[str, object] = {"ipv4Enabled": True, "sslMode": "ENCRYPTED_ONLY"}
"""How a shard's Cloud SQL instance is reached."""
"""All that the build account may do in the project: tenants' code runs under it."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard being compiled: its document, its author, its names."""

    written: Written[ShardDocument]
    author: Author
    names: ProjectNames
    instance: Place
    bucket: Place

    def after_api(self, api: str) -> Address:
        return self.author.address("project.service", f"{api}.googleapis.com")

    @property
    def instance_address(self) -> Address:
        return self.author.address("sql.instance", "main")

    @property
    def access_address(self) -> Address:
        return self.author.address("project.iam", "main")

    @property
    def login_address(self) -> Address:
        """The database user that sets tenants' grants (see administrator)."""
        return self.author.address("sql.user", "reconciler")

    @property
    def bucket_address(self) -> Address:
        return self.author.address("storage.bucket", "media")


def open_shard(fleet: Fleet, name: str) -> Shard:
    """Raises InputError when it is not among the valid shards or has no uid."""
    written = fleet.shards.get(name)
    if written is None:
        raise InputError(f"there is no valid shard `{name}`", "run `aipress validate`")
    spec, metadata = written.document.spec, written.document.metadata
    uid = uid_of(written, metadata)
    own, at = labels_of(written, metadata)
    labels = own | marks(root(fleet).document.metadata.name, uid, shard=name)
    names = ProjectNames(spec.project.id, spec.region, uid)
    return Shard(
        written=written, author=Author(shard_target(name), name, uid, written.at("spec"), labels, at), names=names,
        instance=instance_place(names, name), bucket=names.bucket(spec.bucket.name or names.media_bucket),
    )  # fmt: skip


def shard_resources(fleet: Fleet, shard: Shard) -> Iterable[Resource]:
    """Everything of the shard but its tenants. Raises InputError."""
    yield from _project(fleet, shard)
    ours = administrator(fleet)
    yield from _builds(shard)
    yield _project_access(shard, ours)
    yield _instance(shard)
    yield ours.user(shard.author, shard.instance, [shard.instance_address, shard.access_address])
    yield _media(shard)


def _project(fleet: Fleet, shard: Shard) -> Iterable[Resource]:
    yield from base(fleet, _as_project(shard))


def _as_project(shard: Shard) -> Project:
    written = shard.written
    spec, metadata = written.document.spec, written.document.metadata
    apis = {f"{api}.googleapis.com": "" for api in SHARD_APIS}
    apis |= {api: written.at("spec", "services", n) for n, api in enumerate(spec.services) if api not in apis}
    shown = metadata.display_name or f"AIPress {metadata.name}"
    display = Draft({"displayName": shown}, {"displayName": written.at("metadata", "displayName")})
    return Project(shard.author, shard.names, "main", display, spec.project.folder or "shards", apis)


def _builds(shard: Shard) -> Iterable[Resource]:
    """The account that builds tenants' code: it may write images and logs, and nothing else."""
    author, names = shard.author, shard.names
    member = f"serviceAccount:{names.email(names.build_account)}"
    builder = account(_as_project(shard), "build", names.build_account, "AIPress tenant builds")
    yield builder
    repository = author.address("artifact.repository", "tenants")
    body = {
        "format": "DOCKER",
        "description": f"Images of the tenants of shard {author.shard}",
        "labels": dict(sorted(author.labels.items())),
    }
    draft = Draft(body, author.labelled("labels"))
    yield author.resource(repository, names.repository, draft, [shard.after_api("artifactregistry")])
    policy = Draft({"bindings": [{"role": "roles/artifactregistry.writer", "members": [member]}]})
    address = author.address("artifact.repository.iam", "tenants")
    yield author.resource(address, names.repository_iam, policy, [repository, builder.address])


def _project_access(shard: Shard, ours: Administrator) -> Resource:
    """Who of ours may do what in the project as a whole: build, and log in to the databases as the reconciler."""
    author, names = shard.author, shard.names
    roles = {BUILD_ROLE: f"serviceAccount:{names.email(names.build_account)}", PROJECT_ROLE: ours.member}
    policy = Draft({"bindings": [{"role": role, "members": [member]} for role, member in sorted(roles.items())]})
    after = [author.address("iam.service-account", "build"), ours.account_address]
    return author.resource(shard.access_address, names.iam(), policy, after)


def _instance(shard: Shard) -> Resource:
    author, written, sql = shard.author, shard.written, shard.written.document.spec.sql
    settings = {
        "tier": sql.tier,
        "edition": "ENTERPRISE",
        "availabilityType": sql.availability,
        "dataDiskType": "PD_SSD",
        "dataDiskSizeGb": str(sql.disk_gb),
        "storageAutoResize": True,
        "deletionProtectionEnabled": sql.deletion_protection,
        "backupConfiguration": {
            "enabled": sql.backups.enabled,
            "binaryLogEnabled": sql.backups.enabled,
            "startTime": sql.backups.start_time,
            "transactionLogRetentionDays": sql.backups.log_days,
            "backupRetentionSettings": {"retentionUnit": "COUNT", "retainedBackups": sql.backups.retained},
        },
        "databaseFlags": database_flags(sql.flags),
        "dataApiAccess": DATA_API,
        "userLabels": dict(sorted(author.labels.items())),
        "ipConfiguration": dict(NETWORK),
        "finalBackupConfig": {"enabled": True, "retentionDays": FINAL_BACKUP_DAYS},
    }
    body = {"databaseVersion": sql.version, "region": shard.names.region, "settings": settings}
    draft = Draft(body, _instance_origins(written) | author.labelled("settings.userLabels"))
    return author.resource(shard.instance_address, shard.instance, draft, [shard.after_api("sqladmin")])


def address_path(network: Mapping[str, object]) -> str:
    """Where an instance's own address is read, by its type: Google lists those that calls go out from beside it, and in
    no order that it promises. The private one where there is one: it is reached without leaving the network."""
    return f"ipAddresses[{'PRIVATE' if network.get('privateNetwork') else 'PRIMARY'}].ipAddress"


def _instance_origins(written: Written[ShardDocument]) -> dict[str, str]:
    places = {
        "settings.tier": ("tier",),
        "settings.availabilityType": ("availability",),
        "settings.dataDiskSizeGb": ("diskGb",),
        "settings.deletionProtectionEnabled": ("deletionProtection",),
        "settings.backupConfiguration": ("backups",),
        "settings.backupConfiguration.enabled": ("backups", "enabled"),
        "settings.backupConfiguration.startTime": ("backups", "startTime"),
        "settings.backupConfiguration.transactionLogRetentionDays": ("backups", "logDays"),
        "settings.backupConfiguration.backupRetentionSettings.retainedBackups": ("backups", "retained"),
        "settings.databaseFlags": ("flags",),
        "databaseVersion": ("version",),
    }
    origins = {path: written.at("spec", "sql", *place) for path, place in places.items()}
    for name in (flag for flag in written.document.spec.sql.flags if flag not in PLATFORM_FLAGS):
        origins[f"settings.databaseFlags[{name}]"] = written.at("spec", "sql", "flags", name)
    return origins | {"region": written.at("spec", "region")}


def _media(shard: Shard) -> Resource:
    author, written, wanted = shard.author, shard.written, shard.written.document.spec.bucket
    location = wanted.location or shard.names.region.upper()
    body = bucket_body(location, author.labels, wanted.versioning, wanted.soft_delete_days)
    origins = {
        "location": written.at("spec", "bucket", "location") if wanted.location else written.at("spec", "region"),
        "versioning.enabled": written.at("spec", "bucket", "versioning"),
        "softDeletePolicy.retentionDurationSeconds": written.at("spec", "bucket", "softDeleteDays"),
        **author.labelled("labels"),
    }
    draft = Draft(body, origins)
    return author.resource(shard.bucket_address, shard.bucket, draft, [shard.after_api("storage")])
