"""The table of kinds. Limits are Google's documented ones; a figure only recalled is said so beside it."""

from collections.abc import Mapping

from reconciler.kinds.kind import Keyed, Kind, Proof

_BINDINGS_OPEN = (Keyed("bindings", "role", owned=False), Keyed("bindings[*].members", "", owned=False))
_BINDINGS_OWNED = (Keyed("bindings", "role"), Keyed("bindings[*].members"))

_KINDS = (
    Kind(
        "folder", "folder", "cloudresourcemanager", Proof.CONTAINER,
        immutable=("parent",), never_replace=True, name_limit=30,
        permissions=("resourcemanager.folders.list", "resourcemanager.folders.create"),
    ),
    Kind(
        "project", "project", "cloudresourcemanager", Proof.LABELS, labels="labels",
        immutable=("projectId", "parent"), whole=("labels",), data_bearing=True, never_replace=True, global_name=True,
        if_taken="a project id is never free again, not even when its project is gone: write another one into "
        "`spec.project.id` of the shard", name_limit=30,
        permissions=(
            "resourcemanager.projects.get", "resourcemanager.projects.create", "resourcemanager.projects.update",
        ),
    ),
    Kind(
        "project.billing", "billing link", "cloudbilling", Proof.CONTAINER,
        implicit=True,
        permissions=("billing.resourceAssociations.create", "resourcemanager.projects.createBillingAssignment"),
    ),
    Kind(
        "project.service", "enabled API", "serviceusage", Proof.CONTAINER,
        implicit=True,
        permissions=("serviceusage.services.list", "serviceusage.services.enable"),
    ),
    Kind(
        "project.iam", "project IAM members", "cloudresourcemanager", Proof.CONTAINER,
        keyed=_BINDINGS_OPEN,
        implicit=True,
        permissions=("resourcemanager.projects.getIamPolicy", "resourcemanager.projects.setIamPolicy"),
    ),
    Kind(
        "iam.service-account", "service account", "iam", Proof.DESCRIPTION, name_limit=30,
        permissions=("iam.serviceAccounts.list", "iam.serviceAccounts.create", "iam.serviceAccounts.update"),
    ),
    Kind(
        "artifact.repository", "image repository", "artifactregistry", Proof.LABELS, labels="labels",
        immutable=("format",), whole=("labels",), data_bearing=True, name_limit=63,
        permissions=("artifactregistry.repositories.list", "artifactregistry.repositories.create"),
    ),
    Kind(
        "artifact.repository.iam", "image repository access", "artifactregistry", Proof.CONTAINER,
        keyed=_BINDINGS_OWNED,
        implicit=True,
        permissions=("artifactregistry.repositories.getIamPolicy", "artifactregistry.repositories.setIamPolicy"),
    ),
    Kind(
        "sql.instance", "Cloud SQL instance", "sqladmin", Proof.LABELS, labels="settings.userLabels",
        immutable=("region", "databaseVersion"),
        grows_only=("settings.dataDiskSizeGb",),
        keyed=(Keyed("settings.databaseFlags", "name"),),
        equal=(
            ("settings.dataDiskSizeGb", "int"),
            ("settings.backupConfiguration.transactionLogRetentionDays", "int"),
            ("settings.backupConfiguration.backupRetentionSettings.retainedBackups", "int"),
        ),
        whole=("settings.userLabels", "settings.databaseFlags"),
        visible=(
            "settings.tier", "settings.databaseFlags", "settings.availabilityType",
            "settings.backupConfiguration.binaryLogEnabled",
        ),
        lane="instance", data_bearing=True, name_limit=84,
        permissions=("cloudsql.instances.list", "cloudsql.instances.create", "cloudsql.instances.update"),
    ),
    Kind(
        "sql.database", "database", "sqladmin", Proof.CONTAINER, immutable=("charset",), lane="instance",
        equal=(("charset", "lower"), ("collation", "lower")), data_bearing=True, name_limit=64,
        permissions=("cloudsql.databases.list", "cloudsql.databases.create", "cloudsql.databases.update"),
    ),
    Kind(
        # databaseRoles: no document says that users.list tells them, so they are compared with what was applied
        "sql.user", "database user", "sqladmin", Proof.CONTAINER, immutable=("host", "type", "iamEmail"),
        write_only=("passwordFrom", "databaseRoles"), lane="instance", name_limit=32,
        permissions=("cloudsql.users.list", "cloudsql.users.create", "cloudsql.users.update"),
    ),
    Kind(
        "sql.grant", "database grants", "sqladmin", Proof.CONTAINER,
        keyed=(Keyed("grants", "database"), Keyed("grants[*].privileges")),
        lane="instance", name_limit=32, implicit=True,
        permissions=("cloudsql.instances.executeSql", "cloudsql.instances.login"),
    ),
    Kind(
        "sql.backup", "final backup", "sqladmin", Proof.CONTAINER, lane="instance", data_bearing=True,
        permissions=("cloudsql.backupRuns.list", "cloudsql.backupRuns.create"),
    ),
    Kind(
        "secret", "secret", "secretmanager", Proof.LABELS, labels="labels",
        immutable=("replication",), equal=(("versionDestroyTtl", "duration"),), whole=("labels",),
        data_bearing=True, name_limit=255,
        permissions=("secretmanager.secrets.list", "secretmanager.secrets.create", "secretmanager.secrets.update"),
    ),
    Kind(
        "secret.version", "secret version", "secretmanager", Proof.CONTAINER, write_only=("generate",),
        data_bearing=True,
        permissions=("secretmanager.versions.get", "secretmanager.versions.add", "secretmanager.versions.access"),
    ),
    Kind(
        "secret.iam", "secret access", "secretmanager", Proof.CONTAINER,
        keyed=_BINDINGS_OWNED,
        implicit=True,
        permissions=("secretmanager.secrets.getIamPolicy", "secretmanager.secrets.setIamPolicy"),
    ),
    Kind(
        "storage.bucket", "bucket", "storage", Proof.LABELS, labels="labels",
        immutable=("location",), equal=(("location", "lower"), ("softDeletePolicy.retentionDurationSeconds", "int")),
        whole=("labels", "lifecycle"), data_bearing=True, global_name=True, name_limit=63,
        permissions=("storage.buckets.list", "storage.buckets.create", "storage.buckets.update", "storage.buckets.get"),
    ),
    Kind(
        "storage.managed-folder", "media folder", "storage", Proof.CONTAINER, data_bearing=True,
        permissions=("storage.managedFolders.list", "storage.managedFolders.create"),
    ),
    Kind(
        "storage.managed-folder.iam", "media folder access", "storage", Proof.CONTAINER,
        keyed=_BINDINGS_OWNED,
        implicit=True,
        permissions=("storage.managedFolders.getIamPolicy", "storage.managedFolders.setIamPolicy"),
    ),
    Kind(
        "run.service", "Cloud Run service", "run", Proof.LABELS, labels="labels",
        keyed=(
            Keyed("template.containers[*].env", "name"),
            Keyed("template.containers[*].volumeMounts", "name"),
            Keyed("template.volumes", "name"),
            Keyed("template.volumes[*].gcs.mountOptions"),
        ),
        equal=(
            ("template.containers[*].resources.limits.cpu", "quantity"),
            ("template.containers[*].resources.limits.memory", "quantity"),
            ("template.timeout", "duration"),
        ),
        whole=("labels", "template.labels", "annotations", "template.annotations"),
        visible=("template", "traffic", "ingress", "invokerIamDisabled"), curable=True,
        modifier="lastModifier", name_limit=33,
        permissions=(
            "run.services.list", "run.services.get", "run.services.create", "run.services.update",
            "iam.serviceAccounts.actAs",
        ),
    ),
)  # fmt: skip

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _KINDS}


def kind_of(name: str) -> Kind:
    """Raises KeyError for a name that is no kind of ours: a bug, or a version written by a newer release."""
    return KINDS[name]
